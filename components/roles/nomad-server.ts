import * as pulumi from "@pulumi/pulumi";
import type { PlanFragment } from "../provisioning/plan";
import type { Leaf } from "./leaf";
import { renderNomadServer } from "./nomad";

export interface NomadServerArgs {
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
  /** How many servers there shall be. */
  expect: number;
  /** Raft timing: 1 is quick, 5 forgives slow disks and busy cores. */
  raftMultiplier: number;
  /** Gossip key, 32 bytes in base64. */
  gossipKey: pulumi.Input<string>;
  /** What the machine needs to ask for its leaf of the service. */
  leaf: pulumi.Input<Leaf>;
}

/**
 * A Nomad server.
 *
 * The role touches nothing: its `plan` is merged with those of the machine's other roles and applied once.
 */
export class NomadServer extends pulumi.ComponentResource {
  /** What this role adds to its machine. Secret. */
  public readonly plan: pulumi.Output<PlanFragment>;

  constructor(name: string, args: NomadServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:NomadServer", name, {}, opts);
    this.plan = pulumi.secret(pulumi.output(args).apply(renderNomadServer));
    this.registerOutputs({});
  }
}
