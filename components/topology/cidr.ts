import * as ipaddr from "ipaddr.js";

/** Networks in CIDR notation. */
export interface Cidr {
  readonly family: "ipv4" | "ipv6";
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  readonly bits: number;
}

/** A network of either family, or a sentence's end that says what is wrong with it. Host bits must be zero. */
export function parseCidr(text: string): Cidr | string {
  if (!/^[0-9A-Fa-f.:]+\/\d{1,3}$/.test(text))
    return "must be a network such as 198.51.100.0/24 or fd00:1ab::/64";
  const [host = "", length = ""] = text.split("/");
  // Only the four-part decimal form: "1.2/16" or "010.0.0.0/8" mean different things to different programs.
  const valid = host.includes(":") ? ipaddr.IPv6.isValid(host) : ipaddr.IPv4.isValidFourPartDecimal(host);
  if (!valid) return `holds no valid address: ${host}`;
  const address = ipaddr.parse(host);
  const family = address.kind();
  const bits = Number(length);
  if (bits > (family === "ipv4" ? 32 : 128))
    return `has a prefix longer than an ${nameOf(family)} address: /${length}`;
  const base = networkAddress(family, text);
  if (base.toString() !== address.toString())
    return `has host bits set; the network is ${base.toString()}/${bits}`;
  return { family, address, bits };
}

function networkAddress(family: Cidr["family"], text: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return family === "ipv4"
    ? ipaddr.IPv4.networkAddressFromCIDR(text)
    : ipaddr.IPv6.networkAddressFromCIDR(text);
}

/** "IPv4" or "IPv6". */
export function nameOf(family: Cidr["family"]): string {
  return family === "ipv4" ? "IPv4" : "IPv6";
}

/** Whether two networks have an address in common. */
export function overlap(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  return a.address.match(b.address, Math.min(a.bits, b.bits));
}

/** How many addresses a network has, at most 2^53. */
export function sizeOf(network: Cidr): number {
  return 2 ** Math.min(53, (network.family === "ipv4" ? 32 : 128) - network.bits);
}

/** The kind of addresses: "private", "uniqueLocal", "unicast", "loopback", "linkLocal", "multicast"… */
export function rangeOf(network: Cidr): string {
  return network.address.range();
}

/** An address as the source of a firewall's rule. Example: "fd00:1ab::2" is "fd00:1ab::2/128". */
export function hostCidr(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}
