import type { JobConsulRights } from "../bootstrap/consul";
import { readAsset } from "../provisioning/assets";
import type { JobSpec } from "./artifact";
import type { IngressArgs } from "./ingress";

/** Fabio, the ingress by default. */

const fabioNamespace = "ingress";

/**
 * Where in the key-value store `secret` the ingress looks for certificates: each entry below it has the fields `cert`
 * (the chain) and `key`, PEM. A change is taken up within seconds.
 */
export function fabioCertificatesPath(namespace = fabioNamespace): string {
  return `${namespace}/fabio/certs`;
}

/** What Fabio may do in Consul: find out where it is, read the catalog, read its own keys. */
export function fabioConsulRights(namespace = fabioNamespace): JobConsulRights {
  return {
    namespace,
    job: "fabio",
    rules: [
      'agent_prefix "" { policy = "read" }',
      'node_prefix "" { policy = "read" }',
      'service_prefix "" { policy = "read" }',
      'key_prefix "fabio/" { policy = "read" }',
      "",
    ].join("\n"),
  };
}

/** The ingress as a job. */
export function fabioJob(args: IngressArgs): JobSpec {
  const namespace = args.namespace ?? fabioNamespace;
  return {
    id: "fabio",
    namespace,
    hcl: readAsset("jobs/specs/fabio.nomad.hcl"),
    variables: {
      namespace,
      datacenter: args.datacenter,
      node_class: args.nodeClass,
      program: { ...args.program },
      vault_address: args.vaultAddress,
      vault_ca: args.vaultCaPem,
      consul_ca: args.consulCaPem,
    },
  };
}
