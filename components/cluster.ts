import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type * as vaultSdk from "@pulumi/vault";
import { type AcmeAuthority, acmeAuthorityOf } from "./acme-authority";
import type { ClusterAccess } from "./bootstrap/access";
import { consulSecret } from "./bootstrap/consul";
import { rollOut } from "./bootstrap/rollout";
import type { VaultLogin } from "./bootstrap/vault-rights";
import {
  admitWorkloadsToConsul,
  awaitKeysInVault,
  awaitNomadInConsul,
  awaitVaultVoters,
  type BringUpContext,
  bootstrapConsul,
  bootstrapNomad,
  bootstrapVault,
  joinMember,
  jwksUrl,
  readyClient,
} from "./bring-up";
import type { BalancerAddress } from "./dns/domain-address";
import { cloudOf, isGuarded, makeFleet } from "./fleet";
import { acmeProgram } from "./jobs/acme";
import { authNamespace, authProgram } from "./jobs/auth-proxy";
import { fabioFinds } from "./jobs/fabio";
import { type Ingress, ingresses, ingressNamespace } from "./jobs/ingress";
import { websiteNamespace } from "./jobs/website";
import { applyMember, type MemberContext } from "./members";
import {
  type ApiOutput,
  apiOutputs,
  caOutputs,
  type LoadBalancerOutput,
  loadBalancerOutputs,
  type MachineOutput,
  machineOutputs,
  type SupportOutput,
  supportOutput,
} from "./outputs";
import type { ServiceAuthority } from "./pki/authority";
import { reportPlan } from "./plan-report";
import type { PlannedSigner } from "./provisioning/plan";
import type { Settings } from "./settings";
import { isFixed, isServer, type Slot } from "./slot";
import type { PlanSummary } from "./summary";
import { applySupport } from "./support";
import { memberAddress, urlHost } from "./topology/members";
import { supportServerName, vaultServerName } from "./topology/names";
import { isPlace, portNumbers } from "./topology/ports";
import { topologyOf } from "./topology/topology";
import { makeTrust } from "./trust";
import { VaultConfiguration } from "./vault-configuration";

export interface ClusterArgs {
  /** What the cluster shall be; `readSettings()` gives a stack's, `parseSettings(object)` those of a program. */
  settings: Settings;
}

/** Of either ingress at any time: when one takes the other's place, both run for a while. */
const ingressRights = Object.values(ingresses).map((one) => one.consulRights());

/** Namespaces whose workloads may log in to Consul. */
function namespacesOf({ auth }: Settings): string[] {
  return ["default", ingressNamespace, websiteNamespace, ...(auth ? [authNamespace] : [])];
}

/** Programs that support hands out and most images lack. */
function optionalPrograms({ site, auth, acme }: Settings): string[] {
  if (!site.enabled) return [];
  const ingress = ingresses[site.ingress];
  return [
    ...(ingress.optional ? [ingress.name] : []),
    ...(auth ? [authProgram.name] : []),
    ...(acme ? [acmeProgram.name] : []),
  ];
}

/**
 * A whole cluster: support, Consul, Vault and Nomad servers, clients, each with its certificates, tokens and firewall,
 * brought up to the point where jobs can run.
 *
 * @example
 * const cluster = new Cluster("dev", { settings: readSettings() });
 */
export class Cluster extends pulumi.ComponentResource {
  /** What it is to be: machines, open ports, cost, warnings. As reported at preview; not secret. */
  public readonly plan: pulumi.Output<PlanSummary>;
  /** The machine through which everything is reached. */
  public readonly support: pulumi.Output<SupportOutput>;
  /** The machines that carry the ingress. */
  public readonly loadBalancers: pulumi.Output<LoadBalancerOutput[]>;
  /** Where visitors reach these, one by one: for the records of a domain. */
  public readonly balancerAddresses: BalancerAddress[];
  /** All machines by their logical names. */
  public readonly machines: pulumi.Output<Record<string, MachineOutput>>;
  /** Root certificates, PEM, by service. */
  public readonly ca: pulumi.Output<Record<string, string>>;
  /** Where administrators reach the APIs. */
  public readonly apis: pulumi.Output<Record<string, ApiOutput>>;
  /** The operator's token. Secret. */
  public readonly consulToken: pulumi.Output<string>;
  /** The management token. Secret. */
  public readonly nomadToken: pulumi.Output<string>;
  /** How the program and the command line log in to Vault. Secret. */
  public readonly vaultLogin: pulumi.Output<VaultLogin>;
  /** Vault's recovery keys, base64. Secret; kept nowhere else. */
  public readonly recoveryKeys: pulumi.Output<string[]>;
  /** OpenSSH private key of the stack's login. Secret. */
  public readonly sshPrivateKey: pulumi.Output<string>;

  /** For whoever does something to the running cluster: jobs, secrets. */
  public readonly access: ClusterAccess;
  /** The cloud's id of support's machine: another one has an empty artifact store. */
  public readonly supportId: pulumi.Output<string>;
  /** The address by which members reach support. */
  public readonly supportAddress: pulumi.Output<string>;
  /** Depend on it to come after support's own services. */
  public readonly supportReady: pulumi.Resource;
  /** Depend on all of these to come when jobs can run, and read their secrets. */
  public readonly ready: pulumi.Resource[];
  /** For secrets of one's own: `{ provider: cluster.vaultProvider }`. */
  public readonly vaultProvider: vaultSdk.Provider;
  /** Path of Vault's key-value store. */
  public readonly secretsPath: pulumi.Output<string>;
  /** The authority of what the cluster's own site shows, until a public one signs. */
  public readonly siteAuthority: ServiceAuthority;
  /** Who is asked for the site's public certificate; undefined without the setting `acme`. */
  public readonly acme?: AcmeAuthority;
  /** What the load balancers are let run. */
  public readonly ingress: Ingress;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:Cluster", name, {}, opts);
    const child = { parent: this };
    const { settings } = args;
    const topology = topologyOf(settings);
    const workloadNamespaces = namespacesOf(settings);
    this.plan = reportPlan(settings, this);

    const cloud = cloudOf(settings, child);
    const trust = makeTrust(topology.cluster, isGuarded(settings), child);
    const slots = makeFleet(cloud, settings, topology, trust, child);
    const support = slots.find((slot) => slot.spec.roles.includes("support")) as Slot;
    const members = slots.filter((slot) => slot !== support);
    const fixed = pulumi.all(slots.filter((slot) => isFixed(slot.spec)).map((slot) => slot.member));

    // Support hands it out to the clients.
    this.ingress = ingresses[settings.site.ingress];
    const { cloudName, machineId } = support.machine;
    const programs = optionalPrograms(settings);
    const carried =
      programs.length > 0 && cloud.install
        ? [cloud.install({ name: support.spec.name, cloudName, machineId }, programs, child)]
        : [];
    const supportApplied = applySupport(
      support,
      { settings, topology, trust, fixed },
      { dependsOn: [support.machine.enrolled, ...carried] },
    );

    const supportUrl = (port: number) =>
      support.member.apply((member) => `https://${urlHost(memberAddress(member, topology))}:${port}`);
    const signer: pulumi.Output<PlannedSigner> = pulumi
      .all([supportUrl(portNumbers.signer), trust.support.rootPem])
      .apply(([url, caPem]) => ({ url, caPem, serverName: supportServerName(topology) }));
    const context: MemberContext = {
      support,
      supportApplied,
      capacity: cloud.capacity,
      settings,
      topology,
      trust,
      fixed,
      signer,
      unsealerUrl: supportUrl(portNumbers.unsealer),
    };

    const applied = new Map<Slot, command.remote.Command>();
    const apply = (slot: Slot, after: pulumi.Resource[]): command.remote.Command => {
      const done = applyMember(slot, context, after);
      applied.set(slot, done);
      return done;
    };
    const bringUp: BringUpContext = {
      topology,
      trust,
      support: {
        machine: support.spec.name,
        connection: support.machine.connection,
        resource: support.machine.enrolled,
      },
      fixed,
      applied: (role) =>
        [...applied].flatMap(([slot, done]) => (slot.spec.roles.includes(role) ? [done] : [])),
      parent: this,
    };

    // Each daemon starts when what it asks at its start is there: who is refused asks again only after 15 to 30 s.
    const servers = members.filter((slot) => isFixed(slot.spec));
    const withConsul = servers.filter((slot) => slot.spec.roles.includes("consul-server"));
    for (const slot of withConsul) apply(slot, []);
    const consul = bootstrapConsul(bringUp);
    for (const slot of servers.filter((slot) => !withConsul.includes(slot))) apply(slot, [consul.ready]);
    const nomad = bootstrapNomad(bringUp, workloadNamespaces);
    const vault = bootstrapVault(bringUp);
    const clients = members
      .filter((slot) => !servers.includes(slot))
      .map((slot) => {
        const joined = joinMember(slot, bringUp, { consul: consul.access, nomad: nomad.access }, [
          consul.ready,
        ]);
        const done = apply(slot, [joined, nomad.ready, vault.ready]);
        return readyClient(slot, bringUp, nomad.access, [done]);
      });
    for (const slot of servers) {
      const quorums = {
        consul: consul.access,
        nomad: nomad.access,
        vault: { access: vault.access, login: vault.login },
      };
      joinMember(slot, bringUp, quorums, [consul.ready, nomad.ready, vault.ready]);
    }
    // Consul and Vault fetch the keys of workload identities under Nomad's name in Consul.
    const named = awaitNomadInConsul(bringUp, consul.access, [consul.ready, nomad.ready]);
    const admitted = admitWorkloadsToConsul(
      bringUp,
      consul.access,
      { namespaces: workloadNamespaces, jobs: ingressRights, finds: fabioFinds },
      [named],
    );
    const voting = awaitVaultVoters(bringUp, vault.access, vault.login, [vault.ready]);
    const readable = awaitKeysInVault(bringUp, vault.access, vault.login, [vault.ready, named]);
    this.apis = apiOutputs(support, topology);
    const secrets = new VaultConfiguration(
      "vault",
      {
        cluster: topology.cluster,
        // Known only when there is something to talk to.
        address: pulumi
          .all([this.apis, vault.ready.id, readable.id])
          .apply(([apis]) => apis.vault?.address ?? ""),
        serverName: vaultServerName,
        caPem: trust.vault.rootPem,
        login: vault.login,
        jwksUrl: jwksUrl,
        jwksCaPem: trust.nomad.rootPem,
        deletedWith: support.machine.enrolled,
      },
      { parent: this, dependsOn: [vault.ready, readable] },
    );

    // What an apply of a server could only mark; the last step, so that nothing else needs them meanwhile.
    rollOut(
      bringUp.support,
      {
        servers: [...applied]
          .filter(([slot]) => isServer(slot.spec))
          .map(([slot, done]) => ({
            machine: slot.spec.name,
            roles: slot.spec.roles,
            node: slot.machine.cloudName,
            address: slot.machine.address,
            hostKey: slot.machine.hostKey,
            applied: done,
          })),
        region: topology.region,
        user: settings.ssh.user,
        privateKey: trust.rolloutPrivateKey,
        consul: consul.access,
        vault: vault.access,
        nomad: nomad.access,
        vaultLogin: vault.login,
      },
      { parent: this, dependsOn: [consul.ready, nomad.ready, voting, secrets] },
    );

    this.access = {
      support: bringUp.support,
      consul: consul.access,
      nomad: nomad.access,
      vault: vault.access,
    };
    this.supportId = support.machine.machineId;
    this.supportAddress = support.machine.address;
    this.supportReady = supportApplied;
    this.vaultProvider = secrets.vaultProvider;
    this.secretsPath = secrets.secretsPath;
    this.siteAuthority = trust.site;
    this.ready = [admitted, secrets, voting, ...clients];
    this.support = supportOutput(support, settings.ssh.user);
    this.loadBalancers = loadBalancerOutputs(slots);
    this.balancerAddresses = slots
      .filter(({ spec }) => isPlace(spec, "load-balancer"))
      .map(({ spec, machine: { publicIpv4, publicIpv6 } }) => ({
        name: spec.name,
        publicIpv4,
        ...(cloud.publicIpv6 ? { publicIpv6 } : {}),
      }));
    this.machines = machineOutputs(slots);
    this.acme = acmeAuthorityOf(settings, cloud, child);
    this.ca = caOutputs(
      trust,
      this.acme?.asked.apply(({ ca }) => ca),
    );
    this.consulToken = pulumi.secret(trust.seed.apply((seed) => consulSecret(seed, { use: "operator" })));
    this.nomadToken = nomad.token;
    this.vaultLogin = vault.login;
    this.recoveryKeys = vault.recoveryKeys;
    this.sshPrivateKey = trust.loginPrivateKey;
    this.registerOutputs({});
  }
}
