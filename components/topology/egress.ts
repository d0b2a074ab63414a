import * as ipaddr from "ipaddr.js";
import type { Member, TunnelEnd } from "./model";

/**
 * The way out through support, for machines without a public address where the cloud has nothing that does NAT.
 *
 * Routing by the private network alone will not do: Linode's VPC drops what does not come from its sender's own address,
 * and so all that support would hand on ("Linode VPC's Strict Anti-Spoofing Enforcement", linode.com/docs, site-to-site VPN
 * with AWS, 2025). So packets travel between a machine and support in a tunnel (VXLAN), from address to address.
 */

/** The shared address space (RFC 6598): nobody's on the internet, and no private network's. */
const shared = "100.64.0.0";
/** Networks up to this size fit there. */
export const tunnelBits = 10;

/** The network inside the tunnel: as large as the private one. Example: "100.64.0.0/24" for "10.1.0.0/24". */
export function tunnelNetwork(ipv4: string): string {
  const [, bits] = ipaddr.parseCIDR(ipv4);
  return `${shared}/${bits}`;
}

/** An address inside the tunnel: the number that the private one has. Example: ("10.1.0.37", "10.1.0.0/24") is "100.64.0.37". */
export function tunnelAddress(address: string, ipv4: string): string {
  const [, bits] = ipaddr.parseCIDR(ipv4);
  const own = ipaddr.IPv4.parse(address).toByteArray();
  const mask = ipaddr.IPv4.subnetMaskFromPrefixLength(bits).toByteArray();
  const base = ipaddr.IPv4.parse(shared).toByteArray();
  return base.map((byte, at) => byte | ((own[at] ?? 0) & ~(mask[at] ?? 0) & 0xff)).join(".");
}

/** A machine's end; undefined where it goes out by itself. */
export function tunnelEnd(
  { spec, addresses }: Member,
  support: Member | undefined,
  { ipv4 }: { readonly ipv4: string },
): TunnelEnd | undefined {
  const [, bits] = ipaddr.parseCIDR(ipv4);
  const local = addresses.privateIpv4;
  const end = { local, address: `${tunnelAddress(local, ipv4)}/${bits}` };
  // Where support may do more than others, nobody comes in its name.
  if (spec.egress === "gateway") return { ...end, closed: [ipv4, tunnelNetwork(ipv4)] };
  if (spec.egress !== "behind" || !support) return undefined;
  const remote = support.addresses.privateIpv4;
  return { ...end, remote, gateway: tunnelAddress(remote, ipv4) };
}
