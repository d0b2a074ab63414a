import type { CloudSettings, Settings } from "../settings/model";
import { isFixed } from "../topology/members";
import type { MachineSpec, Topology } from "../topology/model";
import { isPlace, openingsOf } from "../topology/ports";
import { topologyOf } from "../topology/topology";
import { monthlyCost, plannedCost } from "./cost";
import type { PlannedMachine, PlannedOpening, PlanSummary, PublicAddress } from "./model";
import { plannedVersions } from "./support-ends";
import { planWarnings } from "./warnings";

/**
 * What a stack with these settings will be.
 * @param settings validated, as `parseSettings` returns them
 */
export function summarise(settings: Settings): PlanSummary {
  const { cloud } = settings;
  const topology = inOrder(topologyOf(settings));
  const machines = topology.machines.map((spec) => plannedMachine(cloud, spec));
  const cost = plannedCost(cloud, machines);
  return {
    cluster: topology.cluster,
    cloud: cloud.kind,
    ...(cloud.kind === "linode" ? { region: cloud.region } : {}),
    lasting: lastingOf(settings),
    machines,
    openings: plannedOpenings(topology.machines, settings.adminCidrs),
    ...(cost ? { cost } : {}),
    versions: plannedVersions(topology.versions),
    warnings: planWarnings(settings, topology),
  };
}

/** The settings that a living cluster keeps, in the file's words. */
function lastingOf({ name, cloud, network, datacenter, region, ssh }: Settings): PlanSummary["lasting"] {
  return {
    "hashistack:name": name,
    "hashistack:cloud.kind": cloud.kind,
    "hashistack:network.ipv4": network.ipv4,
    "hashistack:network.ipv6": network.ipv6 ?? "none",
    "hashistack:network.family": network.family,
    "hashistack:datacenter": datacenter,
    "hashistack:region": region,
    "hashistack:ssh.user": ssh.user,
  };
}

/** What the cloud takes for an image's id (clouds/openstack, which nobody here may know). */
const imageId = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;

/** Support, servers, clients, load balancers; by group. The engine hands groups over in another order than the file has. */
function inOrder(topology: Topology): Topology {
  const rank = (spec: MachineSpec) =>
    [spec.roles.includes("support"), isFixed(spec), !isPlace(spec, "load-balancer"), true].indexOf(true);
  const machines = [...topology.machines].sort(
    (a, b) => rank(a) - rank(b) || (a.group === b.group ? 0 : a.group < b.group ? -1 : 1),
  );
  return { ...topology, machines };
}

function plannedMachine(cloud: CloudSettings, spec: MachineSpec): PlannedMachine {
  const { name, roles, nodeClass } = spec;
  const size = sizeOf(cloud, spec);
  const image = imageOf(cloud);
  const volumeGb = volumeOf(cloud, spec);
  const known = {
    name,
    roles,
    ...(nodeClass === undefined ? {} : { nodeClass }),
    ...(size === undefined ? {} : { size }),
    ...(image === undefined ? {} : { image }),
    publicAddress: publicAddressOf(cloud, spec),
    backups: cloud.kind === "linode" && cloud.backups && isFixed(spec),
    ...(volumeGb === undefined ? {} : { volumeGb }),
  };
  const cost = monthlyCost(cloud, known);
  return cost ? { ...known, cost } : known;
}

function sizeOf(cloud: CloudSettings, { size }: MachineSpec): string | undefined {
  switch (cloud.kind) {
    case "local":
      return undefined;
    case "linode":
      return size ?? cloud.type;
    case "openstack":
      return size ?? cloud.size;
  }
}

/** Which image an OpenStack's name stands for, only that cloud knows. */
function imageOf(cloud: CloudSettings): string | undefined {
  switch (cloud.kind) {
    case "local":
      return undefined;
    case "linode":
      return cloud.image;
    case "openstack":
      return imageId.test(cloud.image) ? cloud.image : undefined;
  }
}

/** Everybody goes out at Linode by an address of its own; on OpenStack through the router. */
function publicAddressOf(cloud: CloudSettings, spec: MachineSpec): PublicAddress {
  if (spec.public) return "reached";
  return cloud.kind === "linode" && cloud.egress === "public" ? "egress" : "none";
}

function volumeOf(cloud: CloudSettings, spec: MachineSpec): number | undefined {
  if (cloud.kind !== "openstack" || !cloud.rootVolume) return undefined;
  const { everywhere, sizeGb } = cloud.rootVolume;
  return everywhere || isFixed(spec) ? sizeGb : undefined;
}

function plannedOpenings(machines: readonly MachineSpec[], adminCidrs: readonly string[]): PlannedOpening[] {
  const found = new Map<string, PlannedOpening>();
  for (const spec of machines.filter((one) => one.public)) {
    for (const { from, port, protocol, service } of openingsOf(spec)) {
      const key = `${port}/${protocol} ${service} ${from}`;
      const known = found.get(key)?.machines ?? [];
      const sources = from === "world" ? [] : adminCidrs;
      found.set(key, { port, protocol, service, from: sources, machines: [...known, spec.name] });
    }
  }
  return [...found.values()].sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}
