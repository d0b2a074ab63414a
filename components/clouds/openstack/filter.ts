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

/** What the cloud lets through: one security group for all machines, and one for each set of ports that is open to somebody. */
export class Filter {
  private readonly members: openstack.networking.SecGroup;
  private readonly opened = new Map<string, openstack.networking.SecGroup>();

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
        remoteIpPrefix: canonical(cidr),
      });
      this.rule(`members-out-${family}`, this.members, { direction: "egress", ethertype: family });
    }
  }

  /** The ids of the groups of a machine. One without openings lets in nobody but the private network. */
  groupsOf(openings: readonly Opening[]): pulumi.Output<string>[] {
    const sources = [...new Set(openings.map(({ from }) => from))].sort();
    const groups = sources.map((from) =>
      this.groupOf(
        from,
        openings.filter((opening) => opening.from === from),
      ),
    );
    return [this.members, ...groups].map(({ id }) => id);
  }

  /** Machines with the same ports for the same visitors share a group; it is named by both. Example: "world-80-443". */
  private groupOf(from: string, openings: readonly Opening[]): openstack.networking.SecGroup {
    const ports = [...new Map(openings.map((opening) => [portName(opening), opening]))].sort(
      ([, a], [, b]) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1),
    );
    const name = [from, ...ports.map(([port]) => port)].join("-");
    const known = this.opened.get(name);
    if (known) return known;
    const group = this.group(name, `From ${from}: ${ports.map(([, { service }]) => service).join(", ")}`);
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

  private group(name: string, description: string): openstack.networking.SecGroup {
    const { cluster, tags } = this.args;
    return new openstack.networking.SecGroup(
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
  }

  /** No description: it would make another rule of the same content, which Neutron refuses beside the first. */
  private rule(
    name: string,
    group: openstack.networking.SecGroup,
    rule: Omit<openstack.networking.SecGroupRuleArgs, "securityGroupId">,
  ): void {
    new openstack.networking.SecGroupRule(name, { ...rule, securityGroupId: group.id }, this.opts);
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
