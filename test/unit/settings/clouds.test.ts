import { describe, expect, test } from "vitest";
import { parseSettings } from "../../../components/settings/parse";
import { goodSettings, problemsOf } from "./stack-files";

/** What a stack at Linode must say, and no more. */
function goodLinode() {
  return {
    ...goodSettings(),
    cloud: { kind: "linode", region: "nl-ams", image: "private/1" } as Record<string, unknown>,
    adminCidrs: ["203.0.113.7/32"],
    site: { domain: "www.example.org" } as Record<string, unknown>,
  };
}
const good = goodLinode();
const cloud = (change: object) => ({ ...good, cloud: { ...good.cloud, ...change } });
const group = (name: string, change: object) => ({
  ...good,
  groups: { ...good.groups, [name]: { ...good.groups[name], ...change } },
});

describe("linode", () => {
  test("its own defaults", () => {
    const { cloud, network } = parseSettings(good);
    expect(cloud).toEqual({
      kind: "linode",
      region: "nl-ams",
      image: "private/1",
      type: "g6-standard-2",
      egress: "public",
      bootstrap: "metadata",
      backups: true,
      protect: true,
    });
    expect(network).toEqual({ ipv4: "10.1.0.0/24", family: "ipv4" });
  });

  test("without a site no domain is needed", () => {
    expect(problemsOf({ ...good, site: { enabled: false } })).toEqual([]);
  });

  test.each<[string, object, string]>([
    [
      "administrators of the local cloud",
      { ...good, adminCidrs: undefined },
      "adminCidrs: is missing; with the cloud linode, name the networks from which administrators come",
    ],
    [
      "the local cloud's domain",
      { ...good, site: {} },
      "site.domain: is missing; with the cloud linode, name the host name by which visitors find the site",
    ],
    ["no region", cloud({ region: undefined }), "cloud.region: is missing"],
    ["no image", cloud({ image: undefined }), "cloud.image: is missing"],
    [
      "Linode's own image",
      cloud({ image: "linode/debian12" }),
      'cloud.image: must be an image of your own, such as "private/12345678", not "linode/debian12"',
    ],
    [
      "no region at all",
      cloud({ region: "Amsterdam" }),
      'cloud.region: must be a region of Linode, such as "nl-ams", not "Amsterdam"',
    ],
    [
      "another cloud's type",
      cloud({ type: "t3.medium" }),
      'cloud.type: must be a type of Linode\'s, such as "g6-standard-2", not "t3.medium"',
    ],
    [
      "another cloud's size",
      group("client", { size: "m1.small" }),
      'groups.client.size: must be a type of Linode\'s, such as "g6-standard-2", not "m1.small"',
    ],
    [
      "a setting of the local cloud",
      cloud({ memoryMb: 2048 }),
      "cloud.memoryMb: is a setting of another kind",
    ],
    [
      "a slip of the pen",
      cloud({ backup: false }),
      'cloud.backup: is not a setting; did you mean "backups"?',
    ],
    [
      "a network that is too large for the way out through support",
      { ...cloud({ egress: "nat" }), network: { ipv4: "10.0.0.0/9" } },
      'network.ipv4: /9 is too large for the cloud\'s egress "nat", where machines go out by a tunnel: at most a /10',
    ],
    [
      "IPv6 between machines",
      { ...good, network: { family: "ipv6" } },
      "network.family: must be ipv4: the private network has no IPv6",
    ],
    [
      "a private IPv6 network",
      { ...good, network: { ipv6: "fd00:5::/64", family: "ipv4" } },
      "network.ipv6: is not for the cloud linode, whose private network has IPv4 alone",
    ],
    [
      "a network that is no VPC's",
      { ...good, network: { ipv4: "100.64.0.0/24" } },
      "network.ipv4: 100.64.0.0/24 is no network for a VPC of Linode: it lies in 10.0.0.0/8, 172.16.0.0/12, " +
        "192.168.0.0/16, outside of 192.168.128.0/17",
    ],
    [
      "a network that Linode keeps for itself",
      { ...good, network: { ipv4: "192.168.144.0/24" } },
      "network.ipv4: 192.168.144.0/24 is no network for a VPC of Linode: it lies in 10.0.0.0/8, 172.16.0.0/12, " +
        "192.168.0.0/16, outside of 192.168.128.0/17",
    ],
    [
      "a name too short for a tag",
      { ...good, name: "ab" },
      "name: has 2 characters; with the cloud linode it must have 3 to 25, since tags and firewalls are named by it",
    ],
    [
      "a name too long for a firewall",
      { ...good, name: "abcdefghijklmnopqrstuvwxyz" },
      "name: has 26 characters; with the cloud linode it must have 3 to 25, since tags and firewalls are named by it",
    ],
    [
      "a group's name too long for a placement group",
      {
        ...good,
        groups: {
          ...good.groups,
          "balancers-for-all-of-the-world": {
            roles: ["nomad-client"],
            keys: ["a"],
            nodeClass: "load-balancer",
          },
        },
      },
      "groups.balancers-for-all-of-the-world: makes a placement group's name of 34 characters, " +
        '"dev-balancers-for-all-of-the-world"; Linode allows 32',
    ],
  ])("%s", (_, raw, problem) => expect(problemsOf(raw)).toEqual([problem]));

  test("clients may stand anywhere, and their group's name is longer", () => {
    const groups = {
      ...good.groups,
      "clients-for-the-batch-jobs-abc": { roles: ["nomad-client"], keys: ["a"] },
    };
    expect(problemsOf({ ...good, groups })).toEqual([]);
  });

  test.each(["10.0.0.0/24", "172.31.0.0/20", "192.168.0.0/24"])("%s is a VPC's network", (ipv4) => {
    expect(problemsOf({ ...good, network: { ipv4 } })).toEqual([]);
  });
});

describe("local", () => {
  test("a setting of Linode is none of its own", () => {
    expect(problemsOf({ ...goodSettings(), cloud: { kind: "local", backups: true } })).toEqual([
      "cloud.backups: is a setting of another kind",
    ]);
  });
});
