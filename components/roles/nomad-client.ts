import * as pulumi from "@pulumi/pulumi";
import type { PlanFragment } from "../provisioning/plan";
import type { Leaf } from "./leaf";
import { renderNomadClient } from "./nomad";

export interface NomadClientArgs {
  /** Nomad's node name: the machine's host name. Example: "dev-client-a-1f2e3d4c". */
  node: pulumi.Input<string>;
  /** Example: "global". */
  region: string;
  /** Example: "dc1". */
  datacenter: string;
  /** Version of Nomad. Example: "1.11.1". */
  version: string;
  /** Address that members use for this machine. */
  address: pulumi.Input<string>;
  /** Addresses of the Nomad servers. */
  servers: pulumi.Input<pulumi.Input<string>[]>;
  /** Token by which the agent registers itself and its services in Consul. */
  consulToken: pulumi.Input<string>;
  /** The family by which tasks are reached: "ipv4" or "ipv6". */
  family: string;
  /** Nomad node class. Example: "load-balancer". */
  nodeClass: string;
  /** The private networks of all machines, CIDRs. */
  networks: string[];
  /** Addresses of servers and support: from there nobody reaches a task. */
  others: pulumi.Input<string[]>;
  /** Which of "nomad", "consul" and "vault" the ingress publishes. Default: none. */
  published?: string[];
  /** Whether the machine goes out by a tunnel to support. */
  tunnel?: boolean;
  /** Root of Vault's CA, PEM: tasks and templates talk to Vault. */
  vaultCaPem: pulumi.Input<string>;
  /** Root of the "support" service, PEM: artifacts come from there. */
  supportCaPem: pulumi.Input<string>;
  /** Memory of the machine in MiB, where its own view is wrong (it shares its kernel with the host). */
  memoryMb?: number;
  /** Processing power in MHz, where its own view is wrong. */
  cpuMhz?: number;
  /** What the machine needs to ask for its leaf of the service. */
  leaf: pulumi.Input<Leaf>;
}

/**
 * A Nomad client. Clients of the class "load-balancer" carry the ingress.
 *
 * The role touches nothing: its `plan` is merged with those of the machine's other roles and applied once.
 */
export class NomadClient extends pulumi.ComponentResource {
  /** What this role adds to its machine. Secret. */
  public readonly plan: pulumi.Output<PlanFragment>;

  constructor(name: string, args: NomadClientArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:NomadClient", name, {}, opts);
    this.plan = pulumi.secret(pulumi.output(args).apply(renderNomadClient));
    this.registerOutputs({});
  }
}
