import ipaddr from "ipaddr.js";
import { exitCodes, LabError } from "./errors.js";

/** The private network of a lab's machines, in CIDR notation. */
export interface Network {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A machine's addresses. Public ones where it was asked for as public. */
export interface MachineAddresses {
  readonly privateIpv4: string;
  readonly privateIpv6: string;
  readonly publicIpv4?: string;
  readonly publicIpv6?: string;
  /** The host's loopback address whose listeners lead to the machine's public ports. */
  readonly forwardAddress?: string;
  readonly mac: string;
}

/** Prefixes every lab has, alike: they lie in namespaces of its own. */
export const publicNetwork: Network = { ipv4: "203.0.113.0/24", ipv6: "fd00:1ab:77::/64" };
/** Where everybody is who is no machine of the lab. */
export const outsideNetwork: Network = { ipv4: "192.0.2.0/24", ipv6: "fd00:1ab:ff::/64" };
export const outsideGateway: Network = { ipv4: "192.0.2.1", ipv6: "fd00:1ab:ff::1" };
/** Who the forwards, the engine and a browser are, seen from a machine. */
export const adminAddress: Network = { ipv4: "192.0.2.10", ipv6: "fd00:1ab:ff::10" };
/** Somebody on the internet. */
export const strangerAddress: Network = { ipv4: "192.0.2.66", ipv6: "fd00:1ab:ff::66" };

/** First host number of a machine; those below are the gateway's and room for the lab itself. */
export const firstHost = 11;
/** Last host number: the loopback forwards have one octet for it. */
const lastHost = 254;

/** The address with this host number. In IPv6 its decimal digits are written as they are: .11 and ::11 are one machine. */
export function hostAddress(cidr: string, host: number): string {
  const [prefix] = ipaddr.parseCIDR(cidr);
  const bytes = prefix.toByteArray();
  if (prefix.kind() === "ipv6") {
    const digits = Number.parseInt(String(host), 16);
    bytes[14] |= digits >> 8;
    bytes[15] |= digits & 0xff;
  } else {
    bytes[3] += host;
  }
  return ipaddr.fromByteArray(bytes).toString();
}

/** The router's address in a machine's network. */
export const gatewayOf = (network: Network): Network => ({
  ipv4: hostAddress(network.ipv4, 1),
  ipv6: hostAddress(network.ipv6, 1),
});

/** Prefix length of a CIDR. */
export const prefixLength = (cidr: string): number => ipaddr.parseCIDR(cidr)[1];

/** How many machines a network has addresses for. */
export function roomOf(network: Network): number {
  const hosts = 2 ** Math.min(32 - prefixLength(network.ipv4), 8) - 2;
  return Math.max(0, Math.min(hosts, lastHost) - firstHost + 1);
}

/**
 * The next index from 1 that is not taken, after the one given last: an address that was given back rests as long as it can,
 * as a cloud's does. A Nomad server that forgets another forgets whoever has its address by then (`localPeers` in
 * nomad/serf.go).
 *
 * Throws a LabError when the network has no room.
 */
export function freeIndex(taken: ReadonlySet<number>, network: Network, last = 0): number {
  const room = roomOf(network);
  for (let step = 0; step < room; step++) {
    const index = ((last + step) % room) + 1;
    if (!taken.has(index)) return index;
  }
  throw new LabError(`The lab's network ${network.ipv4} has room for ${room} machines, and all are taken.`);
}

/** The index of the machine with this number in its networks: below 1 for those that ask for theirs. */
export const indexOfHost = (host: number): number => host - firstHost + 1;

/** The lowest free second octet of 127.77.x.y, for a lab. */
export function freeLoopback(taken: ReadonlySet<number>): number {
  for (let x = 1; x <= 254; x++) if (!taken.has(x)) return x;
  throw new LabError("All 254 loopback ranges 127.77.x.0 are taken by other labs of this host.");
}

/** All addresses of the machine with this index: a pure function, so a machine keeps them over its whole life. */
export function addressesOf(
  index: number,
  network: Network,
  loopback: number,
  isPublic: boolean,
): MachineAddresses {
  const host = firstHost - 1 + index;
  const addresses: MachineAddresses = {
    privateIpv4: hostAddress(network.ipv4, host),
    privateIpv6: hostAddress(network.ipv6, host),
    // Bound to the address: a machine that inherits an address is found at once by neighbours who knew the old one.
    mac: `02:1a:b0:00:00:${host.toString(16).padStart(2, "0")}`,
  };
  if (!isPublic) return addresses;
  return {
    ...addresses,
    publicIpv4: hostAddress(publicNetwork.ipv4, host),
    publicIpv6: hostAddress(publicNetwork.ipv6, host),
    forwardAddress: `127.77.${loopback}.${host}`,
  };
}

/** Says in one sentence what is wrong with a network, or undefined. */
export function networkProblem(network: Network): string | undefined {
  for (const [path, cidr, kind] of [
    ["network.ipv4", network.ipv4, "ipv4"],
    ["network.ipv6", network.ipv6, "ipv6"],
  ] as const) {
    let parsed: [ipaddr.IPv4 | ipaddr.IPv6, number];
    try {
      parsed = ipaddr.parseCIDR(cidr);
    } catch {
      return `${path} must be a network like "${kind === "ipv4" ? "198.51.100.0/24" : "fd00:1ab::/64"}", not "${cidr}".`;
    }
    const [prefix, length] = parsed;
    if (prefix.kind() !== kind)
      return `${path} must be an ${kind === "ipv4" ? "IPv4" : "IPv6"} network, not "${cidr}".`;
    const [first, last] = kind === "ipv4" ? [8, 27] : [16, 64];
    if (length < first || length > last) return `${path} must be a /${first} to a /${last}, not "${cidr}".`;
    const base = prefix.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
    if (base.networkAddressFromCIDR(cidr).toString() !== prefix.toString()) {
      return `${path} has bits set behind its prefix: "${cidr}".`;
    }
    for (const other of [publicNetwork[kind], outsideNetwork[kind]]) {
      const [otherPrefix, otherLength] = ipaddr.parseCIDR(other);
      const common = Math.min(length, otherLength);
      if (prefix.match(otherPrefix, common)) return `${path} overlaps ${other}, which is the lab's own.`;
    }
  }
  return undefined;
}

/** Throws a LabError, wrong use, for a network that no lab can have. */
export function assertNetwork(network: Network): void {
  const problem = networkProblem(network);
  if (problem) throw new LabError(problem, exitCodes.usage);
}
