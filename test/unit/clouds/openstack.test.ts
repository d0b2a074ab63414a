import { beforeAll, describe, expect, test } from "vitest";
import type { CloudMachine } from "../../../components/clouds/cloud";
import { numbered } from "../../../components/clouds/numbered";
import { canonical, ofFamily, poolOf } from "../../../components/clouds/openstack/addresses";
import { campus, dualStack, made, one } from "./campus";
import { inside, type Recording } from "./recording";
import { support, web, worker } from "./requests";

/** What OpenStack is asked for. */

/** The rules of a group: who, what. */
function rulesOf({ resources }: Recording<unknown>, group: string): string[] {
  return resources
    .filter(
      ({ kind, inputs }) => kind === "networking.SecGroupRule" && inputs.securityGroupId === `${group}-id`,
    )
    .map(({ inputs }) => {
      expect(inputs.portRangeMax).toBe(inputs.portRangeMin);
      const what = inputs.protocol === undefined ? "all" : `${inputs.protocol} ${inputs.portRangeMin}`;
      const who = inputs.remoteIpPrefix ?? inputs.remoteGroupId ?? "anywhere";
      return `${inputs.direction} ${inputs.ethertype} ${what} ${who}`;
    })
    .sort();
}

describe("what all machines share", () => {
  let plain: Recording<unknown>;
  let dual: Recording<unknown>;
  beforeAll(async () => {
    plain = await made(campus, support, web("edge-a"), worker("client-a"));
    dual = await made(dualStack, support, web("edge-a"), worker("client-a"));
  });

  test("one network with IPv4 by DHCP, whose first addresses are kept for machines by number", () => {
    expect(one(plain, "networking.Subnet private-ipv4").inputs).toEqual({
      name: "campus-private-ipv4",
      networkId: "private-id",
      ipVersion: 4,
      cidr: "10.20.0.0/24",
      enableDhcp: true,
      allocationPools: [{ start: "10.20.0.11", end: "10.20.0.254" }],
      tags: ["hashistack-campus"],
    });
    expect(plain.resources.filter(({ kind }) => kind === "networking.Subnet")).toHaveLength(1);
  });

  test("IPv6 where the cloud carries it: static, by a gateway, through the same router", () => {
    expect(one(dual, "networking.Subnet private-ipv6").inputs).toEqual({
      name: "campus-private-ipv6",
      networkId: "private-id",
      ipVersion: 6,
      cidr: "2001:db8:20::/64",
      enableDhcp: false,
      allocationPools: [{ start: "2001:db8:20::b", end: "2001:db8:20::1:a" }],
      tags: ["hashistack-campus"],
    });
    expect(one(dual, "networking.RouterInterface private-ipv6").inputs).toEqual({
      routerId: "router-id",
      subnetId: "private-ipv6-id",
    });
  });

  test("IPv6 among themselves alone has no gateway and no way to the router", async () => {
    const own = await made({ ...campus, ipv6: "fd00:20::/64" }, web("edge-a"));
    expect(one(own, "networking.Subnet private-ipv6").inputs).toMatchObject({ noGateway: true });
    expect(own.resources.map(({ id }) => id)).not.toContain("networking.RouterInterface private-ipv6");
    expect(rulesOf(own, "members")).toContain("ingress IPv6 all fd00:20::/64");
    expect(rulesOf(own, "world-80-443")).toEqual([
      "ingress IPv4 tcp 443 0.0.0.0/0",
      "ingress IPv4 tcp 80 0.0.0.0/0",
    ]);
    expect(await inside(own.value["edge-a"]?.publicIpv6 as CloudMachine["publicIpv6"])).toBeUndefined();
  });

  test("a prefix from a pool is asked for there", async () => {
    const pooled = await made({ ...dualStack, ipv6SubnetPool: "pool-1" });
    expect(one(pooled, "networking.Subnet private-ipv6").inputs).toMatchObject({
      cidr: "2001:db8:20::/64",
      subnetpoolId: "pool-1",
    });
  });

  test("a router to the outer network, found by name; a given one is only joined", async () => {
    expect(one(plain, "networking.Router router").inputs).toMatchObject({ externalNetworkId: "net-public" });
    expect(plain.calls).toContainEqual({
      token: "openstack:networking/getNetwork:getNetwork",
      inputs: { name: "public", external: true },
    });
    const given = await made({ ...campus, router: "r-1" });
    expect(given.resources.map(({ kind }) => kind)).not.toContain("networking.Router");
    expect(one(given, "networking.RouterInterface private-ipv4").inputs).toEqual({
      routerId: "r-1",
      subnetId: "private-ipv4-id",
    });
    expect(given.calls.map(({ token }) => token)).toEqual(["openstack:images/getImage:getImage"]);
  });

  test("groups: the private network, then what is open to whom; default rules of the cloud count for nothing", () => {
    const groups = plain.resources.filter(({ kind }) => kind === "networking.SecGroup");
    expect(groups.map(({ name }) => name)).toEqual(["admins-22-8200", "members", "world-80-443"]);
    for (const { inputs } of groups) expect(inputs.deleteDefaultRules).toBe(true);
    expect(rulesOf(plain, "members")).toEqual(["egress IPv4 all anywhere", "ingress IPv4 all 10.20.0.0/24"]);
    expect(rulesOf(plain, "admins-22-8200")).toEqual([
      "ingress IPv4 tcp 22 203.0.113.0/24",
      "ingress IPv4 tcp 8200 203.0.113.0/24",
    ]);
    expect(rulesOf(plain, "world-80-443")).toEqual([
      "ingress IPv4 tcp 443 0.0.0.0/0",
      "ingress IPv4 tcp 80 0.0.0.0/0",
    ]);
  });

  test("groups by both families, in the form in which Neutron answers", () => {
    expect(rulesOf(dual, "members")).toEqual([
      "egress IPv4 all anywhere",
      "egress IPv6 all anywhere",
      "ingress IPv4 all 10.20.0.0/24",
      // Who sends from a public prefix may be anybody.
      "ingress IPv6 all members-id",
    ]);
    expect(rulesOf(dual, "admins-22-8200")).toEqual([
      "ingress IPv4 tcp 22 203.0.113.0/24",
      "ingress IPv4 tcp 8200 203.0.113.0/24",
      "ingress IPv6 tcp 22 2001:db8:7::/64",
      "ingress IPv6 tcp 8200 2001:db8:7::/64",
    ]);
    expect(rulesOf(dual, "world-80-443")).toContain("ingress IPv6 tcp 443 ::/0");
  });

  test("no rule has a description: beside a rule of the same content Neutron makes no second", () => {
    for (const { kind, inputs } of dual.resources) {
      if (kind === "networking.SecGroupRule") expect(inputs).not.toHaveProperty("description");
    }
  });

  test("machines with the same ports share a group", async () => {
    const two = await made(campus, web("edge-a"), web("edge-b"));
    const ids = ["edge-a", "edge-b"].map(
      (name) => one(two, `networking.Port ${name}`).inputs.securityGroupIds,
    );
    expect(ids).toEqual([
      ["members-id", "world-80-443-id"],
      ["members-id", "world-80-443-id"],
    ]);
  });

  test("an opening for somebody unknown is refused", async () => {
    const opening = { from: "friends", protocol: "tcp", port: 1, service: "x" };
    await expect(made(campus, { ...web("edge-a"), openings: [opening] })).rejects.toThrow(
      'it is not known where "friends" is',
    );
  });
});

describe("a machine", () => {
  test("that is reached from outside: port, instance, floating address led to the port when there is a way out", async () => {
    const recorded = await made(campus, web("edge-a"));
    expect(one(recorded, "networking.Port edge-a").inputs).toEqual({
      name: "campus-edge-a-12345678",
      networkId: "private-id",
      adminStateUp: true,
      fixedIps: [{ subnetId: "private-ipv4-id" }],
      securityGroupIds: ["members-id", "world-80-443-id"],
      portSecurityEnabled: true,
      tags: ["hashistack-campus"],
    });
    const { userData, ...plain } = one(recorded, "compute.Instance edge-a").inputs;
    expect(plain).toEqual({
      name: "campus-edge-a-12345678",
      flavorName: "m1.medium",
      imageId: "image-hashistack-2026-11",
      networks: [{ port: "edge-a-id" }],
      configDrive: true,
      schedulerHints: [{ group: "edge-id" }],
      metadata: { "hashistack-cluster": "campus", "hashistack-machine": "edge-a" },
      tags: ["hashistack-campus"],
    });
    expect(one(recorded, "networking.FloatingIp edge-a").inputs).toEqual({
      pool: "public",
      description: "campus-edge-a-12345678",
      tags: ["hashistack-campus"],
    });
    const led = one(recorded, "networking.FloatingIpAssociate edge-a");
    expect(led.inputs).toEqual({ floatingIp: "192.0.2.77", portId: "edge-a-id", fixedIp: "10.20.0.77" });
    expect(led.dependencies).toContain("networking.RouterInterface private-ipv4");
  });

  test("is made when there is a way out and its groups let through what they shall", async () => {
    const { dependencies } = one(await made(campus, web("edge-a"), support), "compute.Instance edge-a");
    expect(dependencies).toEqual(
      expect.arrayContaining([
        "networking.RouterInterface private-ipv4",
        "networking.SecGroupRule members-in-IPv4",
        "networking.SecGroupRule members-out-IPv4",
        "networking.SecGroupRule world-443-from-0.0.0.0/0",
      ]),
    );
    // Another administrator is no matter of a machine that none may reach.
    expect(dependencies.filter((id) => id.includes("admins"))).toEqual([]);
  });

  test("that is not has no floating address, and no group but that of all", async () => {
    const recorded = await made(dualStack, worker("client-a"));
    expect(recorded.resources.filter(({ kind }) => kind.startsWith("networking.FloatingIp"))).toEqual([]);
    expect(one(recorded, "networking.Port client-a").inputs.securityGroupIds).toEqual(["members-id"]);
  });

  test("with a number has its address in both families, also where the numbers carry", async () => {
    const recorded = await made(dualStack, support);
    expect(one(recorded, "networking.Port support-a").inputs.fixedIps).toEqual([
      { subnetId: "private-ipv4-id", ipAddress: "10.20.0.2" },
      { subnetId: "private-ipv6-id", ipAddress: "2001:db8:20::2" },
    ]);
    expect(numbered("10.20.255.0/16", 300)).toBe("10.21.0.44");
    expect(poolOf("10.0.0.0/22")).toEqual({ start: "10.0.0.11", end: "10.0.3.254" });
    expect(canonical("2001:DB8:0:0::/32")).toBe("2001:db8::/32");
  });

  test("whose disk must outlive its host boots from a volume, and names no image, where the settings say so", async () => {
    const rootVolume = { sizeGb: 30, type: "ssd" };
    const recorded = await made({ ...campus, rootVolume }, support, worker("client-a"));
    const { imageId, blockDevices } = one(recorded, "compute.Instance support-a").inputs;
    expect(imageId).toBeUndefined();
    expect(blockDevices).toEqual([
      {
        sourceType: "image",
        uuid: "image-hashistack-2026-11",
        destinationType: "volume",
        bootIndex: 0,
        volumeSize: 30,
        volumeType: "ssd",
        deleteOnTermination: true,
      },
    ]);
    expect(one(recorded, "compute.Instance client-a").inputs.blockDevices).toBeUndefined();
    const everywhere = await made(
      { ...campus, rootVolume: { sizeGb: 20, everywhere: true } },
      worker("client-a"),
    );
    expect(one(everywhere, "compute.Instance client-a").inputs.blockDevices).toHaveLength(1);
  });

  test("an image by its id is not looked up", async () => {
    const image = "0d1c4b4c-6f52-4d6a-9e0c-2f4b9d7c1a11";
    const recorded = await made({ ...campus, image, router: "r-1" }, worker("client-a"));
    expect(recorded.calls).toEqual([]);
    expect(one(recorded, "compute.Instance client-a").inputs.imageId).toBe(image);
  });

  test("those of one spread are in one group, which asks for different hosts and lives without", async () => {
    const recorded = await made(campus, web("edge-a"), web("edge-b"), worker("client-a"));
    expect(one(recorded, "compute.ServerGroup edge").inputs).toEqual({
      name: "campus-edge",
      policies: ["soft-anti-affinity"],
    });
    expect(recorded.resources.filter(({ kind }) => kind === "compute.ServerGroup")).toHaveLength(1);
    expect(one(recorded, "compute.Instance client-a").inputs.schedulerHints).toBeUndefined();
  });
});

test("a port without the address that was asked for is told of by the machine's name", () => {
  expect(ofFamily(["2001:db8::1", "10.20.0.7"], "IPv4", "client-a")).toBe("10.20.0.7");
  expect(() => ofFamily(["2001:db8::1"], "IPv4", "client-a")).toThrow(
    "client-a: Neutron gave its port no IPv4 address.",
  );
});
