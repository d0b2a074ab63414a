import * as ipaddr from "ipaddr.js";
import { numbered } from "../numbered";

/** Arithmetic of the private networks. */

/** The first addresses of a network are the router's and those that machines have by number (`host` in a request). */
export const firstFree = 11;

/** How many further addresses Neutron may give away in an IPv6 network: more than any cluster has. */
const ipv6Pool = 0xffff;

/** What Neutron may give to machines that ask for no number. */
export function poolOf(cidr: string): { start: string; end: string } {
  const [base, bits] = ipaddr.parseCIDR(cidr);
  // The last of IPv4 is the broadcast address.
  const last = base.kind() === "ipv4" ? 2 ** (32 - bits) - 2 : firstFree + ipv6Pool;
  return { start: numbered(cidr, firstFree), end: numbered(cidr, last) };
}

/** A network as Neutron answers it: given in another form, it would seem changed at every run. */
export function canonical(cidr: string): string {
  const [base, bits] = ipaddr.parseCIDR(cidr);
  return `${base.toString()}/${bits}`;
}

/** Neutron's word for the family of a network. */
export function etherType(cidr: string): "IPv4" | "IPv6" {
  return ipaddr.parseCIDR(cidr)[0].kind() === "ipv4" ? "IPv4" : "IPv6";
}

/**
 * A port's address of a family, of all that Neutron gave it, in whatever order.
 * @param machine for the message
 * @throws Error where there is none
 */
export function ofFamily(all: readonly string[], family: "IPv4" | "IPv6", machine: string): string {
  const found = all.find((address) => address.includes(":") === (family === "IPv6"));
  if (found === undefined) throw new Error(`${machine}: Neutron gave its port no ${family} address.`);
  return found;
}
