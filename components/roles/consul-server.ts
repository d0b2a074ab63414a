import * as pulumi from "@pulumi/pulumi";
import type { PlanFragment } from "../provisioning/plan";
import { renderConsulServer } from "./consul";
import type { Leaf } from "./leaf";

export interface ConsulServerArgs {
  /** Consul's node name: the machine's host name. Example: "dev-control-a-1f2e3d4c". */
  node: pulumi.Input<string>;
  /** Example: "dc1". */
  datacenter: string;
  /** Version of Consul. */
  version: string;
  /** Address that members use for this machine. */
  address: pulumi.Input<string>;
  /** Addresses of the Consul servers. */
  servers: pulumi.Input<pulumi.Input<string>[]>;
  /** Gossip key, 32 bytes in base64. */
  gossipKey: pulumi.Input<string>;
  /** Token by which the agent registers itself. */
  agentToken: pulumi.Input<string>;
  /** Token by which the agent answers DNS. */
  dnsToken: pulumi.Input<string>;
  /** How many servers there shall be. */
  expect: number;
  /** Raft timing: 1 is quick, 5 forgives slow disks and busy cores. */
  raftMultiplier: number;
  /** The token that may do everything; known to servers, it closes Consul's bootstrap for everybody else. */
  managementToken: pulumi.Input<string>;
  /** What the machine needs to ask for its leaf of the service. */
  leaf: pulumi.Input<Leaf>;
}

/**
 * A Consul server.
 *
 * The role touches nothing: its `plan` is merged with those of the machine's other roles and applied once.
 */
export class ConsulServer extends pulumi.ComponentResource {
  /** What this role adds to its machine. Secret. */
  public readonly plan: pulumi.Output<PlanFragment>;

  constructor(name: string, args: ConsulServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:ConsulServer", name, {}, opts);
    this.plan = pulumi.secret(pulumi.output(args).apply(renderConsulServer));
    this.registerOutputs({});
  }
}
