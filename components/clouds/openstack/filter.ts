import * as openstack from "@pulumi/openstack";
import type * as pulumi from "@pulumi/pulumi";
import type { Opening } from "../cloud";
import { canonical, etherType } from "./addresses";

export interface FilterArgs {
  /** First part of the names in the cloud. Example: "campus". */
  cluster: string;
  tags: string[];
  /** The private prefixes, canonical or not. */
  networks: string[];
  /** Whether machines are reached by IPv6 from outside. */
  ipv6Routed: boolean;
  /** Where admins are. */
  adminCidrs: readonly string[];
}

/** A security group with its rules. */
interface Group {
  group: openstack.networking.SecGroup;
  rules: pulumi.Resource[];
}

/** What a machine is put behind. */
export interface Filtered {
  /** Ids of the groups. */
  ids: pulumi.Output<string>[];
  /** Depend on these to come when the groups let through what they shall. */
  rules: pulumi.Resource[];
}

/** What the cloud lets through: one security group for all machines, and one for each set of ports that is open to somebody. */
export class Filter {
  private readonly members: Group;
  private readonly opened = new Map<string, Group>();

  constructor(
    private readonly args: FilterArgs,
    private readonly opts: pulumi.CustomResourceOptions,
  ) {
    this.members = this.group("members", "The machines among themselves, and their way out");
    for (const cidr of args.networks) {
      const family = etherType(cidr);
      this.rule(`members-in-${family}`, this.members, {
        direction: "ingress",
        ethertype: family,
        ...this.fromMembers(cidr),
      });
      this.rule(`members-out-${family}`, this.members, { direction: "egress", ethertype: family });
    }
  }

  /**
   * The machines themselves as a source. A prefix that is public is no proof of who sends: there it is those whose ports
   * are in the group.
   */
  private fromMembers(cidr: string): { remoteIpPrefix: string } | { remoteGroupId: pulumi.Output<string> } {
    return this.args.ipv6Routed && etherType(cidr) === "IPv6"
      ? { remoteGroupId: this.members.group.id }
      : { remoteIpPrefix: canonical(cidr) };
  }

  /** The groups of a machine. One without openings lets in nobody but the private network. */
  groupsOf(openings: readonly Opening[]): Filtered {
    const sources = [...new Set(openings.map(({ from }) => from))].sort();
    const groups = sources.map((from) =>
      this.groupOf(
        from,
        openings.filter((opening) => opening.from === from),
      ),
    );
    const all = [this.members, ...groups];
    return { ids: all.map(({ group }) => group.id), rules: all.flatMap(({ rules }) => rules) };
  }

  /** Machines with the same ports for the same visitors share a group; it is named by both. Example: "world-80-443". */
  private groupOf(from: string, openings: readonly Opening[]): Group {
    const ports = [...new Map(openings.map((opening) => [portName(opening), opening]))].sort(
      ([, a], [, b]) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1),
    );
    const name = [from, ...ports.map(([port]) => port)].join("-");
    const known = this.opened.get(name);
    if (known) return known;
    const group = this.group(name, `From ${from}: ${ports.map(([, { service }]) => service).join("; ")}`);
    for (const [port, opening] of ports) {
      for (const source of this.sourcesOf(from)) {
        this.rule(`${from}-${port}-from-${sourceName(source)}`, group, {
          direction: "ingress",
          ethertype: etherType(source),
          protocol: opening.protocol,
          portRangeMin: opening.port,
          portRangeMax: opening.port,
          remoteIpPrefix: source,
        });
      }
    }
    this.opened.set(name, group);
    return group;
  }

  private sourcesOf(from: string): string[] {
    const reached = (cidr: string) => this.args.ipv6Routed || etherType(cidr) === "IPv4";
    if (from === "world") return ["0.0.0.0/0", "::/0"].filter(reached);
    if (from === "admins") return this.args.adminCidrs.map(canonical).filter(reached);
    throw new Error(`An opening is for "world" or "admins"; it is not known where "${from}" is.`);
  }

  private group(name: string, description: string): Group {
    const { cluster, tags } = this.args;
    const group = new openstack.networking.SecGroup(
      name,
      {
        name: `${cluster}-${name}`,
        description,
        // A cloud may have default rules of its own: what is open is what stands here.
        deleteDefaultRules: true,
        tags,
      },
      this.opts,
    );
    return { group, rules: [] };
  }

  /** No description: it would make another rule of the same content, which Neutron refuses beside the first. */
  private rule(
    name: string,
    { group, rules }: Group,
    rule: Omit<openstack.networking.SecGroupRuleArgs, "securityGroupId">,
  ): void {
    rules.push(
      new openstack.networking.SecGroupRule(name, { ...rule, securityGroupId: group.id }, this.opts),
    );
  }
}

/** Example: "443", "udp8301". */
function portName({ protocol, port }: Opening): string {
  return protocol === "tcp" ? String(port) : `${protocol}${port}`;
}

/** A network in a resource's name, where colons mean something. Example: "2001_db8_7__/64". */
function sourceName(cidr: string): string {
  return cidr.replace(/:/g, "_");
}
