import { type Cidr, nameOf, overlap, parseCidr, rangeOf, sizeOf } from "../topology/cidr";
import type { Settings } from "./model";
import type { Report } from "./problems";

/** Ranges that no network between machines can have. */
const unusable: readonly string[] = [
  "unspecified",
  "loopback",
  "linkLocal",
  "multicast",
  "broadcast",
  "ipv4Mapped",
];

/** IPv4 addresses of a network that no machine can have: the network's own, broadcast, and the router's. */
const taken = 3;

/** Checks the private networks and the administrators', each by itself and against the others. */
export function checkNetworks(settings: Partial<Settings>, report: Report): void {
  const { network, adminCidrs, groups } = settings;
  const own: { path: string; cidr: Cidr }[] = [];
  for (const family of ["ipv4", "ipv6"] as const) {
    const text = network?.[family];
    const cidr =
      text === undefined
        ? undefined
        : privateNetwork(text, family, (message) => report(["network", family], message));
    if (cidr) own.push({ path: `network.${family}`, cidr });
  }
  const machines = Object.values(groups ?? {}).reduce((sum, { keys }) => sum + keys.length, 0);
  for (const { cidr } of own) {
    const needed = 2 * machines + taken;
    if (sizeOf(cidr) < needed) {
      report(
        ["network", cidr.family],
        `/${cidr.bits} has ${sizeOf(cidr)} addresses; ${machines} machines need ${needed}, ` +
          "since a replaced machine stands beside the new one for a while",
      );
    }
  }
  if (network?.family === "ipv6" && network.ipv6 === undefined) {
    report(["network", "family"], "must be ipv4: the private network has no IPv6");
  }
  checkAdmins(adminCidrs ?? [], own, report);
}

function privateNetwork(
  text: string,
  family: Cidr["family"],
  report: (message: string) => void,
): Cidr | undefined {
  const cidr = parseCidr(text);
  if (typeof cidr === "string") {
    report(cidr);
    return undefined;
  }
  if (cidr.family !== family) {
    report(`must be an ${nameOf(family)} network; ${text} is ${nameOf(cidr.family)}`);
    return undefined;
  }
  if (unusable.includes(rangeOf(cidr))) {
    report(`${text} is ${rangeOf(cidr)} space, which machines cannot use among themselves`);
    return undefined;
  }
  // Longer than /64 leaves no room for the interface identifiers that clouds give (RFC 7421); wider than a provider's
  // whole assignment is a slip of the pen, and would be trusted as "members".
  const [widest, longest] = family === "ipv4" ? [8, 29] : [32, 64];
  if (cidr.bits < widest || cidr.bits > longest) {
    report(`must have a prefix from /${widest} to /${longest}, not /${cidr.bits}`);
    return undefined;
  }
  return cidr;
}

function checkAdmins(texts: readonly string[], own: { path: string; cidr: Cidr }[], report: Report): void {
  const seen: { text: string; cidr: Cidr }[] = [];
  for (const [index, text] of texts.entries()) {
    const path = ["adminCidrs", index];
    const cidr = adminNetwork(text);
    if (typeof cidr === "string") {
      report(path, cidr);
      continue;
    }
    for (const network of own.filter((network) => overlap(cidr, network.cidr))) {
      report(
        path,
        `${text} overlaps ${network.path}: every machine of the cluster would be an administrator`,
      );
    }
    const other = seen.find((earlier) => overlap(cidr, earlier.cidr));
    if (other) report(path, `${text} overlaps ${other.text}, which is in the list already`);
    seen.push({ text, cidr });
  }
}

function adminNetwork(text: string): Cidr | string {
  const cidr = parseCidr(text);
  if (typeof cidr === "string") return cidr;
  if (cidr.bits < (cidr.family === "ipv4" ? 8 : 16)) {
    return `${text} lets in most of the internet; name the administrators' own networks`;
  }
  if (unusable.includes(rangeOf(cidr))) {
    return `${text} is ${rangeOf(cidr)} space, from which no administrator comes`;
  }
  return cidr;
}
