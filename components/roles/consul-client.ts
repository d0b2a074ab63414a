import * as pulumi from "@pulumi/pulumi";
import type { PlanFragment } from "../provisioning/plan";
import { renderConsulClient } from "./consul";
import type { GivenCertificate, Leaf } from "./leaf";

export interface ConsulClientArgs {
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
  /** What the machine needs to ask for its leaf of the service. This, or `given`. */
  leaf?: pulumi.Input<Leaf>;
  /** Its certificate, where the Consul that it joins is of others and has an authority of its own. Secret. */
  given?: pulumi.Input<GivenCertificate>;
}

/**
 * A Consul client agent: every machine that is neither support nor a Consul server carries one.
 *
 * The role touches nothing: its `plan` is merged with those of the machine's other roles and applied once.
 */
export class ConsulClient extends pulumi.ComponentResource {
  /** What this role adds to its machine. Secret. */
  public readonly plan: pulumi.Output<PlanFragment>;

  constructor(name: string, args: ConsulClientArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:ConsulClient", name, {}, opts);
    if ((args.leaf === undefined) === (args.given === undefined)) {
      throw new pulumi.RunError(`ConsulClient ${name} needs a certificate: either "leaf" or "given".`);
    }
    this.plan = pulumi.secret(pulumi.output(args).apply(renderConsulClient));
    this.registerOutputs({});
  }
}
