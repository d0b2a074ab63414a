import fc from "fast-check";
import * as ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { zoneNameLimit } from "../../../components/provisioning/merge";
import type { PlannedZone } from "../../../components/provisioning/plan";
import { memberAddresses } from "../../../components/topology/members";
import {
  type Dashboard,
  dashboards,
  type MachineSpec,
  type Member,
  type Role,
  type Topology,
} from "../../../components/topology/model";
import {
  isPlace,
  type Neighbour,
  type OpenPort,
  openPorts,
  portsWith,
  portText,
} from "../../../components/topology/ports";
import { zonesFor } from "../../../components/topology/zones";
import { dev, member, membersOf, separate } from "./fixture";

/** Zones as one reads them. */
function text(zones: readonly PlannedZone[]): string {
  return zones
    .map((zone) => {
      const ports = zone.ports.map(({ port, protocol }) => `${port}/${protocol}`).join(" ");
      return `${zone.name} (${zone.description})\n  from ${zone.sources.join(" ")}\n  to   ${ports || "nothing"}`;
    })
    .join("\n");
}

/** What firewalld does with a source: the first zone by name that has it, and no other. */
function dispatched(zones: readonly PlannedZone[], source: string): string[] {
  const address = ipaddr.parse(source);
  const zone = [...zones]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .find(({ sources }) =>
      sources.some((cidr) => {
        const [network, bits] = ipaddr.parseCIDR(cidr);
        return network.kind() === address.kind() && address.match(network, bits);
      }),
    );
  return (zone?.ports ?? []).map(({ port, protocol }) => `${port}/${protocol}`).sort();
}

/** What the table allows, said once more in the plainest way. */
function allowed(
  to: MachineSpec,
  who: (from: Neighbour) => boolean,
  table: readonly OpenPort[] = openPorts,
): string[] {
  const lines = table.filter((line) => isPlace(to, line.to) && line.from.some(who));
  return [
    ...new Set(
      lines.flatMap((line) => line.protocols.map((protocol) => `${portText(line.port)}/${protocol}`)),
    ),
  ].sort();
}

function isNeighbour(spec: MachineSpec): (from: Neighbour) => boolean {
  return (from) => {
    if (from === "world") return true;
    if (from === "admins") return false;
    return from === "members" ? !spec.roles.includes("support") : spec.roles.includes(from);
  };
}

/** Every source reaches exactly what the table says, whichever zone it falls into. */
function expectTable(topology: Topology, members: readonly Member[]): void {
  const table = portsWith(topology.published);
  for (const to of members) {
    const zones = zonesFor(to, members, topology);
    for (const zone of zones) expect(zone.name).toMatch(new RegExp(`^[a-z0-9-]{1,${zoneNameLimit}}$`));
    expect(new Set(zones.map(({ name }) => name)).size).toBe(zones.length);
    const sources = zones.flatMap((zone) => zone.sources);
    expect(new Set(sources).size).toBe(sources.length);
    for (const from of members.filter((other) => other !== to)) {
      for (const source of memberAddresses(from)) {
        expect(dispatched(zones, source)).toEqual(allowed(to.spec, isNeighbour(from.spec), table));
      }
    }
    for (const stranger of ["8.8.8.8", "2001:db8::1"]) {
      expect(dispatched(zones, stranger)).toEqual(allowed(to.spec, (from) => from === "world"));
    }
    for (const admin of ["192.0.2.10", "fd00:1ab:ff::10"]) {
      expect(dispatched(zones, admin)).toEqual(
        allowed(to.spec, (from) => from === "world" || from === "admins"),
      );
    }
  }
}

describe("every source reaches what the table says, no more and no less", () => {
  test("dev", () => expectTable(dev.topology, dev.members));
  test("servers on machines of their own", () => expectTable(separate.topology, separate.members));
  test("what is published, on servers together and apart", () => {
    for (const { topology, members } of [dev, separate]) {
      expectTable({ ...topology, published: dashboards }, members);
    }
    const client = member(separate, "client-a");
    const more = (published: readonly Dashboard[]) => {
      const topology = { ...separate.topology, published };
      return separate.members.flatMap((to) => {
        const reached = (zones: readonly PlannedZone[]) =>
          dispatched(zones, client.addresses.privateIpv6 ?? "");
        const before = reached(zonesFor(to, separate.members, separate.topology));
        return reached(zonesFor(to, separate.members, topology))
          .filter((port) => !before.includes(port))
          .map((port) => `${to.spec.group} ${port}`);
      });
    };
    expect([...new Set(more(["nomad"]))]).toEqual(["nomad 4646/tcp"]);
    expect([...new Set(more(["consul"]))]).toEqual(["consul 8501/tcp"]);
    expect(more(["vault"])).toEqual([]);
  });
  test("a private network of IPv4 alone, where IPv6 is the world's", () => {
    const topology: Topology = {
      ...dev.topology,
      network: { ipv4: dev.topology.network.ipv4, family: "ipv4" },
    };
    const members = dev.members.map((one) => ({
      ...one,
      addresses: { ...one.addresses, privateIpv6: undefined },
    }));
    expectTable(topology, members);
    expect(
      zonesFor(member(dev, "client-a"), members, topology).flatMap(({ sources }) => sources),
    ).not.toContain("fd00:1ab::/64");
  });
  test("any mix of machines", () => {
    const servers: Role[] = ["consul-server", "vault-server", "nomad-server"];
    const kind = fc.oneof(
      fc.subarray(servers, { minLength: 1 }).map((roles) => ({ roles })),
      fc
        .constantFrom("general", "load-balancer")
        .map((nodeClass) => ({ roles: ["nomad-client" as Role], nodeClass })),
    );
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 12 }), (kinds) => {
        const all = [{ roles: ["support" as Role] }, ...kinds];
        const machines = all.map((spec, i) => ({
          ...spec,
          name: `m-${i}`,
          group: "m",
          key: `${i}`,
          public: false,
        }));
        const topology = { ...dev.topology, machines };
        expectTable(topology, membersOf(topology));
      }),
      { numRuns: 60 },
    );
  });
});

describe("growth", () => {
  const grown = {
    ...dev.topology,
    machines: [
      ...dev.topology.machines,
      { ...member(dev, "client-a").spec, name: "client-c", key: "c" },
      { ...member(dev, "edge-a").spec, name: "edge-c", key: "c" },
    ],
  };
  test("more clients change no other machine's zones", () => {
    const members = membersOf(grown);
    for (const one of dev.members) {
      expect(zonesFor(one, members, grown)).toEqual(zonesFor(one, dev.members, dev.topology));
    }
  });
  test("the order of members changes nothing but the order of sources", () => {
    const zones = zonesFor(member(dev, "client-a"), [...dev.members].reverse(), dev.topology);
    expect(zones.map((zone) => zone.name)).toEqual(
      zonesFor(member(dev, "client-a"), dev.members, dev.topology).map((zone) => zone.name),
    );
  });
});

describe("dev's zones", () => {
  test.each(["support-a", "control-a", "client-a", "edge-a"])("%s", (name) => {
    expect(text(zonesFor(member(dev, name), dev.members, dev.topology))).toMatchSnapshot();
  });
});

describe("zones where servers have machines of their own", () => {
  test.each(["support-a", "consul-a", "vault-a", "nomad-a"])("%s", (name) => {
    expect(text(zonesFor(member(separate, name), separate.members, separate.topology))).toMatchSnapshot();
  });
});
