import { describe, expect, test } from "vitest";
import { parseSettings } from "../../../components/settings/parse";
import { tunnelAddress, tunnelEnd, tunnelNetwork } from "../../../components/topology/egress";
import type { Member, Topology } from "../../../components/topology/model";
import { topologyOf } from "../../../components/topology/topology";
import { zonesFor } from "../../../components/topology/zones";

/** The way out through support, as plain data. */

const stack = (egress: "nat" | "public") =>
  topologyOf(
    parseSettings({
      name: "prod",
      cloud: { kind: "linode", region: "nl-ams", image: "private/1", egress },
      adminCidrs: ["203.0.113.7/32"],
      site: { domain: "www.example.org" },
      groups: {
        support: { roles: ["support"], keys: ["a"] },
        control: { roles: ["consul-server", "vault-server", "nomad-server"], keys: ["a"] },
        client: { roles: ["nomad-client"], keys: ["a"] },
        edge: { roles: ["nomad-client"], keys: ["a"], nodeClass: "load-balancer" },
      },
    }),
  );

describe("addresses inside the tunnel have the private ones' numbers", () => {
  test.each([
    ["10.1.0.0/24", "10.1.0.37", "100.64.0.0/24", "100.64.0.37"],
    ["10.0.0.0/10", "10.33.7.2", "100.64.0.0/10", "100.97.7.2"],
    ["192.168.4.0/22", "192.168.7.254", "100.64.0.0/22", "100.64.3.254"],
  ])("%s", (network, address, tunnel, inside) => {
    expect(tunnelNetwork(network)).toBe(tunnel);
    expect(tunnelAddress(address, network)).toBe(inside);
  });
});

const membersOf = ({ machines }: Topology): Member[] =>
  machines.map((spec, index) => ({ spec, addresses: { privateIpv4: `10.1.0.${index + 2}` } }));

const zonesOf = (topology: Topology, name: string) => {
  const members = membersOf(topology);
  const one = members.find(({ spec }) => spec.name === name) as Member;
  return zonesFor(one, members, topology).map(({ name, sources, ports }) => [
    name,
    sources.join(),
    ports.filter(({ port }) => port === "4789").map(({ port, protocol }) => `${port}/${protocol}`),
  ]);
};

describe("with egress nat", () => {
  const topology = stack("nat");
  const [support, control, client, edge] = membersOf(topology) as [Member, Member, Member, Member];
  const end = (member: Member) => tunnelEnd(member, support, topology.network);

  test("who is not reached from outside has a tunnel to support", () => {
    expect(end(support)).toEqual({
      local: "10.1.0.2",
      address: "100.64.0.2/24",
      closed: ["10.1.0.0/24", "100.64.0.0/24"],
    });
    expect(end(control)).toEqual({
      local: "10.1.0.3",
      remote: "10.1.0.2",
      address: "100.64.0.3/24",
      gateway: "100.64.0.2",
    });
    expect(end(client)).toMatchObject({ address: "100.64.0.4/24" });
    expect(end(edge)).toBeUndefined();
  });

  test("support lets the machines' tunnels in, and has a zone for what comes through them, to which no port is open", () => {
    expect(zonesOf(topology, "support-a")).toEqual([
      ["hs10-servers", "10.1.0.3/32", ["4789/udp"]],
      ["hs20-admins", "203.0.113.7/32", []],
      ["hs30-clients", "10.1.0.0/24", ["4789/udp"]],
      ["hs40-way-out", "100.64.0.0/24", []],
    ]);
  });

  test("a machine lets in what comes back from support, and no other machine's", () => {
    for (const name of ["control-a", "client-a"]) {
      const open = zonesOf(topology, name).filter(([, , ports]) => (ports ?? []).length > 0);
      expect(open, name).toEqual([["hs10-support", "10.1.0.2/32", ["4789/udp"]]]);
    }
    expect(zonesOf(topology, "edge-a").flatMap(([, , ports]) => ports)).toEqual([]);
  });
});

test("with egress public nobody has a tunnel, and nothing is open for one", () => {
  const topology = stack("public");
  const members = membersOf(topology);
  for (const member of members) {
    expect(tunnelEnd(member, members[0], topology.network)).toBeUndefined();
    expect(zonesOf(topology, member.spec.name).flatMap(([, , ports]) => ports)).toEqual([]);
  }
});
