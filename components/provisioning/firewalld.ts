import type { PlannedZone } from "./plan";

/**
 * firewalld's zones as files. Every zone drops what it does not name, and so does the default one, which is firewalld's
 * own "drop". What IPv6 needs to find its neighbours passes by firewalld's own policy `allow-host-ipv6`; ICMP as a whole
 * passes between those who know each other. Answers of running connections ("packet too big" among them) are related
 * traffic.
 */

function escapeXml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** Renders a zone for /etc/firewalld/zones. Sources and ports come sorted, so that their order is no change. */
export function renderZoneXml(zone: PlannedZone): string {
  const ports = [...zone.ports].sort(
    (a, b) =>
      Number.parseInt(a.port, 10) - Number.parseInt(b.port, 10) || a.protocol.localeCompare(b.protocol),
  );
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<zone target="DROP">',
    `  <short>${escapeXml(zone.name)}</short>`,
    `  <description>${escapeXml(zone.description)}</description>`,
    ...[...zone.sources].sort().map((source) => `  <source address="${escapeXml(source)}"/>`),
    ...ports.map((p) => `  <port port="${escapeXml(p.port)}" protocol="${p.protocol}"/>`),
    '  <protocol value="icmp"/>',
    '  <protocol value="ipv6-icmp"/>',
    "</zone>",
    "",
  ].join("\n");
}
