import * as pulumi from "@pulumi/pulumi";
import { consulSecret } from "./bootstrap/consul";
import { unsealerToken } from "./bootstrap/unsealer";
import type { Cloud } from "./clouds/cloud";
import { registerProfiles, type SignerProfile } from "./pki/signer";
import { applyPlan, type MachineApplyArgs } from "./provisioning/apply";
import type { PlanFragment, PlannedSigner } from "./provisioning/plan";
import { ConsulClient } from "./roles/consul-client";
import { ConsulServer } from "./roles/consul-server";
import { NomadClient } from "./roles/nomad-client";
import { NomadServer } from "./roles/nomad-server";
import { VaultServer } from "./roles/vault-server";
import { base64Key } from "./secrets/derive";
import type { Settings } from "./settings";
import { baseFragment, leafOf, type Slot, signerKey } from "./slot";
import { memberAddress, memberAddresses, membersWith, nodeName } from "./topology/members";
import { defaultNodeClass, type Member, type Role, type Topology } from "./topology/model";
import { leafNames, leafServicesOf, signerWhitelist, supportServerName } from "./topology/names";
import type { Trust } from "./trust";

/** What the roles of a cluster's members share. */
export interface MemberContext {
  readonly settings: Settings;
  readonly capacity: Cloud["capacity"];
  readonly topology: Topology;
  readonly trust: Trust;
  readonly support: Slot;
  /** Support's own apply: the signer answers after it. */
  readonly supportApplied: pulumi.Resource;
  /** Servers and support: those whom others know by address. */
  readonly fixed: pulumi.Output<readonly Member[]>;
  readonly signer: pulumi.Output<PlannedSigner>;
  readonly unsealerUrl: pulumi.Output<string>;
}

type RoleFragments = Record<string, pulumi.Output<PlanFragment>>;

function addressesOf(role: Role, context: MemberContext): pulumi.Output<string[]> {
  return context.fixed.apply((members) =>
    membersWith(role, members).map((member) => memberAddress(member, context.topology)),
  );
}

/** How many servers of a kind the settings ask for. */
function count(role: Role, topology: Topology): number {
  return membersWith(role, topology.machines).length;
}

function secretOf(trust: Trust, derive: (seed: string) => string): pulumi.Output<string> {
  return pulumi.secret(trust.seed.apply(derive));
}

/** What one node's daemon carries for Consul. */
function nodeToken(
  slot: Slot,
  use: "agent" | "vault" | "nomad-server" | "nomad-client",
  trust: Trust,
): pulumi.Output<string> {
  return pulumi.secret(
    pulumi
      .all([trust.seed, slot.machine.cloudName])
      .apply(([seed, node]) => consulSecret(seed, { use, node })),
  );
}

function consulRole(
  slot: Slot,
  context: MemberContext,
  opts: pulumi.ComponentResourceOptions,
): RoleFragments {
  const { topology, trust, settings } = context;
  const common = {
    node: slot.machine.cloudName,
    datacenter: topology.datacenter,
    version: topology.versions.consul,
    address: slot.machine.address,
    servers: addressesOf("consul-server", context),
    gossipKey: secretOf(trust, (seed) => base64Key(seed, "consul/gossip")),
    agentToken: nodeToken(slot, "agent", trust),
    dnsToken: secretOf(trust, (seed) => consulSecret(seed, { use: "dns" })),
    leaf: leafOf(slot, "consul", topology, trust),
  };
  if (!slot.spec.roles.includes("consul-server")) {
    return { "consul-client": new ConsulClient(slot.spec.name, common, opts).plan };
  }
  const server = new ConsulServer(
    slot.spec.name,
    {
      ...common,
      expect: count("consul-server", topology),
      raftMultiplier: settings.timing.consulRaftMultiplier,
      managementToken: secretOf(trust, (seed) => consulSecret(seed, { use: "management" })),
    },
    opts,
  );
  return { "consul-server": server.plan };
}

function vaultRole(slot: Slot, context: MemberContext, opts: pulumi.ComponentResourceOptions): RoleFragments {
  if (!slot.spec.roles.includes("vault-server")) return {};
  const { topology, trust, settings } = context;
  const server = new VaultServer(
    slot.spec.name,
    {
      node: slot.machine.cloudName,
      cluster: topology.cluster,
      version: topology.versions.vault,
      address: slot.machine.address,
      servers: addressesOf("vault-server", context),
      performanceMultiplier: settings.timing.vaultPerformanceMultiplier,
      unsealerUrl: context.unsealerUrl,
      unsealerServerName: supportServerName(topology),
      unsealerToken: pulumi.secret(
        pulumi.all([trust.seed, slot.machine.cloudName]).apply(([seed, node]) => unsealerToken(seed, node)),
      ),
      supportCaPem: trust.support.rootPem,
      consulToken: nodeToken(slot, "vault", trust),
      leaf: leafOf(slot, "vault", topology, trust),
    },
    opts,
  );
  return { "vault-server": server.plan };
}

function nomadRole(slot: Slot, context: MemberContext, opts: pulumi.ComponentResourceOptions): RoleFragments {
  const { topology, trust, settings } = context;
  const common = {
    node: slot.machine.cloudName,
    region: topology.region,
    datacenter: topology.datacenter,
    version: topology.versions.nomad,
    address: slot.machine.address,
    servers: addressesOf("nomad-server", context),
  };
  if (slot.spec.roles.includes("nomad-server")) {
    const server = new NomadServer(
      slot.spec.name,
      {
        ...common,
        consulToken: nodeToken(slot, "nomad-server", trust),
        expect: count("nomad-server", topology),
        raftMultiplier: settings.timing.nomadRaftMultiplier,
        gossipKey: secretOf(trust, (seed) => base64Key(seed, "nomad/gossip")),
        leaf: leafOf(slot, "nomad", topology, trust),
      },
      opts,
    );
    return { "nomad-server": server.plan };
  }
  if (slot.spec.roles.includes("nomad-client")) {
    const client = new NomadClient(
      slot.spec.name,
      {
        ...common,
        consulToken: nodeToken(slot, "nomad-client", trust),
        family: topology.network.family,
        nodeClass: slot.spec.nodeClass ?? defaultNodeClass,
        networks: [topology.network.ipv4, topology.network.ipv6].filter((cidr) => cidr !== undefined),
        others: context.fixed.apply((members) => members.flatMap(memberAddresses)),
        ...(topology.published ? { published: [...topology.published] } : {}),
        tunnel: slot.spec.egress === "behind",
        vaultCaPem: trust.vault.rootPem,
        supportCaPem: trust.support.rootPem,
        ...context.capacity,
        leaf: leafOf(slot, "nomad", topology, trust),
      },
      opts,
    );
    return { "nomad-client": client.plan };
  }
  return {};
}

/** What a machine may have signed: its own names, of the services that it runs. */
function profilesOf(slot: Slot, context: MemberContext): pulumi.Output<SignerProfile[]> {
  const { settings, topology, trust } = context;
  return pulumi.all([slot.member, trust.seed]).apply(([member, seed]: [Member, string]) =>
    leafServicesOf(slot.spec).map((service) => ({
      label: service,
      authKey: signerKey(seed, nodeName(member)),
      nameWhitelist: signerWhitelist(leafNames(member, service, topology)),
      expiryHours: settings.timing.leafDays * 24,
    })),
  );
}

/**
 * Makes a member what its roles ask for: the signer learns what it may ask, each role renders its part, one apply carries
 * them to the machine.
 *
 * @param after what its daemons ask for when they start
 * @returns the Command of the apply
 */
export function applyMember(
  slot: Slot,
  context: MemberContext,
  after: readonly pulumi.Resource[],
): ReturnType<typeof applyPlan> {
  const { support } = context;
  const child = { parent: slot.machine };
  const registered = registerProfiles(
    slot.spec.name,
    {
      support: support.spec.name,
      connection: support.machine.connection,
      supportId: support.machine.machineId,
      machine: slot.machine.cloudName,
      profiles: profilesOf(slot, context),
    },
    { ...child, dependsOn: [context.supportApplied], deletedWith: support.machine.enrolled },
  );
  const args: MachineApplyArgs = {
    machine: slot.spec.name,
    hostname: slot.machine.cloudName,
    connection: slot.machine.connection,
    machineId: slot.machine.machineId,
    signer: context.signer,
    fragments: {
      machine: baseFragment(
        slot,
        context.fixed,
        context.topology,
        context.settings.ssh.user,
        context.trust.rolloutPublicKey,
      ),
      ...consulRole(slot, context, child),
      ...vaultRole(slot, context, child),
      ...nomadRole(slot, context, child),
    },
  };
  return applyPlan(slot.spec.name, args, {
    ...child,
    dependsOn: [registered, slot.machine.enrolled, ...after],
    deletedWith: slot.machine.resource,
  });
}
