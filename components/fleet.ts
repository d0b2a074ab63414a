import type * as pulumi from "@pulumi/pulumi";
import type { Cloud } from "./clouds/cloud";
import { LinodeCloud } from "./clouds/linode";
import { LocalCloud } from "./clouds/local";
import { OpenStackCloud } from "./clouds/openstack";
import { ClusterMachine } from "./machine";
import type { Settings } from "./settings";
import { isFixed, type Slot, slotOf } from "./slot";
import { loadBalancerClass, type MachineSpec, type Topology } from "./topology/model";
import { isPlace, openingsOf } from "./topology/ports";
import { standsApart } from "./topology/topology";
import type { Trust } from "./trust";

/**
 * The adapter of the cloud that the settings name.
 * @param opts of what all machines share: whose parts these are
 */
export function cloudOf(settings: Settings, opts: pulumi.CustomResourceOptions): Cloud {
  const { cloud, network, adminCidrs } = settings;
  const shared = { cluster: settings.name, adminCidrs, createMinutes: settings.timing.newMachineMinutes };
  switch (cloud.kind) {
    case "local":
      return new LocalCloud({ ...network, bake: cloud.bake, memoryMb: cloud.memoryMb });
    case "linode":
      return new LinodeCloud({ ...cloud, ...shared, ipv4: network.ipv4 }, opts);
    case "openstack":
      return new OpenStackCloud({ ...cloud, ...network, ...shared }, opts);
  }
}

/** Whether what nobody could make again may not be destroyed while the stack lives. Local machines come and go. */
export function isGuarded({ cloud }: Settings): boolean {
  return cloud.kind !== "local" && cloud.protect;
}

/**
 * Support's number in the private networks. All others know it by its address, and it alone may log in to them: a support
 * made anew must be found where the lost one was.
 */
const supportHost = 2;

/** A machine for each slot of the topology; support first, since the others are reached through it. */
export function makeFleet(
  cloud: Cloud,
  settings: Settings,
  topology: Topology,
  trust: Trust,
  opts: pulumi.CustomResourceOptions,
): Slot[] {
  const make = (spec: MachineSpec, jump?: ClusterMachine): Slot =>
    slotOf(
      spec,
      new ClusterMachine(
        spec.name,
        {
          cloud,
          cluster: topology.cluster,
          public: spec.public,
          openings: openingsOf(spec),
          spread: standsApart(spec) ? spec.group : undefined,
          stateful: isFixed(spec),
          tags: [...spec.roles, ...(isPlace(spec, "load-balancer") ? [loadBalancerClass] : [])],
          size: spec.size,
          host: spec.roles.includes("support") ? supportHost : undefined,
          family: topology.network.family,
          firstMinutes: settings.timing.newMachineMinutes,
          user: settings.ssh.user,
          privateKey: trust.loginPrivateKey,
          publicKey: trust.loginPublicKey,
          jump,
          protect: spec.roles.includes("support") && isGuarded(settings),
        },
        opts,
      ),
    );
  const isSupport = (spec: MachineSpec) => spec.roles.includes("support");
  const support = topology.machines.filter(isSupport).map((spec) => make(spec));
  const jump = support[0]?.machine;
  return [
    ...support,
    ...topology.machines.filter((spec) => !isSupport(spec)).map((spec) => make(spec, jump)),
  ];
}
