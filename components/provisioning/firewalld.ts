import type { PlannedZone } from "./plan";

/**
 * firewalld's zones as files. Every zone drops what it does not name. A dropped neighbour solicitation makes a machine
 * deaf on IPv6, so those messages pass everywhere; the rest of ICMP passes between those who know each other.
 * (Answers of running connections, "packet too big" among them, pass as related traffic.)
 */

/** The zone of whatever no other zone's sources match: firewalld's own "drop", but not deaf on IPv6. */
export const defaultZone = "drop";

const neighbourDiscovery = [
  "neighbour-solicitation",
  "neighbour-advertisement",
  "router-solicitation",
  "router-advertisement",
];

function escapeXml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function zoneXml(name: string, description: string, lines: string[]): string {
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<zone target="DROP">',
    `  <short>${escapeXml(name)}</short>`,
    `  <description>${escapeXml(description)}</description>`,
    ...lines.map((line) => `  ${line}`),
    "</zone>",
    "",
  ].join("\n");
}

/** Renders a zone for /etc/firewalld/zones. Sources and ports come sorted, so that their order is no change. */
export function renderZoneXml(zone: PlannedZone): string {
  const ports = [...zone.ports].sort(
    (a, b) =>
      Number.parseInt(a.port, 10) - Number.parseInt(b.port, 10) || a.protocol.localeCompare(b.protocol),
  );
  return zoneXml(zone.name, zone.description, [
    ...[...zone.sources].sort().map((source) => `<source address="${escapeXml(source)}"/>`),
    ...ports.map((p) => `<port port="${escapeXml(p.port)}" protocol="${p.protocol}"/>`),
    '<protocol value="icmp"/>',
    '<protocol value="ipv6-icmp"/>',
  ]);
}

/** Renders the default zone: nothing comes in but what IPv6 needs to find its neighbours. */
export function renderDefaultZoneXml(): string {
  return zoneXml(
    defaultZone,
    "Whoever no other zone knows: nothing but IPv6 neighbour discovery.",
    neighbourDiscovery.map((type) => `<rule family="ipv6"><icmp-type name="${type}"/><accept/></rule>`),
  );
}
