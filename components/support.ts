import * as pulumi from "@pulumi/pulumi";
import { renderUnsealer } from "./bootstrap/unsealer";
import { renderSigner } from "./pki/signer";
import { applyPlan } from "./provisioning/apply";
import { joinFragments } from "./provisioning/merge";
import type { PlanFragment } from "./provisioning/plan";
import { type Leaf, leafCertificate } from "./roles/leaf";
import { renderSupport } from "./roles/support";
import type { Settings } from "./settings";
import { baseFragment, leafOf, type Slot } from "./slot";
import { memberAddress, membersWith, nodeName } from "./topology/members";
import { type Member, type Role, services, type Topology } from "./topology/model";
import { supportServerName } from "./topology/names";
import type { Trust } from "./trust";

/** An authority whose issuing key the signer works with. */
export interface IssuingAuthority {
  issuingPem: pulumi.Input<string>;
  /** Secret. */
  issuingKeyPem: pulumi.Input<string>;
}

export interface SupportArgs {
  /** Version of cfssl. */
  signerVersion: string;
  /** Version of the unsealer's Vault. */
  vaultVersion: string;
  /** Address that members use for this machine. */
  address: pulumi.Input<string>;
  /** The name in support's certificate. Example: "support.dev.internal". */
  serverName: string;
  /** By service; "support" itself is among them. */
  authorities: Record<string, IssuingAuthority>;
  /** Addresses of the servers, to which the APIs are passed through. */
  consulServers: pulumi.Input<pulumi.Input<string>[]>;
  /** Vault's. */
  vaultServers: pulumi.Input<pulumi.Input<string>[]>;
  /** Nomad's. */
  nomadServers: pulumi.Input<pulumi.Input<string>[]>;
  /** Node names of the Vault servers: each has a token of its own at the unsealer. */
  vaultNodes: pulumi.Input<pulumi.Input<string>[]>;
  /** From which the unsealer's key and tokens are derived. Secret. */
  seed: pulumi.Input<string>;
  /** What the machine needs for its own leaf of the service "support". */
  leaf: pulumi.Input<Leaf>;
}

function renderAll(args: pulumi.Unwrap<SupportArgs>): PlanFragment {
  const certificate = leafCertificate("support", args.leaf, "root", "nginx.service");
  return joinFragments(
    renderSigner({ version: args.signerVersion, authorities: args.authorities, certificate }),
    renderUnsealer({
      version: args.vaultVersion,
      address: args.address,
      serverName: args.serverName,
      certificate,
      seed: args.seed,
      servers: args.vaultNodes,
    }),
    renderSupport(args),
  );
}

/**
 * The guardian: certificate signer, unsealer, artifact store, and the way to the servers' APIs.
 *
 * The role touches nothing: its `plan` is merged with those of the machine's other roles and applied once.
 */
export class Support extends pulumi.ComponentResource {
  /** What this role adds to its machine. Secret. */
  public readonly plan: pulumi.Output<PlanFragment>;

  constructor(name: string, args: SupportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:Support", name, {}, opts);
    this.plan = pulumi.secret(pulumi.output(args).apply(renderAll));
    this.registerOutputs({});
  }
}

/** What support's plan is made of besides itself. */
export interface SupportContext {
  readonly settings: Settings;
  readonly topology: Topology;
  readonly trust: Trust;
  readonly fixed: pulumi.Output<readonly Member[]>;
}

/** Makes support what it is, by one apply. */
export function applySupport(
  slot: Slot,
  context: SupportContext,
  opts: pulumi.CustomResourceOptions,
): ReturnType<typeof applyPlan> {
  const { topology, trust, fixed, settings } = context;
  const child = { parent: slot.machine };
  const addresses = (role: Role) =>
    fixed.apply((members) => membersWith(role, members).map((member) => memberAddress(member, topology)));
  const serverName = supportServerName(topology);
  const support = new Support(
    slot.spec.name,
    {
      signerVersion: topology.versions.cfssl,
      vaultVersion: topology.versions.vault,
      address: slot.machine.address,
      serverName,
      authorities: Object.fromEntries(
        services.map((service) => [
          service,
          { issuingPem: trust[service].issuingPem, issuingKeyPem: trust[service].issuingKeyPem },
        ]),
      ),
      consulServers: addresses("consul-server"),
      vaultServers: addresses("vault-server"),
      nomadServers: addresses("nomad-server"),
      vaultNodes: fixed.apply((members) => membersWith("vault-server", members).map(nodeName)),
      seed: trust.seed,
      leaf: leafOf(slot, "support", topology, trust),
    },
    child,
  );
  return applyPlan(
    slot.spec.name,
    {
      machine: slot.spec.name,
      hostname: slot.machine.cloudName,
      connection: slot.machine.connection,
      machineId: slot.machine.machineId,
      // Support signs for itself with the keys it keeps for the signer.
      signer: trust.support.rootPem.apply((caPem) => ({ serverName, caPem })),
      fragments: {
        machine: baseFragment(slot, fixed, topology, settings.ssh.user, trust.rolloutPublicKey),
        support: support.plan,
      },
    },
    { ...child, ...opts, deletedWith: slot.machine.resource },
  );
}
