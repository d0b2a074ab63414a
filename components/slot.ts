import * as pulumi from "@pulumi/pulumi";
import type { ClusterMachine } from "./machine";
import { joinFragments } from "./provisioning/merge";
import type { PlanFragment } from "./provisioning/plan";
import { renderEgress } from "./roles/egress";
import type { Leaf } from "./roles/leaf";
import { renderSsh } from "./roles/support";
import { renderSystem } from "./roles/system";
import { hexKey } from "./secrets/derive";
import { tunnelEnd } from "./topology/egress";
import { membersWith, nodeName } from "./topology/members";
import type { MachineSpec, Member, Service, Topology } from "./topology/model";
import { leafNames } from "./topology/names";
import { zonesFor } from "./topology/zones";
import type { Trust } from "./trust";

export { isFixed } from "./topology/members";

/** One machine of the topology together with what was made for it. */
export interface Slot {
  readonly spec: MachineSpec;
  readonly machine: ClusterMachine;
  /** The machine as pure parts know it. */
  readonly member: pulumi.Output<Member>;
}

/** A slot from its machine. */
export function slotOf(spec: MachineSpec, machine: ClusterMachine): Slot {
  const member = pulumi
    .all([
      machine.cloudName,
      machine.privateIpv4,
      machine.privateIpv6,
      machine.publicIpv4,
      machine.publicIpv6,
    ])
    .apply(
      ([hostname, privateIpv4, privateIpv6, publicIpv4, publicIpv6]): Member => ({
        spec,
        hostname,
        addresses: { privateIpv4, privateIpv6, publicIpv4, publicIpv6 },
      }),
    );
  return { spec, machine, member };
}

/** What a machine needs to ask for a leaf of a service. Secret. */
export function leafOf(slot: Slot, service: Service, topology: Topology, trust: Trust): pulumi.Output<Leaf> {
  return pulumi.secret(
    pulumi
      .all([slot.member, trust.seed, trust[service].rootPem, trust[service].issuingPem])
      .apply(([member, seed, caPem, issuingPem]) => ({
        ...leafNames(member, service, topology),
        profile: nodeName(member),
        authKey: signerKey(seed, nodeName(member)),
        caPem,
        issuingPem,
      })),
  );
}

/** The HMAC key by which a machine's profile is used; the profile has its node's name, so that a replacement is somebody else. */
export function signerKey(seed: string, profile: string): string {
  return hexKey(seed, `signer/${profile}`);
}

/** Whether it is part of a service's quorum, so that its restarts are a matter of all. */
export function isServer(spec: MachineSpec): boolean {
  return spec.roles.some((role) => role.endsWith("-server"));
}

/** What every machine has, whatever its roles: who may log in, and who may knock. */
export function baseFragment(
  slot: Slot,
  fixed: pulumi.Input<readonly Member[]>,
  topology: Topology,
  user: string,
  restartKey: pulumi.Input<string>,
): pulumi.Output<PlanFragment> {
  return pulumi.all([slot.member, fixed, restartKey]).apply(([member, others, key]) => {
    const tunnel = tunnelEnd(member, membersWith("support", others)[0], topology.network);
    return joinFragments(
      renderSsh({
        user,
        jump: slot.spec.roles.includes("support"),
        ...(isServer(slot.spec) ? { restartKey: key } : {}),
      }),
      slot.machine.sharedHost ? {} : renderSystem(),
      tunnel ? renderEgress(tunnel) : {},
      { zones: zonesFor(member, others, topology) },
    );
  });
}
