import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSettings, rawSettings } from "../../../components/settings/parse";
import { type PlanSummary, planText, summarise, supportWarnings } from "../../../components/summary";
import { linodePrices } from "../../../components/summary/linode-prices";
import { portNumbers } from "../../../components/topology/ports";
import { linodePrices as policyPrices } from "../../../policy/prices/linode";
import { configOf, goodSettings } from "../settings/stack-files";

/** What a stack will be, told before it is made. */

const planOf = (raw: unknown): PlanSummary => summarise(parseSettings(raw));
const planOfFile = (file: string): PlanSummary => planOf(rawSettings(configOf(file)));
const today = new Date("2026-11-23T12:00:00Z");

// After a change that is meant: npx vitest run --project unit test/unit/summary --update
test.each([
  ["dev", "Pulumi.dev.yaml"],
  ["prod", "Pulumi.prod.yaml"],
  ["campus", "examples/openstack/Pulumi.campus.yaml"],
  ["separate-servers", "examples/separate-servers/Pulumi.dev.yaml"],
])("%s, for a reviewer to read", async (name, file) => {
  const plan = planOfFile(file);
  const text = planText(plan, { warnings: supportWarnings(plan.versions, today) });
  await expect(`${text}\n`).toMatchFileSnapshot(`plans/${name}.txt`);
});

/** Settings of a cloud, as small as they can be. */
const linode = { kind: "linode", region: "nl-ams", image: "private/1" };
const openstack = { kind: "openstack", image: "hashistack", size: "m1.medium", externalNetwork: "public" };
const at = (cloud: object, more: object = {}) => ({
  ...goodSettings(),
  ...{ cloud, adminCidrs: ["203.0.113.7/32"], site: { domain: "www.example.org" } },
  ...more,
});
const machine = (plan: PlanSummary, name: string) => plan.machines.find((one) => one.name === name);

describe("what it costs", () => {
  test("the production stack: what docs/linode.md says", () => {
    const { cost } = planOfFile("Pulumi.prod.yaml");
    expect(cost).toEqual({
      ...{ currency: "USD", monthly: 197.5, unpriced: [] },
      ...{ date: linodePrices.date, source: linodePrices.source },
    });
  });

  test("the policy pack counts with the same prices", () => {
    expect(policyPrices).toEqual(linodePrices);
  });

  test("backups are paid for machines that hold state, and by their type", () => {
    const withBackups = planOf(at(linode));
    expect(machine(withBackups, "control-a")?.cost).toEqual({ machine: 24, backups: 5, total: 29 });
    expect(machine(withBackups, "client-a")?.cost).toEqual({ machine: 24, total: 24 });
    const without = planOf(at({ ...linode, backups: false }));
    expect(machine(without, "control-a")?.cost).toEqual({ machine: 24, total: 24 });
    expect(without.cost?.monthly).toBe(8 * 24);
  });

  test("a region that asks for more asks for more for all of it", () => {
    const plan = planOf(at({ ...linode, region: "br-gru" }));
    expect(machine(plan, "support-a")?.cost).toEqual({ machine: 33.6, backups: 7, total: 40.6 });
  });

  test("a type that the list lacks is named, and the sum is a least one", () => {
    const groups = { ...goodSettings().groups };
    groups.edge = { ...groups.edge, size: "g9-unheard-1" } as (typeof groups)[string];
    const plan = planOf(at(linode, { groups }));
    expect(machine(plan, "edge-a")?.cost).toBeUndefined();
    expect(plan.cost).toMatchObject({ monthly: 4 * 29 + 2 * 24, unpriced: ["g9-unheard-1"] });
    expect(planText(plan)).toContain("at least 164.00 USD a month");
    expect(planText(plan)).toContain("Nobody knows the price of g9-unheard-1.");
  });

  test("no size is a word of the language's own objects", () => {
    const prices = { currency: "EUR", sizes: {} };
    const plan = planOf(at({ ...openstack, size: "constructor", prices }));
    expect(plan.cost).toMatchObject({ monthly: 0, unpriced: ["constructor"] });
  });

  test("OpenStack: by the settings' prices, volumes and floating addresses where there are some", () => {
    const prices = { currency: "CHF", sizes: { "m1.medium": 10.1 }, volumeGb: 0.1, floatingAddress: 0.7 };
    const plan = planOf(at({ ...openstack, prices, rootVolume: { sizeGb: 30 } }));
    expect(machine(plan, "support-a")?.cost).toEqual({ machine: 10.1, volume: 3, address: 0.7, total: 13.8 });
    expect(machine(plan, "control-a")?.cost).toEqual({ machine: 10.1, volume: 3, total: 13.1 });
    expect(machine(plan, "edge-a")?.cost).toEqual({ machine: 10.1, address: 0.7, total: 10.8 });
    expect(machine(plan, "client-a")?.cost).toEqual({ machine: 10.1, total: 10.1 });
    expect(plan.cost).toMatchObject({ currency: "CHF", monthly: 94.9, source: "the settings' cloud.prices" });
    const everywhere = planOf(at({ ...openstack, prices, rootVolume: { sizeGb: 30, everywhere: true } }));
    expect(machine(everywhere, "client-a")?.cost?.total).toBe(13.1);
  });

  test("OpenStack without prices tells how to tell them; the local cloud costs nothing", () => {
    expect(planText(planOf(at(openstack)))).toContain(
      "Cost: not known; the settings' cloud.prices can tell it.",
    );
    expect(planOf(goodSettings()).cost).toBeUndefined();
  });
});

test("the order of groups is no difference: the engine hands them over in another than the file has", () => {
  const { groups, ...rest } = goodSettings();
  const other = Object.fromEntries(Object.entries(groups).reverse());
  expect(JSON.stringify(planOf({ ...rest, groups: other }))).toBe(
    JSON.stringify(planOf({ ...rest, groups })),
  );
});

describe("what is open from outside", () => {
  test("the site to anybody, all else to administrators, at the machines that the cloud lets be reached", () => {
    const { openings } = planOf(at(linode));
    const world = openings.filter(({ from }) => from.length === 0);
    expect(world.map(({ port, machines }) => [port, machines])).toEqual([
      [portNumbers.http, ["edge-a", "edge-b"]],
      [portNumbers.https, ["edge-a", "edge-b"]],
    ]);
    for (const { from, machines } of openings.filter((one) => !world.includes(one))) {
      expect(from).toEqual(["203.0.113.7/32"]);
      expect(machines).toEqual(["support-a"]);
    }
  });

  test("nothing at load balancers that have no public address", () => {
    const groups = { ...goodSettings().groups };
    groups.edge = { ...groups.edge, public: false } as (typeof groups)[string];
    const plan = planOf(at(openstack, { groups }));
    expect(plan.openings.map(({ port }) => port)).toEqual([22, 4646, 8200, 8501]);
    expect(machine(plan, "edge-a")?.publicAddress).toBe("none");
  });
});

describe("what to think about", () => {
  const kinds = (raw: unknown) => planOf(raw).warnings.map(({ kind }) => kind);
  const groupsWith = (change: Record<string, { keys?: string[]; roles?: string[]; nodeClass?: string }>) => {
    const groups = goodSettings().groups as Record<string, object>;
    for (const [name, group] of Object.entries(change)) groups[name] = { ...groups[name], ...group };
    return groups;
  };

  test("nothing about a sound stack; one support is by design", () => {
    expect(kinds(goodSettings())).toEqual([]);
    expect(kinds(at(linode))).toEqual([]);
  });

  test("a single load balancer, client, server or instance", () => {
    const small = { edge: { keys: ["a"] }, client: { keys: ["a"] }, control: { keys: ["a"] } };
    const plan = planOf({ ...goodSettings(), groups: groupsWith(small), site: { instances: 1 } });
    expect(plan.warnings.map(({ text }) => text)).toEqual([
      "control-a is the only server of Consul, Vault and Nomad: no high availability, and the one copy of what they know.",
      "edge-a is the only load balancer: while it is away, nobody reaches the site.",
      "client-a is the only client of the class general: while it is away, the site is, too.",
      "site.instances is 1: while its client is away, the site is, until it runs on another.",
    ]);
    expect(kinds({ ...goodSettings(), groups: groupsWith(small), site: { enabled: false } })).toEqual([
      "single-server",
    ]);
  });

  test("a spread that cannot be even: more instances than clients, servers of one kind in two groups, full groups", () => {
    expect(kinds({ ...goodSettings(), site: { instances: 3 } })).toEqual(["uneven-spread"]);
    const all = ["consul-server", "vault-server", "nomad-server"];
    const parted = groupsWith({ control: { keys: ["a", "b"] }, other: { roles: all, keys: ["a"] } });
    expect(planOf(at(linode, { groups: parted })).warnings.map(({ text }) => text)).toEqual([
      "The servers of Consul, Vault and Nomad are in the groups control and other, and only machines of one group are kept on " +
        "different hosts: one host's loss may take several.",
    ]);
    // All local machines are on one host, and everybody knows.
    expect(kinds({ ...goodSettings(), groups: parted })).toEqual([]);
    const seven = groupsWith({ control: { keys: ["a", "b", "c", "d", "e", "f", "g"] } });
    expect(kinds(at(linode, { groups: seven }))).toEqual(["uneven-spread"]);
    expect(kinds(at(openstack, { groups: seven }))).toEqual([]);
  });

  test("versions near the end of their support, by the day of the run", () => {
    const versions = [
      { program: "vault", version: "1.21.1", supportedUntil: "2026-04-13" },
      { program: "nomad", version: "1.11.1" },
    ] as const;
    const said = (day: string) => supportWarnings(versions, new Date(day)).map(({ text }) => text);
    expect(said("2026-01-01")).toEqual([]);
    expect(said("2026-04-01")).toEqual([
      "vault 1.21.1: its line 1.21 gets fixes until 2026-04-13 (endoflife.date, as of 2026-08-22).",
    ]);
    expect(said("2026-04-13T23:00:00Z")[0]).toContain("gets fixes until");
    expect(said("2026-04-14T01:00:00Z")).toEqual([
      "vault 1.21.1: its line 1.21 gets no fixes since 2026-04-13 (endoflife.date, as of 2026-08-22).",
    ]);
  });
});

test("any settings that are legal have a plan, and it is the same whenever it is asked for", () => {
  const keys = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), { minLength: 1 });
  const size = fc.option(fc.constantFrom("g6-standard-1", "g6-nanode-1", "g7-highmem-2", "g8-new-1"), {
    nil: undefined,
  });
  const prices = fc.record({
    currency: fc.constantFrom("EUR", "USD"),
    sizes: fc.dictionary(
      fc.constantFrom("g6-standard-1", "m1.medium", "constructor"),
      fc.integer({ max: 99, min: 0 }),
    ),
    volumeGb: fc.double({ min: 0, max: 9, noNaN: true }),
  });
  const clouds = fc.oneof(
    fc.constant({ kind: "local" }),
    fc
      .record({ region: fc.constantFrom("nl-ams", "br-gru", "xx-new"), backups: fc.boolean() })
      .map((more) => ({
        ...linode,
        ...more,
      })),
    fc.record({ prices: fc.option(prices, { nil: undefined }) }).map((more) => ({ ...openstack, ...more })),
  );
  let asked = 0;
  fc.assert(
    fc.property(clouds, keys, keys, keys, size, fc.nat(), (cloud, control, client, edge, size, instances) => {
      const { groups } = goodSettings();
      const odd = control.length % 2 === 1 ? control : control.slice(1);
      fc.pre(odd.length > 0);
      Object.assign(groups.control as object, { keys: odd });
      Object.assign(groups.client as object, { keys: client, ...(size ? { size } : {}) });
      Object.assign(groups.edge as object, { keys: edge });
      const site = { domain: "www.example.org", instances: 1 + (instances % 5) };
      const raw = { ...goodSettings(), cloud, groups, site, adminCidrs: ["203.0.113.7/32"] };
      const plan = planOf(raw);
      const text = planText(plan);
      expect(text).not.toMatch(/undefined|NaN|\[object|\bnull\b/);
      for (const { name } of plan.machines) expect(text).toContain(name);
      expect(JSON.stringify(planOf(raw))).toBe(JSON.stringify(plan));
      const known = plan.machines.reduce((sum, { cost }) => sum + (cost?.total ?? 0), 0);
      if (plan.cost) expect(plan.cost.monthly).toBeCloseTo(known, 6);
      asked += 1;
    }),
    { numRuns: 300 },
  );
  expect(asked).toBeGreaterThan(100);
});
