import type { Network } from "../machines/addresses.js";
import type { FilterRule, MachineFilter, RuleSet } from "./machines.js";

/**
 * Firewalls as rules of the lab's router. A packet that begins a connection passes what its sender may send, then what its
 * receiver takes; replies pass. Inside a VPC, machines of the lab share a bridge, which is not filtered.
 */

const ports = (text: string): string =>
  text
    .split(",")
    .map((part) => part.replace(/\s/g, ""))
    .join(", ");

function protocol({ protocol, ports: text }: FilterRule): string {
  const lower = protocol.toLowerCase();
  switch (protocol) {
    case "TCP":
    case "UDP":
      return text.trim() === "" ? `meta l4proto ${lower}` : `${lower} dport { ${ports(text)} }`;
    case "ICMP":
      return "meta l4proto { icmp, ipv6-icmp }";
    case "IPENCAP":
      return "meta l4proto 4";
    case "ALL":
      return "";
  }
}

function chain(name: string, set: RuleSet, side: "saddr" | "daddr"): string[] {
  const verdict = (action: RuleSet["policy"]): string => (action === "ACCEPT" ? "return" : "drop");
  const lines = set.rules.flatMap((rule) =>
    [...rule.ipv4.map((address) => ["ip", address]), ...rule.ipv6.map((address) => ["ip6", address])].map(
      ([family, address]) =>
        ["   ", family, side, address, protocol(rule), verdict(rule.action)]
          .filter((word) => word !== "")
          .join(" "),
    ),
  );
  return [`  chain ${name} {`, ...lines, `    ${verdict(set.policy)}`, "  }"];
}

/**
 * The text for `nft -f` that puts these filters in place of those before, in one step. From a VPC's addresses nothing goes
 * outside: a machine that has a public interface uses that one's (here it has one card for both, so the router sees to it).
 */
export function routerFilter(filters: readonly MachineFilter[], vpc: Network): string {
  const table = "table inet linode";
  const jumps = (side: "saddr" | "daddr", prefix: string): string[] =>
    filters.flatMap(({ addresses }, index) => [
      `    ip ${side} ${addresses.ipv4} jump ${prefix}${index}`,
      `    ip6 ${side} ${addresses.ipv6} jump ${prefix}${index}`,
    ]);
  const both = filters.filter(({ vpc }) => vpc !== undefined);
  return [
    // Deleting needs one that is there.
    `${table} { }`,
    `delete ${table}`,
    `${table} {`,
    ...filters.flatMap(({ inbound, outbound }, index) => [
      ...chain(`in${index}`, inbound, "saddr"),
      ...chain(`out${index}`, outbound, "daddr"),
    ]),
    "  chain forward {",
    // Before the lab's own filter: what passes here is looked at there.
    "    type filter hook forward priority filter - 10; policy accept;",
    "    ct state established,related accept",
    `    ip saddr ${vpc.ipv4} ip daddr != ${vpc.ipv4}${both.length > 0 ? ` ip saddr != { ${both.map(({ vpc }) => vpc).join(", ")} }` : ""} drop`,
    `    ip6 saddr ${vpc.ipv6} ip6 daddr != ${vpc.ipv6} drop`,
    ...jumps("saddr", "out"),
    ...jumps("daddr", "in"),
    "  }",
    "  chain postrouting {",
    "    type nat hook postrouting priority srcnat; policy accept;",
    ...both.map(
      ({ vpc: inside, addresses }) =>
        `    ip saddr ${inside} ip daddr != ${vpc.ipv4} snat ip to ${addresses.ipv4}`,
    ),
    "  }",
    "}",
    "",
  ].join("\n");
}
