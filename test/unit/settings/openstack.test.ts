import { describe, expect, test } from "vitest";
import { parseSettings, rawSettings } from "../../../components/settings/parse";
import { configOf, goodSettings, problemsOf } from "./stack-files";

/** What is asked of a stack on OpenStack before OpenStack is. */

const campus = () => ({
  ...goodSettings(),
  name: "campus",
  cloud: { kind: "openstack", image: "hashistack", size: "m1.medium", externalNetwork: "public" } as Record<
    string,
    unknown
  >,
  network: {} as Record<string, unknown>,
  adminCidrs: ["203.0.113.7/32"],
  site: { domain: "www.campus.example" },
});

function withCloud(cloud: Record<string, unknown>, network: Record<string, unknown> = {}) {
  const settings = campus();
  return { ...settings, cloud: { ...settings.cloud, ...cloud }, network };
}

test("the example is valid", () => {
  expect(problemsOf(rawSettings(configOf("examples/openstack/Pulumi.campus.yaml")))).toEqual([]);
});

test("image, flavor and outer network are needed; the rest has defaults, and the network IPv4 alone", () => {
  const { cloud, network } = parseSettings(campus());
  expect(cloud).toEqual({
    kind: "openstack",
    image: "hashistack",
    size: "m1.medium",
    externalNetwork: "public",
    ipv6Routed: false,
    protect: true,
  });
  expect(network).toEqual({ ipv4: "10.1.0.0/24", family: "ipv4" });
  const { cloud: _, ...nothing } = campus();
  expect(problemsOf({ ...nothing, cloud: { kind: "openstack" } })).toEqual([
    "cloud.image: is missing",
    "cloud.size: is missing",
    "cloud.externalNetwork: is missing",
  ]);
});

test("a prefix of IPv6 is a family more, and then the one among machines", () => {
  const settings = parseSettings(withCloud({ ipv6Routed: true }, { ipv6: "2001:db8:20::/64" }));
  expect(settings.network).toEqual({ ipv4: "10.1.0.0/24", ipv6: "2001:db8:20::/64", family: "ipv6" });
});

describe("one sentence for each mistake", () => {
  const prices = { currency: "EUR", sizes: { "m1.medium": 13 } };
  const mistakes: [string, unknown, string][] = [
    [
      "a currency in words",
      withCloud({ prices: { ...prices, currency: "euro" } }),
      'cloud.prices.currency: must be three capital letters, such as "EUR", not "euro"',
    ],
    [
      "a price that is no number",
      withCloud({ prices: { ...prices, sizes: { "m1.medium": "13 EUR" } } }),
      'cloud.prices.sizes["m1.medium"]: must be a number, not "13 EUR"',
    ],
    [
      "a price below nothing",
      withCloud({ prices: { ...prices, volumeGb: -1 } }),
      "cloud.prices.volumeGb: must be at least 0, not -1",
    ],
    [
      "a day that the engine would read as a time",
      withCloud({ prices: { ...prices, date: "2026-11-01T00:00:00Z" } }),
      'cloud.prices.date: must be a day in quotes, such as "2026-11-01", not "2026-11-01T00:00:00Z"',
    ],
    [
      "a family that nobody has",
      withCloud({}, { family: "ipv6" }),
      "network.family: must be ipv4: the private network has no IPv6",
    ],
    [
      "a route for nothing",
      withCloud({ ipv6Routed: true }),
      "cloud.ipv6Routed: is about network.ipv6, which is not set",
    ],
    [
      "a pool for nothing",
      withCloud({ ipv6SubnetPool: "7d2c7a4e-52c4-4a55-bb2a-6f1a6c2f7f10" }),
      "cloud.ipv6SubnetPool: is about network.ipv6, which is not set",
    ],
    [
      "a private prefix on the internet",
      withCloud({ ipv6Routed: true }, { ipv6: "fd00:20::/64" }),
      "cloud.ipv6Routed: must be false: fd00:20::/64 is for private use, and no cloud carries it",
    ],
    [
      "a router by its name",
      withCloud({ router: "campus-router" }),
      'cloud.router: must be an id of OpenStack, such as "7d2c7a4e-52c4-4a55-bb2a-6f1a6c2f7f10", not "campus-router"',
    ],
    [
      "a name server by its name",
      withCloud({ dnsServers: ["192.0.2.53", "dns.campus.example"] }),
      'cloud.dnsServers[1]: must be an address, not "dns.campus.example"',
    ],
    [
      "a volume without a size",
      withCloud({ rootVolume: { type: "ssd" } }),
      "cloud.rootVolume.sizeGb: is missing",
    ],
    [
      "a volume too small",
      withCloud({ rootVolume: { sizeGb: 5 } }),
      "cloud.rootVolume.sizeGb: must be at least 10, not 5",
    ],
    [
      "administrators by IPv6 alone",
      { ...campus(), adminCidrs: ["2001:db8:7::/64"] },
      "adminCidrs: name no IPv4 network: support is reached by its floating address, which is of IPv4",
    ],
    ["a setting of Linode's", withCloud({ region: "nl-ams" }), "cloud.region: is a setting of another kind"],
  ];
  test.each(mistakes)("%s", (_, raw, problem) => {
    expect(problemsOf(raw)).toEqual([problem]);
  });

  test("a network with room for machines, but not for Neutron", () => {
    expect(problemsOf(withCloud({}, { ipv4: "10.20.0.0/27" }))).toEqual([]);
    const groups = { ...goodSettings().groups, more: { roles: ["nomad-client"], keys: [..."abcdef"] } };
    expect(problemsOf({ ...withCloud({}, { ipv4: "10.20.0.0/27" }), groups })).toEqual([
      "network.ipv4: /27 has 32 addresses; 14 machines need 43 on OpenStack: twice their number, and 15 that machines " +
        "have by number or Neutron for itself",
    ]);
  });
});
