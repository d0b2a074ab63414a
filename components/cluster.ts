import * as pulumi from "@pulumi/pulumi";
import {
  admitWorkloadsToConsul,
  type BringUpContext,
  bootstrapConsul,
  bootstrapNomad,
  joinMember,
} from "./bring-up";
import type { Cloud } from "./clouds/cloud";
import { LocalCloud } from "./clouds/local";
import { ClusterMachine } from "./machine";
import { applyMember, type MemberContext } from "./members";
import { registerProfiles, type SignerProfile } from "./pki/signer";
import type { PlannedSigner } from "./provisioning/plan";
import type { Settings } from "./settings";
import { isFixed, profileOf, type Slot, signerKey, slotOf } from "./slot";
import { applySupport } from "./support";
import { memberAddress, urlHost } from "./topology/members";
import type { MachineSpec, Member, Topology } from "./topology/model";
import { leafNames, leafServicesOf, signerWhitelist, supportServerName } from "./topology/names";
import { portNumbers, publicPortsOf } from "./topology/ports";
import { topologyOf } from "./topology/topology";
import { makeTrust, type Trust } from "./trust";

export interface ClusterArgs {
  /** What the cluster shall be; `readSettings()` gives a stack's, `parseSettings(object)` those of a program. */
  settings: Settings;
}

function cloudOf(settings: Settings): Cloud {
  return new LocalCloud({
    ipv4: settings.network.ipv4,
    ipv6: settings.network.ipv6,
    bake: settings.cloud.bake,
  });
}

/**
 * A whole cluster: support, Consul, Vault and Nomad servers, clients, each with its certificates, tokens and firewall,
 * brought up to the point where jobs can run.
 *
 * @example
 * const cluster = new Cluster("dev", { settings: readSettings() });
 */
export class Cluster extends pulumi.ComponentResource {
  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:Cluster", name, {}, opts);
    const child = { parent: this };
    const { settings } = args;
    const topology = topologyOf(settings);

    const trust = makeTrust(topology.cluster, child);
    const slots = makeSlots(settings, topology, trust, child);
    const support = slots.find((slot) => slot.spec.roles.includes("support")) as Slot;
    const members = slots.filter((slot) => slot !== support);
    const fixed = pulumi.all(slots.filter((slot) => isFixed(slot.spec)).map((slot) => slot.member));

    const supportApplied = applySupport(
      support,
      { settings, topology, trust, fixed, unsealer: {} },
      { dependsOn: [support.machine.enrolled] },
    );

    const supportUrl = (port: number) =>
      support.member.apply((member) => `https://${urlHost(memberAddress(member, topology))}:${port}`);
    const signer: pulumi.Output<PlannedSigner> = pulumi
      .all([supportUrl(portNumbers.signer), trust.support.rootPem])
      .apply(([url, caPem]) => ({ url, caPem, serverName: supportServerName(topology) }));
    const context: MemberContext = {
      settings,
      topology,
      trust,
      fixed,
      signer,
      unsealerUrl: supportUrl(portNumbers.unsealer),
      unsealerToken: () => "",
    };

    const applied = new Map(
      members.map((slot) => {
        const registered = registerProfiles(
          slot.spec.name,
          {
            support: support.spec.name,
            connection: support.machine.connection,
            supportId: support.machine.machineId,
            machine: slot.machine.cloudName,
            profiles: profilesOf(slot, settings, topology, trust),
          },
          {
            parent: slot.machine,
            dependsOn: [supportApplied],
            deletedWith: support.machine.resource,
          },
        );
        return [slot, applyMember(slot, context, { dependsOn: [registered, slot.machine.enrolled] })];
      }),
    );

    const context2: BringUpContext = {
      topology,
      trust,
      support: {
        machine: support.spec.name,
        connection: support.machine.connection,
        resource: support.machine.resource,
      },
      fixed,
      applied: (role) =>
        members.flatMap((slot) =>
          slot.spec.roles.includes(role) ? [applied.get(slot) as pulumi.Resource] : [],
        ),
      parent: this,
    };
    const consul = bootstrapConsul(context2);
    const nomad = bootstrapNomad(context2, []);
    for (const slot of members.filter((slot) => !isFixed(slot.spec))) {
      joinMember(slot, context2, consul.access, nomad.access, [consul.ready]);
    }
    admitWorkloadsToConsul(context2, consul.access, { namespaces: ["default"], jobs: [] }, [
      nomad.ready,
      consul.ready,
    ]);
    this.registerOutputs({});
  }
}

/** A machine for each slot of the topology; support first, since the others are reached through it. */
function makeSlots(
  settings: Settings,
  topology: Topology,
  trust: Trust,
  opts: pulumi.CustomResourceOptions,
): Slot[] {
  const cloud = cloudOf(settings);
  const make = (spec: MachineSpec, jump?: ClusterMachine): Slot =>
    slotOf(
      spec,
      new ClusterMachine(
        spec.name,
        {
          cloud,
          cluster: topology.cluster,
          public: spec.public,
          publicPorts: publicPortsOf(spec),
          size: spec.size,
          family: topology.network.family,
          user: settings.ssh.user,
          privateKey: trust.loginPrivateKey,
          publicKey: trust.loginPublicKey,
          jump,
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

/** What a machine may have signed: its own names, of the services that it runs. */
function profilesOf(
  slot: Slot,
  settings: Settings,
  topology: Topology,
  trust: Trust,
): pulumi.Output<SignerProfile[]> {
  return pulumi.all([slot.member, trust.seed]).apply(([member, seed]: [Member, string]) =>
    leafServicesOf(slot.spec).map((service) => ({
      label: service,
      authKey: signerKey(seed, profileOf(member)),
      nameWhitelist: signerWhitelist(leafNames(member, service, topology)),
      expiryHours: settings.timing.leafDays * 24,
    })),
  );
}
