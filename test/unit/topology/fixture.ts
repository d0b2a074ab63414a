import { parseSettings, rawSettings } from "../../../components/settings/parse";
import type { Member, Topology } from "../../../components/topology/model";
import { topologyOf } from "../../../components/topology/topology";
import { configOf, devStack, separateServers } from "../settings/stack-files";

/** A topology and its members with addresses as a cloud would give them: .2 and ::2 for the first, and so on. */
export interface Cluster {
  readonly topology: Topology;
  readonly members: readonly Member[];
}

export const dev = clusterOf(devStack);
export const separate = clusterOf(separateServers);

function clusterOf(file: string): Cluster {
  const topology = topologyOf(parseSettings(rawSettings(configOf(file))));
  return { topology, members: membersOf(topology) };
}

export function membersOf(topology: Topology): Member[] {
  return topology.machines.map((spec, index) => ({
    spec,
    hostname: `${topology.cluster}-${spec.name}-${(0xabc00000 + index).toString(16)}`,
    addresses: {
      privateIpv4: `198.51.100.${index + 2}`,
      privateIpv6: `fd00:1ab::${(index + 2).toString(16)}`,
      ...(spec.public ? { publicIpv4: `203.0.113.${index + 2}` } : {}),
    },
  }));
}

export function member(cluster: Cluster, name: string): Member {
  const found = cluster.members.find(({ spec }) => spec.name === name);
  if (!found) throw new Error(`the fixture has no machine ${name}`);
  return found;
}
