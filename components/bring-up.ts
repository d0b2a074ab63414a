import * as pulumi from "@pulumi/pulumi";
import { inputOf, type ServiceAccess, type SupportAccess, supportProgram } from "./bootstrap/access";
import {
  type ConsulWorkloads,
  consulObjects,
  consulSecret,
  consulWorkloadObjects,
  nodeTokens,
} from "./bootstrap/consul";
import { administrators, type VaultLogin, vaultLogin } from "./bootstrap/vault-rights";
import { uuidToken } from "./secrets/derive";
import type { Slot } from "./slot";
import { hostCidr } from "./topology/cidr";
import { hostPort, memberAddress, memberAddresses, membersWith, nodeName } from "./topology/members";
import type { Member, Role, Topology } from "./topology/model";
import { consulServerName, nomadServerName, nomadServiceName, vaultServerName } from "./topology/names";
import { portNumbers } from "./topology/ports";
import type { Trust } from "./trust";

/** What the steps from running daemons to a cluster that takes jobs are made of. */
export interface BringUpContext {
  readonly topology: Topology;
  readonly trust: Trust;
  readonly support: SupportAccess;
  /** Servers and support. */
  readonly fixed: pulumi.Output<readonly Member[]>;
  /** Depend on it to come after the daemons of a role were started. */
  readonly applied: (role: Role) => pulumi.Resource[];
  readonly parent: pulumi.Resource;
}

/** Where Consul and Vault read the keys of workload identities. */
export const jwksUrl = `https://${nomadServiceName}:${portNumbers.nomadApi}/.well-known/jwks.json`;

/** How support reaches a service: by its servers' addresses, verified by a name that only they have. */
function accessOf(
  service: "consul" | "vault" | "nomad",
  context: BringUpContext,
  token?: pulumi.Input<string>,
): pulumi.Output<ServiceAccess> {
  const { topology, trust, fixed } = context;
  const known = {
    consul: { port: portNumbers.consulApi, serverName: consulServerName(topology) },
    vault: { port: portNumbers.vaultApi, serverName: vaultServerName },
    nomad: { port: portNumbers.nomadApi, serverName: nomadServerName(topology) },
  }[service];
  return pulumi.all([fixed, trust[service].rootPem, token]).apply(([members, caPem, secret]) => ({
    addresses: membersWith(`${service}-server`, members).map((member) =>
      hostPort(memberAddress(member, topology), known.port),
    ),
    caPem,
    serverName: known.serverName,
    ...(secret === undefined ? {} : { token: secret }),
  }));
}

/** Names of the nodes that shall have a vote. */
function votersOf(role: Role, context: BringUpContext, suffix = ""): pulumi.Output<string[]> {
  return context.fixed.apply((members) => membersWith(role, members).map((one) => nodeName(one) + suffix));
}

/** Consul's quorum, then its policies and the servers' tokens. */
export function bootstrapConsul(context: BringUpContext) {
  const { topology, trust, fixed, support, parent } = context;
  const management = pulumi.secret(trust.seed.apply((seed) => consulSecret(seed, { use: "management" })));
  const access = accessOf("consul", context, management);
  const servers = fixed.apply((members) =>
    members.filter((member) => !member.spec.roles.includes("support")),
  );
  const ready = supportProgram(
    "consul-bootstrap",
    support,
    {
      program: "consul_bootstrap",
      input: inputOf({
        consul: access,
        voters: votersOf("consul-server", context),
        timeoutSeconds: 120,
        objects: pulumi.all([trust.seed, servers]).apply(([seed, members]) =>
          consulObjects(
            seed,
            topology.datacenter,
            members.map((member) => ({ name: nodeName(member), roles: member.spec.roles })),
          ),
        ),
        agents: pulumi.all([trust.seed, servers]).apply(([seed, members]) =>
          membersWith("consul-server", members).map((member) => ({
            node: nodeName(member),
            address: hostPort(memberAddress(member, topology), portNumbers.consulApi),
            token: consulSecret(seed, { use: "agent", node: nodeName(member) }),
          })),
        ),
      }),
      timeoutSeconds: 180,
    },
    { parent, dependsOn: context.applied("consul-server") },
  );
  return { access, ready };
}

/** What of the cluster a machine's membership is a matter of. */
export interface MembershipAccess {
  readonly consul: pulumi.Output<ServiceAccess>;
  readonly nomad: pulumi.Output<ServiceAccess>;
  /** For a server: it leaves Vault's quorum too. */
  readonly vault?: {
    readonly access: pulumi.Output<ServiceAccess>;
    readonly login: pulumi.Output<VaultLogin>;
  };
}

/**
 * The tokens that a machine's daemons carry. They go with the machine, after its work has moved away and, where it is a
 * server, after it has left the quorums: when its successor votes, for deletions come last.
 */
export function joinMember(
  slot: Slot,
  context: BringUpContext,
  cluster: MembershipAccess,
  dependsOn: pulumi.Resource[],
) {
  const { consul, nomad, vault } = cluster;
  const { topology, trust, support } = context;
  return supportProgram(
    `${slot.spec.name}-membership`,
    support,
    {
      program: "member",
      imports: ["consul_bootstrap", "detached"],
      input: inputOf({
        node: slot.machine.cloudName,
        region: topology.region,
        roles: slot.spec.roles,
        tokens: pulumi
          .all([trust.seed, slot.machine.cloudName])
          .apply(([seed, name]) => nodeTokens(seed, topology.datacenter, { name, roles: slot.spec.roles })),
        consul,
        nomad,
        ...(vault ? { vault: vault.access, vaultLogin: vault.login } : {}),
        timeoutSeconds: 60,
        drainSeconds: 120,
        farewellSeconds: 3600,
      }),
      timeoutSeconds: 300,
      onDelete: true,
      triggers: [slot.machine.cloudName],
    },
    // Its work is moved away while the machine still runs: what depends on it goes first.
    { parent: slot.machine, dependsOn: [...dependsOn, slot.machine.resource] },
  );
}

/** Nomad's quorum, its ACLs with a token that the stack knows, and its namespaces. */
export function bootstrapNomad(context: BringUpContext, namespaces: readonly string[]) {
  const { topology, trust, support, parent } = context;
  const management = pulumi.secret(trust.seed.apply((seed) => uuidToken(seed, "nomad/management")));
  const access = accessOf("nomad", context, management);
  const ready = supportProgram(
    "nomad-bootstrap",
    support,
    {
      program: "nomad_bootstrap",
      input: inputOf({
        nomad: access,
        voters: votersOf("nomad-server", context, `.${topology.region}`),
        timeoutSeconds: 120,
        namespaces: namespaces.map((name) => ({ Name: name, Description: `Jobs of ${name}` })),
      }),
      timeoutSeconds: 180,
    },
    { parent, dependsOn: context.applied("nomad-server") },
  );
  return { access, ready, token: management };
}

/** Lets workloads log in to Consul: when Nomad serves the keys of their identities. */
export function admitWorkloadsToConsul(
  context: BringUpContext,
  consul: pulumi.Output<ServiceAccess>,
  workloads: Pick<ConsulWorkloads, "namespaces" | "jobs" | "finds">,
  dependsOn: pulumi.Resource[],
) {
  const { trust, support, parent } = context;
  return supportProgram(
    "consul-workloads",
    support,
    {
      program: "consul_bootstrap",
      input: inputOf({
        consul,
        voters: [],
        timeoutSeconds: 60,
        objects: trust.nomad.rootPem.apply((jwksCaPem) =>
          consulWorkloadObjects({
            ...workloads,
            jwksUrl,
            jwksCaPem,
          }),
        ),
      }),
      timeoutSeconds: 120,
    },
    { parent, dependsOn },
  );
}

/**
 * Vault's one init, its administrators' policy and the stack's own way in. The recovery keys come into the state; then
 * they leave the machine.
 */
export function bootstrapVault(context: BringUpContext) {
  const { trust, support, fixed, parent } = context;
  const access = accessOf("vault", context);
  const login = pulumi.secret(trust.seed.apply(vaultLogin));
  const initialised = supportProgram(
    "vault-init",
    support,
    {
      program: "vault_init",
      imports: ["detached"],
      input: inputOf({
        vault: access,
        recoveryShares: 5,
        recoveryThreshold: 3,
        policies: { administrators },
        appRole: pulumi.all([login, fixed]).apply(([known, members]) => ({
          ...known,
          role: "pulumi",
          policies: ["administrators"],
          boundCidrs: membersWith("support", members).flatMap(memberAddresses).map(hostCidr),
        })),
        auditFile: "/var/log/vault/audit.log",
        state: "/var/lib/hashistack",
        timeoutSeconds: 180,
      }),
      timeoutSeconds: 400,
    },
    {
      parent,
      dependsOn: context.applied("vault-server"),
      // Init happens once. What Vault shall hold later is set by its provider.
      ignoreChanges: ["connection", "create", "update", "stdin", "logging", "addPreviousOutputInEnv"],
    },
  );
  const recoveryKeys = pulumi.secret(
    initialised.stdout.apply((text) => (JSON.parse(text) as { recoveryKeys: string[] }).recoveryKeys),
  );
  const forgotten = supportProgram(
    "vault-init-forget",
    support,
    {
      program: "vault_init_forget",
      input: inputOf({ state: "/var/lib/hashistack" }),
      timeoutSeconds: 60,
    },
    { parent, dependsOn: [initialised] },
  );
  return { access, login, recoveryKeys, ready: forgotten };
}

/** A wait on support for what a step stands on. */
function gate(
  name: string,
  context: BringUpContext,
  condition: Record<string, pulumi.Input<unknown>>,
  opts: pulumi.CustomResourceOptions,
) {
  return supportProgram(
    name,
    context.support,
    {
      program: "gate",
      input: inputOf({ ...condition, timeoutSeconds: 120 }),
      timeoutSeconds: 180,
    },
    { parent: context.parent, ...opts },
  );
}

/** A client that takes work, and sees Consul and Vault: work that needs them is placed only then. */
export function readyClient(
  slot: Slot,
  context: BringUpContext,
  nomad: pulumi.Output<ServiceAccess>,
  dependsOn: pulumi.Resource[],
) {
  return gate(
    `${slot.spec.name}-ready`,
    context,
    { nomad, nodes: [slot.machine.cloudName], attributes: ["consul.version", "vault.version"] },
    { parent: slot.machine, dependsOn },
  );
}

/** Nomad's servers answer under their name in Consul. */
export function awaitNomadInConsul(
  context: BringUpContext,
  consul: pulumi.Output<ServiceAccess>,
  dependsOn: pulumi.Resource[],
) {
  const passing = membersWith("nomad-server", context.topology.machines).length;
  return gate("nomad-named", context, { consul, services: [{ name: "nomad", passing }] }, { dependsOn });
}

/**
 * The Vault server that leads reads the keys of workload identities by Nomad's name. That Consul tells of Nomad is not yet
 * that: the name goes through the leader's own resolver and agent, and Vault tries it once, when it is told of it.
 */
export function awaitKeysInVault(
  context: BringUpContext,
  vault: pulumi.Output<ServiceAccess>,
  vaultLogin: pulumi.Output<VaultLogin>,
  dependsOn: pulumi.Resource[],
) {
  const vaultKeys = { url: jwksUrl, caPem: context.trust.nomad.rootPem };
  return gate("vault-reads-keys", context, { vault, vaultLogin, vaultKeys }, { dependsOn });
}

/** All of Vault's servers have a vote: from here on one may die. */
export function awaitVaultVoters(
  context: BringUpContext,
  vault: pulumi.Output<ServiceAccess>,
  vaultLogin: pulumi.Output<VaultLogin>,
  dependsOn: pulumi.Resource[],
) {
  const vaultVoters = votersOf("vault-server", context);
  return gate("vault-voters", context, { vault, vaultLogin, vaultVoters }, { dependsOn });
}
