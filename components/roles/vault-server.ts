import * as pulumi from "@pulumi/pulumi";
import type { PlanFragment } from "../provisioning/plan";
import type { Leaf } from "./leaf";
import { renderVaultServer } from "./vault";

export interface VaultServerArgs {
  /** Raft's node id: the machine's host name. Example: "dev-control-a-1f2e3d4c". */
  node: pulumi.Input<string>;
  /** Vault's cluster name. */
  cluster: string;
  /** Version of Vault. Example: "1.21.1". */
  version: string;
  /** Address that members use for this machine. */
  address: pulumi.Input<string>;
  /** Addresses of all Vault servers. */
  servers: pulumi.Input<pulumi.Input<string>[]>;
  /** Raft timing: 1 is quick, 5 forgives slow disks and busy cores. */
  performanceMultiplier: number;
  /** Where the unsealer answers: an address, never a name that needs Consul. Example: "https://[fd00:1ab::2]:8210". */
  unsealerUrl: pulumi.Input<string>;
  /** The name in the unsealer's certificate. Example: "support.dev.internal". */
  unsealerServerName: string;
  /** Token that may use the transit key and renew itself. */
  unsealerToken: pulumi.Input<string>;
  /** Root of the "support" service, PEM. */
  supportCaPem: pulumi.Input<string>;
  /** Token by which Vault registers itself in Consul. */
  consulToken: pulumi.Input<string>;
  /** What the machine needs to ask for its leaf of the service. */
  leaf: pulumi.Input<Leaf>;
}

/**
 * A Vault server on Raft, unsealed by support.
 *
 * The role touches nothing: its `plan` is merged with those of the machine's other roles and applied once.
 */
export class VaultServer extends pulumi.ComponentResource {
  /** What this role adds to its machine. Secret. */
  public readonly plan: pulumi.Output<PlanFragment>;

  constructor(name: string, args: VaultServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:VaultServer", name, {}, opts);
    this.plan = pulumi.secret(pulumi.output(args).apply(renderVaultServer));
    this.registerOutputs({});
  }
}
