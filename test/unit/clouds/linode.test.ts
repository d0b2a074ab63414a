import { beforeAll, describe, expect, test } from "vitest";
import type { MachineRequest, Opening } from "../../../components/clouds/cloud";
import { LinodeCloud, type LinodeCloudArgs } from "../../../components/clouds/linode";
import { exposure, firewallRules } from "../../../components/clouds/linode/firewall";
import { inClear, opened } from "../cluster/deployment";
import { type Asked, type Recording, recording } from "./recording";
import { linodeAnswers, support, web, worker } from "./requests";

/** What is Linode's own; what holds of every cloud is in contract.test.ts. */

const args: LinodeCloudArgs = {
  cluster: "campus",
  region: "nl-ams",
  image: "private/1",
  type: "g6-standard-2",
  ipv4: "10.1.0.0/24",
  adminCidrs: ["203.0.113.0/24", "2001:db8:7::/64"],
  backups: true,
};

function made(requests: MachineRequest[], change: Partial<LinodeCloudArgs> = {}): Promise<Recording<void>> {
  return recording(() => {
    const cloud = new LinodeCloud({ ...args, ...change });
    for (const request of requests) cloud.machine(request, {});
  }, linodeAnswers);
}

const requests = [support, web("edge-a"), web("edge-b"), worker("client-a")];
let all: Recording<void>;
beforeAll(async () => {
  all = await made(requests);
});

function found(recorded: Recording<void>, id: string): Asked {
  const one = recorded.resources.find((each) => each.id === id);
  if (!one) throw new Error(`no ${id} was asked for`);
  return one;
}
const instance = (name: string, recorded = all) => found(recorded, `linode.Instance ${name}`);
const inputs = (one: Asked) => opened<Record<string, unknown>>(one.inputs);

test("what is made: what all share once, and one resource for each machine", () => {
  expect(all.resources.map(({ id }) => id)).toEqual([
    "linode.Firewall admins",
    "linode.Firewall inside",
    "linode.Firewall world",
    "linode.Instance client-a",
    "linode.Instance edge-a",
    "linode.Instance edge-b",
    "linode.Instance support-a",
    "linode.PlacementGroup edge",
    "linode.PlacementGroup support",
    "linode.Vpc private",
    "linode.VpcSubnet private",
  ]);
  expect(all.calls).toEqual([]);
});

test("the network is the settings'", () => {
  expect(inputs(found(all, "linode.Vpc private"))).toEqual({
    label: "campus",
    region: "nl-ams",
    description: "Cluster campus",
  });
  expect(inputs(found(all, "linode.VpcSubnet private"))).toMatchObject({
    label: "campus-private",
    ipv4: "10.1.0.0/24",
  });
});

test("a machine goes out by a public address of its own and has one in the VPC, the pet a certain one", () => {
  expect(inputs(instance("client-a")).interfaces).toEqual([
    { purpose: "public", primary: true },
    { purpose: "vpc", subnetId: expect.any(Number) },
  ]);
  expect(inputs(instance("support-a")).interfaces).toMatchObject([
    { purpose: "public" },
    { purpose: "vpc", ipv4: { vpc: "10.1.0.2" } },
  ]);
});

test("with egress nat only those have a public address that are reached from outside", async () => {
  const recorded = await made(requests, { egress: "nat" });
  const purposes = (name: string) =>
    (inputs(instance(name, recorded)).interfaces as { purpose: string; primary?: boolean }[]).map(
      ({ purpose, primary }) => [purpose, primary ?? false],
    );
  for (const name of ["support-a", "edge-a"])
    expect(purposes(name), name).toEqual([
      ["public", true],
      ["vpc", false],
    ]);
  expect(purposes("client-a")).toEqual([["vpc", true]]);
  expect(inputs(instance("client-a", recorded)).tags).toEqual(["campus"]);
});

test("a machine is under its firewall from its birth, and no firewall lists machines", () => {
  const behind = { "support-a": "admins", "edge-a": "world", "edge-b": "world", "client-a": "inside" };
  for (const [machine, firewall] of Object.entries(behind)) {
    expect(instance(machine).inputs, machine).toHaveProperty("firewallId");
    const firewalls = instance(machine).dependencies.filter((id) => id.startsWith("linode.Firewall"));
    expect(firewalls, machine).toEqual([`linode.Firewall ${firewall}`]);
    const { linodes, inboundPolicy, outboundPolicy } = inputs(found(all, `linode.Firewall ${firewall}`));
    expect([linodes, inboundPolicy, outboundPolicy]).toEqual([undefined, "DROP", "ACCEPT"]);
  }
});

test("machines that stand apart share a placement group that bears a shortage of hosts", () => {
  expect(inputs(found(all, "linode.PlacementGroup edge"))).toEqual({
    label: "campus-edge",
    region: "nl-ams",
    placementGroupType: "anti_affinity:local",
    placementGroupPolicy: "flexible",
  });
  for (const name of ["edge-a", "edge-b"]) {
    expect(instance(name).dependencies).toContain("linode.PlacementGroup edge");
  }
  expect(instance("client-a").inputs).not.toHaveProperty("placementGroup");
});

test("backups are for what holds state, and a setting", async () => {
  const backed = (recorded: Recording<void>) =>
    ["support-a", "edge-a", "client-a"].map((name) => instance(name, recorded).inputs.backupsEnabled);
  expect(backed(all)).toEqual([true, false, false]);
  expect(backed(await made(requests, { backups: false }))).toEqual([false, false, false]);
});

test("tags say whose a machine is and what for, and that its public address is for going out alone", async () => {
  const recorded = await made([{ ...support, tags: ["support"] }, worker("client-a")]);
  expect(instance("support-a", recorded).inputs.tags).toEqual(["campus", "support"]);
  expect(instance("client-a", recorded).inputs.tags).toEqual(["campus", "egress-public"]);
});

test("no password and no root's key is told, and what a machine learns lies encrypted in the state", () => {
  for (const one of all.resources) {
    for (const property of ["rootPass", "authorizedKeys", "authorizedUsers", "stackscriptData"]) {
      expect(one.inputs, one.id).not.toHaveProperty(property);
    }
  }
  expect(inClear<Record<string, unknown>>(instance("edge-a").inputs).metadatas).toBe("[secret]");
});

describe("with a StackScript in place of metadata", () => {
  let recorded: Recording<void>;
  beforeAll(async () => {
    recorded = await made(requests, { bootstrap: "stackscript" });
  });

  test("one script is the cluster's own, for its image, and nothing of a machine is in it", () => {
    const { label, images, isPublic, script } = inputs(
      found(recorded, "linode.StackScript first-contact"),
    ) as Record<string, string>;
    expect({ label, images, isPublic }).toEqual({
      label: "campus-first-contact",
      images: ["any/all"],
      isPublic: false,
    });
    expect(script).toMatch(/^#!\/bin\/bash\n/);
    expect(script).not.toContain("AAAA");
  });

  test("each machine answers what it asks: user, keys and the throw-away host key, encrypted in the state", () => {
    const script = inputs(found(recorded, "linode.StackScript first-contact")).script as string;
    const asked = [...script.matchAll(/<UDF name="(\w+)"/g)].map(([, name]) => name);
    for (const name of ["support-a", "edge-a", "client-a"]) {
      const { stackscriptData, metadatas } = inputs(instance(name, recorded)) as {
        stackscriptData: Record<string, string>;
        metadatas?: unknown;
      };
      expect(metadatas).toBeUndefined();
      expect(Object.keys(stackscriptData).sort()).toEqual(asked.sort());
      const told = Object.fromEntries(
        Object.entries(stackscriptData).map(([key, value]) => [
          key,
          key === "hs_user" ? value : Buffer.from(value, "base64").toString(),
        ]),
      );
      expect(told).toEqual({
        hs_user: "ops",
        hs_keys: "ssh-ed25519 AAAA login\n",
        hs_host_key: expect.stringContaining("throw-away"),
      });
      expect(inClear<Record<string, unknown>>(instance(name, recorded).inputs).stackscriptData).toBe(
        "[secret]",
      );
      expect(instance(name, recorded).dependencies).toContain("linode.StackScript first-contact");
    }
  });
});

/** The table of docs/linode.md: what the provider does with a change, by its own schema, and what is asked of the engine. */
describe("what replaces a machine", () => {
  test("another label alone", () => {
    expect(instance("edge-a").replaceOnChanges).toEqual(["label"]);
  });

  test("all that the provider would do by replacing, resizing or powering off waits for the next machine", () => {
    expect([...instance("edge-a").ignoreChanges].sort()).toEqual([
      "firewallId",
      "image",
      "interfaces",
      "metadatas",
      "region",
      "stackscriptData",
      "stackscriptId",
      "type",
    ]);
  });

  test("what is left is changed on the living machine", () => {
    const { replaceOnChanges, ignoreChanges, inputs } = instance("edge-a");
    const left = Object.keys(inputs).filter(
      (name) => ![...replaceOnChanges, ...ignoreChanges].includes(name),
    );
    expect(left.sort()).toEqual(["backupsEnabled", "placementGroup", "tags"]);
  });

  test("the pet goes before its successor comes, whose address is the same", () => {
    expect(instance("support-a").deleteBeforeReplace).toBe(true);
    expect(instance("edge-a").deleteBeforeReplace).toBe(false);
  });
});

test("the network is guarded where the settings say so: its addresses and region stay", async () => {
  const guarded = ({ resources }: Recording<void>) =>
    resources.filter((one) => one.protect).map(({ id }) => id);
  expect(guarded(all)).toEqual([]);
  expect(guarded(await made(requests, { protect: true }))).toEqual([
    "linode.Vpc private",
    "linode.VpcSubnet private",
  ]);
});

describe("firewalls' rules", () => {
  const sources = { network: "10.1.0.0/24", adminCidrs: args.adminCidrs };
  const open = (from: string, port: number, protocol = "tcp"): Opening => ({
    from,
    protocol,
    port,
    service: "x",
  });

  test("nothing comes in where nothing is open, but from the private network", () => {
    expect(firewallRules([], sources)).toEqual([
      { label: "private-tcp", protocol: "TCP", ports: "1-65535", ipv4s: ["10.1.0.0/24"] },
      { label: "private-udp", protocol: "UDP", ports: "1-65535", ipv4s: ["10.1.0.0/24"] },
      { label: "private-icmp", protocol: "ICMP", ipv4s: ["10.1.0.0/24"] },
    ]);
  });

  test("ports with the same sources share a rule", () => {
    const openings = [open("world", 443), open("admins", 8200), open("world", 80), open("admins", 22)];
    expect(
      firewallRules([...openings, open("world", 443, "udp"), open("world", 80)], sources).slice(3),
    ).toEqual([
      {
        label: "admins-tcp",
        protocol: "TCP",
        ports: "22, 8200",
        ipv4s: ["203.0.113.0/24"],
        ipv6s: ["2001:db8:7::/64"],
      },
      { label: "world-tcp", protocol: "TCP", ports: "80, 443", ipv4s: ["0.0.0.0/0"], ipv6s: ["::/0"] },
      { label: "world-udp", protocol: "UDP", ports: "443", ipv4s: ["0.0.0.0/0"], ipv6s: ["::/0"] },
    ]);
  });

  test("administrators of one family make no empty list", () => {
    const [, , , rule] = firewallRules([open("admins", 22)], { ...sources, adminCidrs: ["203.0.113.7/32"] });
    expect(rule).toEqual({ label: "admins-tcp", protocol: "TCP", ports: "22", ipv4s: ["203.0.113.7/32"] });
  });

  test("a rule has fifteen ports at most, a firewall twenty-five rules", () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => open("world", 1000 + at));
    const rules = firewallRules(many(31), sources);
    expect(rules.slice(3).map(({ label, ports }) => [label, ports?.split(", ").length])).toEqual([
      ["world-tcp-1", 15],
      ["world-tcp-2", 15],
      ["world-tcp-3", 1],
    ]);
    expect(firewallRules(many(22 * 15), sources)).toHaveLength(25);
    expect(() => firewallRules(many(22 * 15 + 1), sources)).toThrow(
      "A firewall of Linode's holds 25 rules, and 331 openings need 26: open fewer ports.",
    );
    for (const { label } of rules) expect(label).toMatch(/^[a-z0-9-]{3,32}$/);
  });

  test("somebody unknown is refused, and so are two kinds of machines that one name would hold", async () => {
    expect(() => firewallRules([open("neighbours", 22)], sources)).toThrow(
      'Linode\'s firewall does not know who "neighbours" is.',
    );
    await expect(made([web("edge-a"), { ...web("edge-b"), openings: [open("world", 25)] }])).rejects.toThrow(
      "Machines that are open to world are open at different ports: one firewall is not enough.",
    );
    expect([exposure([]), exposure([open("world", 80), open("admins", 22)])]).toEqual([
      "inside",
      "admins-world",
    ]);
  });
});

test("a second cluster in the same account takes nothing of the first's", async () => {
  // The machines' own names come from the caller, and begin with the cluster's.
  const named = (cluster: string) =>
    made(
      requests.map((one) => ({ ...one, cloudName: `${cluster}-${one.name}-12345678` })),
      { cluster },
    );
  const words = ({ resources }: Recording<void>) =>
    resources.flatMap(({ inputs }) => [inputs.label as string, ...((inputs.tags as string[]) ?? [])]);
  const [first, second] = [words(await named("campus")), words(await named("annex"))];
  expect(first).toHaveLength(second.length);
  expect(new Set(second.filter((word) => first.includes(word)))).toEqual(new Set(["egress-public"]));
});
