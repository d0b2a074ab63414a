import { BlockList, isIP } from "node:net";
import { linodeFirewall, openstackRule } from "./clouds";
import type { Findings, Subject } from "./rule";
import type { Cursor } from "./wire";

/** What a cloud's filter lets in: Linode's firewalls and OpenStack's security groups in the same words. */

export const filters = [linodeFirewall, openstackRule] as const;

export interface Opening {
  /** Where it stands, for a message. Example: 'the inbound rule "ssh"'. */
  readonly where: string;
  /** "tcp", "udp" or "any"; other protocols have no ports, and are left out. */
  readonly protocol: string;
  readonly ports: readonly { from: number; to: number }[];
  /** Networks. Example: ["0.0.0.0/0"]. */
  readonly sources: readonly string[];
}

const allPorts = [{ from: 1, to: 65_535 }];

/** Looks at each opening of a filter. What is not known of one does not hide the others. */
export function eachOpening(subject: Subject, findings: Findings, check: (opening: Opening) => void): void {
  const { props } = subject;
  if (subject.type === openstackRule) {
    if (props.text("direction") !== "ingress") return;
    const opening = secGroupRule(props);
    if (opening) check(opening);
    return;
  }
  if (props.flag("disabled")) return;
  findings.each(props.items("inbounds"), (rule) => {
    const opening = inbound(rule);
    if (opening) check(opening);
  });
}

function inbound(rule: Cursor): Opening | undefined {
  if (rule.text("action")?.toUpperCase() !== "ACCEPT") return undefined;
  const protocol = rule.text("protocol")?.toLowerCase() ?? "any";
  if (!["tcp", "udp", "any", "all"].includes(protocol)) return undefined;
  const ports = rule.text("ports");
  return {
    where: `the inbound rule "${rule.text("label") ?? "?"}"`,
    protocol: protocol === "all" ? "any" : protocol,
    ports: ports ? ports.split(",").map(range) : allPorts,
    sources: [...rule.texts("ipv4s"), ...rule.texts("ipv6s")],
  };
}

function secGroupRule(props: Cursor): Opening | undefined {
  const protocol = props.text("protocol")?.toLowerCase() || "any";
  if (!["tcp", "udp", "any", "6", "17", "0"].includes(protocol)) return undefined;
  // Members of a group are no network.
  if (props.has("remoteGroupId")) return undefined;
  const min = props.number("portRangeMin");
  const everywhere = props.text("ethertype") === "IPv6" ? "::/0" : "0.0.0.0/0";
  return {
    where: "this rule",
    protocol: { "6": "tcp", "17": "udp", "0": "any" }[protocol] ?? protocol,
    ports: min ? [{ from: min, to: props.number("portRangeMax") ?? min }] : allPorts,
    sources: [props.text("remoteIpPrefix") || everywhere],
  };
}

/** Example: "20000-32000", or "22". */
export function range(text: string): { from: number; to: number } {
  const [from = 0, to = from] = text.split("-").map((part) => Number(part.trim()));
  return { from, to };
}

/** Private networks: RFC 1918, shared (RFC 6598), loopback, link-local, and unique local ones. */
const inside = [
  ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["fc00::/7", "fe80::/10"],
];

function parsed(cidr: string): { address: string; bits: number; family: "ipv4" | "ipv6" } {
  const [address = "", length] = cidr.split("/");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  return { address, bits: length === undefined ? (family === "ipv6" ? 128 : 32) : Number(length), family };
}

/** Whether all of a network lies in another one. */
function liesIn(cidr: string, outer: string): boolean {
  const [own, other] = [parsed(cidr), parsed(outer)];
  if (isIP(own.address) === 0 || own.family !== other.family || !(own.bits >= other.bits)) return false;
  const block = new BlockList();
  block.addSubnet(other.address, other.bits, other.family);
  return block.check(own.address, own.family);
}

/** Whether a network is the world, or so large a part of it that it is nobody's. */
export function isWorld(cidr: string): boolean {
  const { bits, family } = parsed(cidr);
  return bits < (family === "ipv6" ? 16 : 8) && !inside.some((each) => liesIn(cidr, each));
}

/** Whether a network is nobody's on the internet: a private one, or part of one of `more`. */
export function isPrivate(cidr: string, more: readonly string[]): boolean {
  return !isWorld(cidr) && [...inside, ...more].some((each) => liesIn(cidr, each));
}

/** Example: "22", "20000-32000". */
export function shown({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${from}-${to}`;
}
