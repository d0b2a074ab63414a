import type { Addresses, MachineSpec, Member, Network, Role } from "./model";

/** Who is where. */

/** The members that have a role, in the order given. Works on specs of machines, too. */
export function membersWith<M extends Member | Member["spec"]>(role: Role, members: readonly M[]): M[] {
  return members.filter((member) => specOf(member).roles.includes(role));
}

function specOf(member: Member | Member["spec"]): Member["spec"] {
  return "spec" in member ? member.spec : member;
}

/** The address that other members use for this one, by the cluster's family. Example: "fd00:1ab::12". */
export function memberAddress(
  member: Member,
  topology: { readonly network: Pick<Network, "family"> },
): string {
  return addressIn(topology.network.family, member.addresses, member.spec.name);
}

/**
 * A machine's private address in a family.
 * @param who the machine's name, for the error
 * @throws Error where it has none: settings that ask for such a family are refused, so the cloud gave less than it said
 */
export function addressIn(
  family: Network["family"],
  addresses: Pick<Addresses, "privateIpv4" | "privateIpv6">,
  who: string,
): string {
  const address = family === "ipv6" ? addresses.privateIpv6 : addresses.privateIpv4;
  if (address === undefined) throw new Error(`${who}: its cloud gave it no private address of ${family}.`);
  return address;
}

/** The private addresses: IPv4, then IPv6 where there is one. */
export function memberAddresses(member: Member): string[] {
  const { privateIpv4, privateIpv6 } = member.addresses;
  return privateIpv6 === undefined ? [privateIpv4] : [privateIpv4, privateIpv6];
}

/** The machine's name as a node of Consul and Nomad. */
export function nodeName(member: Member): string {
  return member.hostname ?? member.spec.name;
}

/** An address as URLs take it. Example: urlHost("fd00::1") is "[fd00::1]". */
export function urlHost(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** An address and a port. Example: hostPort("fd00::1", 8501) is "[fd00::1]:8501". */
export function hostPort(address: string, port: number): string {
  return `${urlHost(address)}:${port}`;
}

/** Whether others must know this machine by its address: clients come and go without anybody being told. */
export function isFixed(spec: Pick<MachineSpec, "roles">): boolean {
  return !spec.roles.includes("nomad-client");
}
