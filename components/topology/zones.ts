import type { PlannedZone } from "../provisioning/plan";
import { hostCidr } from "./cidr";
import { tunnelNetwork } from "./egress";
import { memberAddresses } from "./members";
import { type Member, type Role, roles, type Topology } from "./model";
import { type Neighbour, neighboursOf, type OpenPort, portsWith, portText, reachable } from "./ports";
import { adminsZone, order, tunnelZone } from "./zone-names";

/**
 * firewalld's zones from the ports table.
 *
 * firewalld 1.3 dispatches by source in the order of the zones' names, without regard to the length of prefixes
 * (nftables.py, `_run_replace_zone_source`), and leaves the chosen zone with a verdict: a source is in exactly one
 * zone. So the narrow ones have the lower numbers, and each zone holds all that its sources may do, whatever makes
 * them able to.
 */

/**
 * The zones of one machine.
 *
 * Servers and support are sources by their addresses. Clients are not: the private networks stand for them, so that
 * one client more changes no other machine. An address there that belongs to nobody could do what a client can.
 *
 * @param member the machine whose zones these are; its own addresses are no source, for they come by loopback
 * @param all all members, this one included or not
 */
export function zonesFor(
  member: Member,
  all: readonly Member[],
  topology: Pick<Topology, "network" | "adminCidrs" | "published">,
): PlannedZone[] {
  const table = portsWith(topology.published);
  const zone = (
    name: string,
    sources: readonly string[],
    by: readonly Neighbour[],
    who: string,
  ): PlannedZone => ({
    name,
    sources,
    ports: portsFor(member, by, table),
    description: `${who} to ${member.spec.name}`,
  });
  const zones: PlannedZone[] = groupsOfServers(member, all).map(({ held, members }) => ({
    ...zone(
      `${order.machines}-${shortName(held)}`,
      members.flatMap(memberAddresses).map(hostCidr),
      neighboursOf(held),
      `From the machines with ${held.join(", ")}`,
    ),
    leaversLinger: true,
  }));
  if (portsFor(member, ["admins"], table).length > 0) {
    zones.push(zone(adminsZone, topology.adminCidrs, ["admins", "world"], "From administrators"));
  }
  const { ipv4, ipv6 } = topology.network;
  const networks = ipv6 === undefined ? [ipv4] : [ipv4, ipv6];
  zones.push(zone(`${order.clients}-clients`, networks, neighboursOf(["nomad-client"]), "From clients"));
  if (member.spec.egress === "gateway") {
    zones.push(zone(tunnelZone, [tunnelNetwork(ipv4)], [], "From machines that go out through"));
  }
  if (portsFor(member, ["world"], table).length > 0) {
    zones.push(zone(`${order.world}-world`, ["0.0.0.0/0", "::/0"], ["world"], "From anybody"));
  }
  return zones;
}

/** Everybody but clients and the machine itself, by the roles they hold: equal roles, equal rights. */
function groupsOfServers(member: Member, all: readonly Member[]): { held: Role[]; members: Member[] }[] {
  const groups = new Map<string, { held: Role[]; members: Member[] }>();
  for (const other of all) {
    if (sameMachine(other, member) || other.spec.roles.includes("nomad-client")) continue;
    const held = roles.filter((role) => other.spec.roles.includes(role));
    const group = groups.get(held.join()) ?? { held, members: [] };
    group.members.push(other);
    groups.set(held.join(), group);
  }
  return [...groups.values()].sort((a, b) => (shortName(a.held) < shortName(b.held) ? -1 : 1));
}

function sameMachine(a: Member, b: Member): boolean {
  return a.addresses.privateIpv4 === b.addresses.privateIpv4;
}

/** Example: "support", "consul", "consul-nomad"; "servers" for all three, which would be too long. */
function shortName(held: readonly Role[]): string {
  return held.length === 3 ? "servers" : held.map((role) => role.replace("-server", "")).join("-");
}

function portsFor(
  member: Member,
  by: readonly Neighbour[],
  table: readonly OpenPort[],
): PlannedZone["ports"] {
  const ports = reachable(member.spec, by, table).flatMap((line) =>
    line.protocols.map((protocol) => ({ port: portText(line.port), protocol })),
  );
  // Two roles of one machine may open one port: firewalld would warn of the second.
  const once = new Map(ports.map((entry) => [`${entry.port}/${entry.protocol}`, entry]));
  return [...once.values()].sort(
    (a, b) => Number.parseInt(a.port, 10) - Number.parseInt(b.port, 10) || (a.protocol < b.protocol ? -1 : 1),
  );
}
