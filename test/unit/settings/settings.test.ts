import { describe, expect, test } from "vitest";
import { parseSettings, rawSettings } from "../../../components/settings/parse";
import type { SettingsError } from "../../../components/settings/problems";
import { configOf, devStack, goodSettings, problemsOf, separateServers } from "./stack-files";

type Good = ReturnType<typeof goodSettings>;

function groups(change: (groups: Good["groups"]) => void): unknown {
  const settings = goodSettings();
  change(settings.groups);
  return settings;
}

function control(settings: Good["groups"]): Good["groups"][string] {
  return settings.control as Good["groups"][string];
}

describe("the stacks' files", () => {
  test.each([devStack, separateServers])("%s is valid", (file) => {
    expect(problemsOf(rawSettings(configOf(file)))).toEqual([]);
  });

  test("only name and groups are needed", () => {
    const { groups: _, ...defaults } = parseSettings(goodSettings());
    expect(defaults).toEqual({
      name: "dev",
      cloud: { kind: "local", bake: true, memoryMb: 1024 },
      network: { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64", family: "ipv6" },
      adminCidrs: ["192.0.2.10/32", "fd00:1ab:ff::10/128"],
      datacenter: "dc1",
      region: "global",
      versions: {
        consul: "1.21.0",
        vault: "1.21.1",
        nomad: "1.11.1",
        cfssl: "1.6.5",
        fabio: "1.5.15",
        traefik: "3.6.12",
        caddy: "2.11.9",
      },
      ssh: { user: "ops" },
      timing: {
        consulRaftMultiplier: 1,
        nomadRaftMultiplier: 1,
        vaultPerformanceMultiplier: 1,
        leafDays: 30,
        newMachineMinutes: 15,
      },
      site: { enabled: true, domain: "www.dev.test", instances: 2, nodeClass: "general", ingress: "fabio" },
    });
  });

  test("the other family is one setting away", () => {
    expect(parseSettings({ ...goodSettings(), network: { family: "ipv4" } }).network).toEqual({
      ipv4: "198.51.100.0/24",
      ipv6: "fd00:1ab::/64",
      family: "ipv4",
    });
  });
});

describe("the engine's configuration", () => {
  test("names stay texts, structures are read, other namespaces are left alone", () => {
    const config = { "hashistack:name": "123", "hashistack:ssh": '{"user":"me"}', "linode:token": "x" };
    expect(rawSettings(config)).toEqual({ name: "123", ssh: { user: "me" } });
  });

  test("a text where a structure belongs is a problem of that setting", () => {
    expect(problemsOf({ ...goodSettings(), ...rawSettings({ "hashistack:network": "ipv4" }) })).toEqual([
      'network: must be a mapping, not "ipv4"',
    ]);
  });

  test("an unknown key of the namespace is found", () => {
    expect(problemsOf({ ...goodSettings(), ...rawSettings({ "hashistack:netwrk": "{}" }) })).toEqual([
      'netwrk: is not a setting; did you mean "network"?',
    ]);
  });
});

describe("one sentence for each mistake, with its path", () => {
  const good = goodSettings();
  const oneProblem: [string, unknown, string][] = [
    ["no mapping", "dev", 'settings: must be a mapping, not "dev"'],
    ["no name", { groups: good.groups }, "name: is missing"],
    [
      "unknown setting",
      { ...good, timing: { leafDay: 3 } },
      'timing.leafDay: is not a setting; did you mean "leafDays"?',
    ],
    [
      "unknown setting of a group",
      groups((g) => Object.assign(control(g), { rols: [] })),
      'groups.control.rols: is not a setting; did you mean "roles"?',
    ],
    [
      "unknown setting of a cloud",
      { ...good, cloud: { kind: "local", bke: true } },
      'cloud.bke: is not a setting; did you mean "bake"?',
    ],
    [
      "an image without programs",
      { ...good, cloud: { kind: "local", bake: false } },
      "cloud.bake: must be true for now: the machines' programs come with their image",
    ],
    ["unknown, nothing near", { ...good, zzzzzzzz: 1 }, "zzzzzzzz: is not a setting"],
    ["wrong type", { ...good, site: { instances: "2" } }, 'site.instances: must be a number, not "2"'],
    [
      "out of bounds",
      { ...good, timing: { leafDays: 400 } },
      "timing.leafDays: must be at most 365, not 400",
    ],
    [
      "no such role",
      groups((g) => control(g).roles.push("vault_server")),
      'groups.control.roles[3]: must be one of "support", "consul-server", "vault-server", "nomad-server", ' +
        '"nomad-client", not "vault_server"; did you mean "vault-server"?',
    ],
    [
      "no such cloud",
      { ...good, cloud: { kind: "linod" } },
      'cloud.kind: must be one of "local", "linode", "openstack", not "linod"; did you mean "linode"?',
    ],
    [
      "name no label",
      { ...good, name: "my--dev" },
      'name: must be lower-case letters, digits and single hyphens, beginning with a letter, not "my--dev"',
    ],
    [
      "group's name no label",
      groups((g) => Object.assign(g, { Edge_1: g.edge })),
      "groups.Edge_1: must be lower-case letters, digits and single hyphens, beginning with a letter",
    ],
    [
      "unsupported version",
      { ...good, versions: { consul: "1.20.0" } },
      'versions.consul: "1.20.0" is not supported; supported: 1.21.0',
    ],
    [
      "two supports",
      groups((g) => g.support?.keys.push("b")),
      "groups.support.keys: make 2 machines with the role support; there is exactly one",
    ],
    ["no support", groups((g) => delete g.support), "groups: name no machine with the role support"],
    [
      "the same key twice",
      groups((g) => g.client?.keys.push("a")),
      'groups.client.keys: names "a" more than once',
    ],
    [
      "the same machine twice",
      groups((g) =>
        Object.assign(g, {
          "client-a": { roles: ["nomad-client"], keys: ["b"] },
          client: { roles: ["nomad-client"], keys: ["a-b"] },
        }),
      ),
      'groups.client-a.keys[0]: makes a second machine "client-a-b"; the first is of the group client',
    ],
    [
      "support beside others",
      groups((g) => g.support?.roles.push("nomad-client")),
      "groups.support.roles: support clashes with nomad-client: it holds what all others trust, and stands alone",
    ],
    [
      "client beside servers",
      groups((g) => control(g).roles.push("nomad-client")),
      "groups.control.roles: nomad-client clashes with consul-server, vault-server and nomad-server: " +
        "tasks would run beside the servers' keys and data",
    ],
    [
      "public servers",
      groups((g) => Object.assign(control(g), { public: true })),
      "groups.control.public: must be false: only support and clients of the class load-balancer are reached from outside",
    ],
    [
      "hidden support",
      groups((g) => Object.assign(g.support ?? {}, { public: false })),
      "groups.support.public: must be true: administrators reach the cluster through support",
    ],
    [
      "class of a server",
      groups((g) => Object.assign(control(g), { nodeClass: "general" })),
      "groups.control.nodeClass: is for clients of Nomad; the group has no role nomad-client",
    ],
    [
      "site without clients of its class",
      { ...good, site: { nodeClass: "web" } },
      'site.nodeClass: no client has the class "web"; classes of clients: general and load-balancer',
    ],
    [
      "no load balancer",
      groups((g) => delete g.edge),
      'groups: name no client of the class "load-balancer", which the site\'s ingress needs; classes of clients: general',
    ],
    [
      "machine's name too long for a cloud",
      groups((g) =>
        Object.assign(g, {
          "a-group-of-quite-some-length-or-more": { roles: ["nomad-client"], keys: ["a"] },
        }),
      ),
      "groups.a-group-of-quite-some-length-or-more.keys[0]: makes a machine's name of 51 characters (the cluster's, " +
        "the group's and the machine's name with a suffix of 9); clouds allow 50",
    ],
    [
      "datacenter with a meaning",
      { ...good, datacenter: "service" },
      'datacenter: "service" has a meaning of its own in Consul\'s DNS; choose another name',
    ],
    [
      "region too long for a certificate",
      { ...good, region: "a".repeat(52) },
      `region: is too long by 1 for a certificate's name, "server.${"a".repeat(52)}.nomad" (64 at most)`,
    ],
    [
      "root",
      { ...good, ssh: { user: "root" } },
      'ssh.user: must be a user of its own, not the machine\'s "root"',
    ],
    [
      "domain without a dot",
      { ...good, site: { domain: "www" } },
      'site.domain: must be a lower-case host name with a domain, such as "www.example.org", not "www"',
    ],
    [
      "domain of Consul",
      { ...good, site: { domain: "www.service.consul" } },
      'site.domain: must not end in ".consul", which the machines resolve among themselves',
    ],
  ];
  const dns = { domain: "example.org", provider: "linode" };
  const ofDns: [string, unknown, string[]][] = [
    ["a domain that is named only", { ...good, dns }, []],
    [
      "no provider",
      { ...good, dns: { domain: "example.org" } },
      ['dns.provider: is missing; it must be one of "linode", "openstack"'],
    ],
    [
      "a slip of the pen",
      { ...good, dns: { ...dns, owner: true } },
      ['dns.owner: is not a setting; did you mean "owned"?'],
    ],
    ["a record for a moment", { ...good, dns: { ...dns, ttl: 5 } }, ["dns.ttl: must be at least 30, not 5"]],
    [
      "loopback addresses for visitors, and a site elsewhere",
      { ...good, dns: { ...dns, owned: true }, site: { domain: "www.notexample.org" } },
      [
        'site.domain: must lie in dns.domain, "example.org", which this stack owns, not "www.notexample.org"',
        "dns.owned: must be false: the local cloud's addresses are reached from its own host alone",
      ],
    ],
  ];
  test.each(ofDns)("dns: %s", (_, raw, problems) => {
    expect(problemsOf(raw)).toEqual(problems);
  });

  test("a group with a name that programs trip over", () => {
    const raw = JSON.parse(JSON.stringify(goodSettings()).replace('"client"', '"__proto__"'));
    expect(problemsOf(raw)).toContain("groups.__proto__: is not a name that a group can have");
    const odd = groups((g) => Object.assign(g, { constructor: { roles: ["nomad-client"], keys: ["a"] } }));
    expect(problemsOf(odd)).toEqual([]);
  });

  test.each(oneProblem)("%s", (_, raw, problem) => {
    expect(problemsOf(raw)).toEqual([problem]);
  });

  test.each([2, 4, 6])("%i servers make no quorum", (count) => {
    const raw = groups((g) => Object.assign(control(g), { keys: [..."abcdefghi"].slice(0, count) }));
    expect(problemsOf(raw)).toEqual(
      ["consul", "vault", "nomad"].map(
        (service) =>
          `groups.control.keys: make ${count} machines with the role ${service}-server; a quorum needs an odd number of servers`,
      ),
    );
  });

  test("servers are counted across groups", () => {
    const raw = groups((g) => Object.assign(g, { more: { roles: ["vault-server"], keys: ["a"] } }));
    expect(problemsOf(raw)).toEqual([
      "groups: make 4 machines with the role vault-server; a quorum needs an odd number of servers",
    ]);
  });

  test("nine servers are too many", () => {
    const raw = groups((g) => Object.assign(control(g), { keys: [..."abcdefghi"] }));
    expect(problemsOf(raw)).toHaveLength(3);
    expect(problemsOf(raw)[0]).toContain("more than 7");
  });

  test.each([1, 3, 5, 7])("%i servers are good", (count) => {
    expect(
      problemsOf(groups((g) => Object.assign(control(g), { keys: [..."abcdefg"].slice(0, count) }))),
    ).toEqual([]);
  });

  test("without a site no class is needed", () => {
    const raw = { ...(groups((g) => delete g.edge) as object), site: { enabled: false } };
    expect(problemsOf(raw)).toEqual([]);
  });

  test("all at once", () => {
    const raw = {
      ...good,
      nme: "x",
      ssh: { user: "root" },
      network: { ipv4: "fd00::/64" },
      versions: { nomad: "0.1.0" },
    };
    expect(problemsOf(raw)).toEqual([
      'nme: is not a setting; did you mean "name"?',
      'versions.nomad: "0.1.0" is not supported; supported: 1.11.1',
      'ssh.user: must be a user of its own, not the machine\'s "root"',
      "network.ipv4: must be an IPv4 network; fd00::/64 is IPv6",
    ]);
  });

  test("the problems are data, too, and the error has no stack to read", () => {
    try {
      parseSettings({ ...good, name: 7 });
      expect.unreachable();
    } catch (error) {
      expect((error as SettingsError).problems).toEqual([{ path: "name", message: "must be a text, not 7" }]);
      expect((error as SettingsError).stack).toBe("SettingsError: name: must be a text, not 7");
    }
  });
});
