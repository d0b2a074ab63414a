import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSettings, rawSettings } from "../../../components/settings/parse";
import { SettingsError } from "../../../components/settings/problems";
import { topologyOf } from "../../../components/topology/topology";
import { goodSettings } from "./stack-files";

/** Whatever is parsed gives a topology that holds together, or problems that each say where and what. */
function expectTopologyOrProblems(raw: unknown): "topology" | "problems" {
  try {
    const topology = topologyOf(parseSettings(raw));
    const names = topology.machines.map((machine) => machine.name);
    expect(new Set(names).size).toBe(names.length);
    expect(topology.machines.filter((machine) => machine.roles.includes("support"))).toHaveLength(1);
    for (const role of ["consul-server", "vault-server", "nomad-server"] as const) {
      const count = topology.machines.filter((machine) => machine.roles.includes(role)).length;
      expect(count % 2).toBe(1);
      expect(count).toBeLessThanOrEqual(7);
    }
    for (const name of names) {
      expect(`${topology.cluster}-${name}-12345678`).toMatch(/^(?!.*--)[a-z][a-z0-9-]{0,49}$/);
    }
    return "topology";
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const { path, message } of error.problems) {
      expect(path).toMatch(/^\S/);
      expect(message.length).toBeGreaterThan(8);
      expect(message).not.toMatch(/\[object|\n/);
    }
    expect(error.stack).not.toMatch(/\n\s+at /);
    return "problems";
  }
}

/** Values that come near to what belongs there, and values that do not. */
const replacement = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      "support",
      "nomad-client",
      "vault-server",
      "load-balancer",
      "general",
      "a",
      "",
      "-",
      "a--b",
      "__proto__",
    ],
    ...[
      "constructor",
      "0.0.0.0/0",
      "::/0",
      "10.0.0.0/8",
      "fd00::/64",
      "::ffff:0:0/96",
      "1.21.0",
      "ipv4",
      "x".repeat(99),
    ],
    ...[null, 0, -1, 1.5, 1e308, true, false, [], {}, [[]], [null]],
  ),
  fc.jsonValue(),
);

const keys = fc.constantFrom(
  "name",
  "groups",
  "roles",
  "keys",
  "public",
  "__proto__",
  "toString",
  "",
  "a.b",
  "network",
);

type Edit = { at: number; what: "replace" | "remove" | "double" | "add"; key: string; value: unknown };

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  what: fc.constantFrom("replace", "remove", "double", "add"),
  key: keys,
  value: replacement,
});

/** Every place in a tree: its holder and the key there. */
function places(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap(
    (key) => [[holder, key], ...places(holder[key])] as ReturnType<typeof places>,
  );
}

/** One to three things changed, each somewhere in the tree. */
function changed(start: object, edits: readonly Edit[]): unknown {
  const tree = structuredClone(start);
  for (const { at, what, key, value } of edits) {
    const all = places(tree);
    const place = all[at % Math.max(1, all.length)];
    if (!place) break;
    const [holder, name] = place;
    const add = (to: string) =>
      Object.defineProperty(holder, to, { value, enumerable: true, configurable: true, writable: true });
    if (what === "replace") add(name);
    else if (what === "double" && Array.isArray(holder)) holder.push(structuredClone(holder[Number(name)]));
    else if (what === "remove" && Array.isArray(holder)) holder.splice(Number(name), 1);
    else if (what === "remove") delete holder[name];
    else if (!Array.isArray(holder)) add(key);
  }
  return tree;
}

describe("no input gives a stack trace", () => {
  test("anything at all", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (raw) => void expectTopologyOrProblems(raw)),
      { numRuns: 300 },
    );
    for (const raw of [undefined, null, [], () => 1, Symbol("x"), new Map(), 10n])
      expectTopologyOrProblems(raw);
  });

  test("good settings with something changed", () => {
    const seen = { topology: 0, problems: 0 };
    const both = {
      ...goodSettings(),
      adminCidrs: ["203.0.113.7/32"],
      site: { domain: "www.example.org", instances: 3 },
    };
    const starts = [
      { ...both, network: { ipv4: "10.1.0.0/16", ipv6: "fd00:2::/64", family: "ipv4" } },
      {
        ...both,
        network: {},
        cloud: { kind: "linode", region: "nl-ams", image: "private/1", backups: false },
      },
      {
        ...both,
        network: { ipv6: "2001:db8:20::/64" },
        cloud: {
          ...{ kind: "openstack", image: "hashistack", size: "m1.medium", externalNetwork: "public" },
          ...{ ipv6Routed: true, dnsServers: ["192.0.2.53"], rootVolume: { sizeGb: 20 } },
        },
        dns: { domain: "example.org", owned: true, provider: "openstack" },
      },
    ];
    fc.assert(
      fc.property(
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...starts),
        (edits, start) => {
          seen[expectTopologyOrProblems(changed(start, edits))] += 1;
        },
      ),
      { numRuns: 2000 },
    );
    // Both ways are really taken: the mutations are neither all harmless nor all fatal.
    expect(seen.topology).toBeGreaterThan(50);
    expect(seen.problems).toBeGreaterThan(50);
  });

  test("any configuration that the engine may hand over", () => {
    const texts = fc.oneof(fc.string(), fc.json());
    const names = fc.oneof(fc.string(), fc.constantFrom("name", "groups", "network", "ssh", "__proto__"));
    const config = fc.dictionary(
      names.map((name) => `hashistack:${name}`),
      texts,
    );
    fc.assert(
      fc.property(config, (values) => void expectTopologyOrProblems(rawSettings(values))),
      { numRuns: 300 },
    );
  });
});
