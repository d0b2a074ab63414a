import type { GroupSettings, Settings } from "../settings/model";
import { dashboards, defaultNodeClass, loadBalancerClass, type MachineSpec, type Topology } from "./model";

/**
 * The topology that settings ask for: a machine for each key of each group, in the order of groups and keys.
 * @param settings validated, as `parseSettings` returns them
 */
export function topologyOf(settings: Settings): Topology {
  const published = dashboards.filter((one) => settings.auth?.dashboards?.[one]);
  return {
    cluster: settings.name,
    datacenter: settings.datacenter,
    region: settings.region,
    network: settings.network,
    adminCidrs: settings.adminCidrs,
    versions: settings.versions,
    ...(published.length > 0 ? { published } : {}),
    machines: Object.entries(settings.groups).flatMap(([name, group]) =>
      machinesOf(name, group, throughSupport(settings)),
    ),
  };
}

/** Whether support does NAT for the machines without a public address: where the cloud has nothing that does. */
function throughSupport({ cloud }: Settings): boolean {
  return cloud.kind === "linode" && cloud.egress === "nat";
}

function machinesOf(name: string, group: GroupSettings, nat: boolean): MachineSpec[] {
  const nodeClass = nodeClassOf(group);
  const way = group.roles.includes("support") ? "gateway" : isPublic(group) ? undefined : "behind";
  return group.keys.map((key) => ({
    name: `${name}-${key}`,
    group: name,
    key,
    roles: group.roles,
    ...(nodeClass === undefined ? {} : { nodeClass }),
    public: isPublic(group),
    ...(nat && way ? { egress: way } : {}),
    ...(group.size === undefined ? {} : { size: group.size }),
  }));
}

/** The node class of a group's machines: undefined where they are no clients of Nomad. */
export function nodeClassOf(group: Pick<GroupSettings, "roles" | "nodeClass">): string | undefined {
  return group.roles.includes("nomad-client") ? (group.nodeClass ?? defaultNodeClass) : undefined;
}

/**
 * Whether machines of a group stand on different hosts of the cloud: servers and load balancers, since what takes one host
 * away must leave the others of their like.
 */
export function standsApart(group: Pick<GroupSettings, "roles" | "nodeClass">): boolean {
  return !group.roles.includes("nomad-client") || nodeClassOf(group) === loadBalancerClass;
}

/** Whether a group's machines have public addresses. */
export function isPublic(group: GroupSettings): boolean {
  return group.public ?? mayBePublic(group);
}

/** Whether they may: support is reached by admins, load balancers by everybody, all others by nobody outside. */
export function mayBePublic(group: GroupSettings): boolean {
  return group.roles.includes("support") || nodeClassOf(group) === loadBalancerClass;
}
