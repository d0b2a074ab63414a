import * as linode from "@pulumi/linode";
import type * as pulumi from "@pulumi/pulumi";
import type { Opening } from "../cloud";

/** Cloud Firewalls: what Linode lets through to a machine, before its own firewall looks at it. */

/** Linode's limit for a firewall, inbound and outbound together. */
const maxRules = 25;

/** Linode's limit for the ports of one rule. */
const maxPorts = 15;

/** Every port, as Linode writes it. */
const allPorts = "1-65535";

/** Who may be where. */
export interface Sources {
  /** The private network. Example: "10.1.0.0/24". */
  readonly network: string;
  /** Networks of those who are called "admins", of either family. */
  readonly adminCidrs: readonly string[];
}

/** An inbound rule that accepts. */
export interface Rule {
  /** 3 to 32 characters, for display. */
  readonly label: string;
  readonly protocol: "TCP" | "UDP" | "ICMP";
  /** Absent for ICMP, which has none. Example: "80, 443". */
  readonly ports?: string;
  readonly ipv4s?: string[];
  readonly ipv6s?: string[];
}

/**
 * The rules of a firewall: the whole private network, where the machines' own firewalls decide, and each opening from
 * its sources. Ports that are open to the same sources share a rule.
 * @throws Error where they are more than a firewall of Linode's can hold
 */
export function firewallRules(openings: readonly Opening[], sources: Sources): Rule[] {
  const within = { ipv4s: [sources.network] };
  const rules: Rule[] = [
    { label: "private-tcp", protocol: "TCP", ports: allPorts, ...within },
    { label: "private-udp", protocol: "UDP", ports: allPorts, ...within },
    { label: "private-icmp", protocol: "ICMP", ...within },
  ];
  for (const [who, protocol, ports] of merged(openings)) {
    const from = addressesOf(who, sources);
    for (let at = 0; at < ports.length; at += maxPorts) {
      const some = ports.slice(at, at + maxPorts);
      const part = ports.length > maxPorts ? `-${at / maxPorts + 1}` : "";
      rules.push({
        label: `${who}-${protocol.toLowerCase()}${part}`,
        protocol,
        ports: some.join(", "),
        ...from,
      });
    }
  }
  if (rules.length > maxRules) {
    throw new Error(
      `A firewall of Linode's holds ${maxRules} rules, and ${openings.length} openings need ${rules.length}: open fewer ports.`,
    );
  }
  return rules;
}

/** Ports by who comes and the protocol, ascending. */
function merged(openings: readonly Opening[]): [string, "TCP" | "UDP", number[]][] {
  const found = new Map<string, [string, "TCP" | "UDP", number[]]>();
  for (const { from, protocol, port } of openings) {
    const written = protocol === "udp" ? "UDP" : "TCP";
    const entry = found.get(`${from} ${written}`) ?? [from, written, []];
    if (!entry[2].includes(port)) entry[2].push(port);
    found.set(`${from} ${written}`, entry);
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, [who, protocol, ports]]) => [who, protocol, ports.sort((a, b) => a - b)]);
}

function addressesOf(who: string, { adminCidrs }: Sources): Pick<Rule, "ipv4s" | "ipv6s"> {
  switch (who) {
    case "world":
      return { ipv4s: ["0.0.0.0/0"], ipv6s: ["::/0"] };
    case "admins": {
      const ipv6s = adminCidrs.filter((cidr) => cidr.includes(":"));
      const ipv4s = adminCidrs.filter((cidr) => !cidr.includes(":"));
      // The provider takes no empty list.
      return { ...(ipv4s.length > 0 ? { ipv4s } : {}), ...(ipv6s.length > 0 ? { ipv6s } : {}) };
    }
    default:
      throw new Error(`Linode's firewall does not know who "${who}" is.`);
  }
}

/** Who comes in, as a part of a name. Example: "admins"; "inside" where nobody does. */
export function exposure(openings: readonly Opening[]): string {
  const who = [...new Set(openings.map(({ from }) => from))].sort();
  return who.length === 0 ? "inside" : who.join("-");
}

/** The firewalls of a cluster: one for each kind of exposure, made when the first machine needs it. */
export class Firewalls {
  private readonly made = new Map<string, { rules: string; firewall: linode.Firewall }>();

  constructor(
    private readonly cluster: string,
    private readonly sources: Sources,
    private readonly opts: pulumi.CustomResourceOptions,
  ) {}

  /** @throws Error where two kinds of machines have the same callers and other ports: they would need other names */
  idFor(openings: readonly Opening[]): pulumi.Output<number> {
    const name = exposure(openings);
    const rules = firewallRules(openings, this.sources);
    const known = this.made.get(name);
    if (known && known.rules !== JSON.stringify(rules)) {
      throw new Error(
        `Machines that are open to ${name} are open at different ports: one firewall is not enough.`,
      );
    }
    const firewall = known?.firewall ?? this.make(name, rules);
    this.made.set(name, { rules: JSON.stringify(rules), firewall });
    return firewall.id.apply(Number);
  }

  private make(name: string, rules: readonly Rule[]): linode.Firewall {
    // Machines name their firewall when they are made, so that there is no moment without one: `linodes` stays unsaid, or
    // the provider would take away those it does not find there.
    return new linode.Firewall(
      name,
      {
        label: `${this.cluster}-${name}`,
        inboundPolicy: "DROP",
        outboundPolicy: "ACCEPT",
        inbounds: rules.map((rule) => ({ ...rule, action: "ACCEPT" })),
        tags: [this.cluster],
      },
      this.opts,
    );
  }
}
