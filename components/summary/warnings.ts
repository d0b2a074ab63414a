import type { Settings } from "../settings/model";
import { loadBalancerClass, type MachineSpec, type Role, type Topology } from "../topology/model";
import { standsApart } from "../topology/topology";
import type { PlanWarning } from "./model";

/** What is legal and perhaps not wise. That there is one support is by design, and nothing to warn of. */

const servers: readonly { role: Role; service: string }[] = [
  { role: "consul-server", service: "Consul" },
  { role: "vault-server", service: "Vault" },
  { role: "nomad-server", service: "Nomad" },
];

/** Machines that a placement group of Linode's holds at least, in every region. */
const placementLimit = 5;

/** What of a plan should be thought about, for one who reads it before it is made. */
export function planWarnings(settings: Settings, { machines }: Topology): PlanWarning[] {
  return [
    ...singleServers(machines),
    ...partedServers(settings, machines),
    ...fullGroups(settings, machines),
    ...visitors(settings, machines),
  ];
}

function singleServers(machines: readonly MachineSpec[]): PlanWarning[] {
  const single = new Map<string, string[]>();
  for (const { role, service } of servers) {
    const [first, ...others] = machines.filter(({ roles }) => roles.includes(role));
    if (first && others.length === 0) single.set(first.name, [...(single.get(first.name) ?? []), service]);
  }
  return [...single].map(([name, services]) => ({
    kind: "single-server",
    text: `${name} is the only server of ${listed(services)}: no high availability, and the one copy of what they know.`,
  }));
}

/** Each group stands apart for itself: of two groups nobody says that they may not share a host. */
function partedServers({ cloud }: Settings, machines: readonly MachineSpec[]): PlanWarning[] {
  if (cloud.kind === "local") return [];
  const parted = new Map<string, string[]>();
  for (const { role, service } of servers) {
    const groups = new Set(machines.filter(({ roles }) => roles.includes(role)).map(({ group }) => group));
    if (groups.size < 2) continue;
    const names = listed([...groups]);
    parted.set(names, [...(parted.get(names) ?? []), service]);
  }
  return [...parted].map(([groups, services]) => ({
    kind: "uneven-spread",
    text:
      `The servers of ${listed(services)} are in the groups ${groups}, and only machines of one group are kept on different ` +
      "hosts: one host's loss may take several.",
  }));
}

function fullGroups({ cloud }: Settings, machines: readonly MachineSpec[]): PlanWarning[] {
  if (cloud.kind !== "linode") return [];
  const sizes = new Map<string, number>();
  for (const { group } of machines.filter(standsApart)) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  return [...sizes]
    .filter(([, size]) => size > placementLimit)
    .map(([group, size]) => ({
      kind: "uneven-spread",
      text:
        `The group ${group} has ${size} machines, and a placement group of Linode's holds ${placementLimit} in some regions: ` +
        "there, the others cannot be made.",
    }));
}

/** What visitors would notice. */
function visitors({ site }: Settings, machines: readonly MachineSpec[]): PlanWarning[] {
  if (!site.enabled) return [];
  const classed = (nodeClass: string) => machines.filter((one) => one.nodeClass === nodeClass);
  const [balancer, ...otherBalancers] = classed(loadBalancerClass);
  const clients = classed(site.nodeClass);
  const [client] = clients;
  const warnings: PlanWarning[] = [];
  if (balancer && otherBalancers.length === 0) {
    warnings.push({
      kind: "single-load-balancer",
      text: `${balancer.name} is the only load balancer: while it is away, nobody reaches the site.`,
    });
  }
  if (client && clients.length === 1) {
    warnings.push({
      kind: "single-client",
      text: `${client.name} is the only client of the class ${site.nodeClass}: while it is away, the site is, too.`,
    });
  }
  if (site.instances === 1) {
    warnings.push({
      kind: "single-instance",
      text: "site.instances is 1: while its client is away, the site is, until it runs on another.",
    });
  }
  if (site.instances > clients.length) {
    warnings.push({
      kind: "uneven-spread",
      text:
        `site.instances is ${site.instances}, and clients of the class ${site.nodeClass}: ${clients.length}. Each runs one; ` +
        "the others wait for more clients, and the run for them.",
    });
  }
  return warnings;
}

/** Example: "Consul, Vault and Nomad". */
function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}
