import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { hostIn } from "../../../components/dns/dns";
import {
  type BalancerAddress,
  DomainAddress,
  type DomainOwnership,
  plainAddress,
} from "../../../components/dns/domain-address";
import { type Answers, type Asked, recording } from "../clouds/recording";

/** Which records a stack makes at which provider, when, and that a stack without the domain makes none. */

class Gate extends pulumi.CustomResource {
  constructor() {
    super("test:index:Gate", "site-answers", {});
  }
}

const balancers: BalancerAddress[] = [
  { name: "edge-a", publicIpv4: "203.0.113.7", publicIpv6: "2001:DB8:0:0::7/64" },
  { name: "edge-b", publicIpv4: "203.0.113.8", publicIpv6: "2001:db8::8/128" },
];

const answers: Answers = { call: (token) => ({ id: token.startsWith("linode") ? 4711 : "zone-1" }) };

function address(dns: DomainOwnership | undefined, domain: string, of: BalancerAddress[]) {
  return recording(
    () => new DomainAddress("site", { dns, domain, balancers: of, after: [new Gate()] }),
    answers,
  );
}

const owned: DomainOwnership = { domain: "example.org", owned: true, provider: "linode", ttl: 300 };

async function records(
  dns: Partial<DomainOwnership>,
  domain = "www.example.org",
  of: BalancerAddress[] = balancers,
): Promise<readonly Asked[]> {
  const { resources } = await address({ ...owned, ...dns }, domain, of);
  return resources.filter(({ kind }) => /Record/.test(kind));
}

describe("at Linode", () => {
  test("each address is a record, named by its machine; the domain is looked up", async () => {
    const all = await records({});
    const told = all.map(({ name, inputs }) => [
      name,
      inputs.name,
      inputs.recordType,
      inputs.target,
      inputs.ttlSec,
    ]);
    expect(told).toEqual([
      ["site-A-edge-a", "www", "A", "203.0.113.7", 300],
      ["site-A-edge-b", "www", "A", "203.0.113.8", 300],
      ["site-AAAA-edge-a", "www", "AAAA", "2001:db8::7", 300],
      ["site-AAAA-edge-b", "www", "AAAA", "2001:db8::8", 300],
      ["site-wildcard-A-edge-a", "*.www", "A", "203.0.113.7", 300],
      ["site-wildcard-A-edge-b", "*.www", "A", "203.0.113.8", 300],
      ["site-wildcard-AAAA-edge-a", "*.www", "AAAA", "2001:db8::7", 300],
      ["site-wildcard-AAAA-edge-b", "*.www", "AAAA", "2001:db8::8", 300],
    ]);
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(["linode.DomainRecord"]));
    expect(new Set(all.map(({ inputs }) => inputs.domainId))).toEqual(new Set([4711]));
    const { calls } = await address(owned, "www.example.org", balancers);
    expect(calls).toEqual([{ token: "linode:index/getDomain:getDomain", inputs: { domain: "example.org" } }]);
  });

  test("a machine that comes or goes changes no record of another", async () => {
    const names = (await records({}, "www.example.org", balancers.slice(1))).map(({ name }) => name);
    expect(names).toEqual([
      "site-A-edge-b",
      "site-AAAA-edge-b",
      "site-wildcard-A-edge-b",
      "site-wildcard-AAAA-edge-b",
    ]);
  });
});

describe("at Designate", () => {
  test("all addresses of a name and type are one recordset with the full name", async () => {
    const all = await records({ provider: "openstack" });
    expect(all.map(({ name, inputs }) => ({ resource: name, ...inputs }))).toEqual([
      set("site-A", "www.example.org.", "A", ["203.0.113.7", "203.0.113.8"]),
      set("site-AAAA", "www.example.org.", "AAAA", ["2001:db8::7", "2001:db8::8"]),
      set("site-wildcard-A", "*.www.example.org.", "A", ["203.0.113.7", "203.0.113.8"]),
      set("site-wildcard-AAAA", "*.www.example.org.", "AAAA", ["2001:db8::7", "2001:db8::8"]),
    ]);
    const { calls } = await address({ ...owned, provider: "openstack" }, "www.example.org", balancers);
    expect(calls).toEqual([
      { token: "openstack:dns/getDnsZone:getDnsZone", inputs: { name: "example.org." } },
    ]);
  });

  test("a cloud without public IPv6 has no AAAA", async () => {
    const only4 = balancers.map(({ name, publicIpv4 }) => ({ name, publicIpv4 }));
    const names = (await records({ provider: "openstack" }, "www.example.org", only4)).map(
      ({ name }) => name,
    );
    expect(names).toEqual(["site-A", "site-wildcard-A"]);
  });
});

function set(resource: string, name: string, type: string, addresses: string[]) {
  return { resource, zoneId: "zone-1", name, type, ttl: 300, records: addresses };
}

test.each(["linode", "openstack"])("%s: no visitor is sent before the site answers", async (provider) => {
  const all = await records({ provider });
  expect(all.length).toBeGreaterThanOrEqual(4);
  for (const { name, dependencies } of all) expect(dependencies, name).toContain("test.Gate site-answers");
});

test("the domain itself, too, can be the site", async () => {
  const hosts = (await records({}, "example.org")).map(({ inputs }) => inputs.name);
  expect([...new Set(hosts)]).toEqual(["", "*"]);
});

describe("refused", () => {
  const refusal = (dns: DomainOwnership | undefined, domain = "www.example.org") =>
    expect(address(dns, domain, balancers)).rejects;

  test("in a stack that owns nothing", () =>
    refusal(undefined).toThrow(
      'site: no record is made for www.example.org, since this stack does not own a domain: set "owned: true"',
    ));

  test("in a stack that only names the domain", () =>
    refusal({ ...owned, owned: false }).toThrow("this stack does not own example.org"));

  test("a name outside of the domain, though it ends alike", () =>
    refusal(owned, "www.notexample.org").toThrow(
      "www.notexample.org is no name in example.org, which this stack owns",
    ));

  test("a provider that nobody wrote", () =>
    refusal({ ...owned, provider: "route53" }).toThrow('no adapter writes records at "route53"'));
});

test("names below a domain", () => {
  expect(hostIn("example.org", "example.org")).toBe("");
  expect(hostIn("a.b.example.org", "example.org")).toBe("a.b");
  expect(hostIn("badexample.org", "example.org")).toBeUndefined();
  expect(hostIn("org", "example.org")).toBeUndefined();
});

test("addresses without prefix length, in one form; anything else names the machine", () => {
  expect(plainAddress("203.0.113.7/24", "A", "edge-a")).toBe("203.0.113.7");
  expect(plainAddress("2600:3C01:0::F03C:91ff:fe24:3a2f/128", "AAAA", "edge-a")).toBe(
    "2600:3c01::f03c:91ff:fe24:3a2f",
  );
  expect(() => plainAddress(undefined, "A", "edge-a")).toThrow(
    "edge-a has no public IPv4 address for its record; its cloud answered none.",
  );
  expect(() => plainAddress("2001:db8::7", "A", "edge-a")).toThrow('its cloud answered "2001:db8::7".');
  expect(() => plainAddress("203.0.113.7", "AAAA", "edge-a")).toThrow("no public IPv6 address");
});
