import type { JobConsulRights } from "../bootstrap/consul";
import { readAsset } from "../provisioning/assets";
import type { JobSpec } from "./artifact";
import { type IngressArgs, ingressJob, ingressNamespace } from "./ingress-job";

/** Fabio, the ingress by default. */

/** What Fabio may do in Consul: find out where it is, read the catalog, read its own keys. */
export function fabioConsulRights(namespace = ingressNamespace): JobConsulRights {
  return {
    namespace,
    job: ingressJob,
    task: "fabio",
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
  const namespace = args.namespace ?? ingressNamespace;
  return {
    id: ingressJob,
    namespace,
    hcl: readAsset("jobs/specs/fabio.nomad.hcl"),
    variables: {
      namespace,
      datacenter: args.datacenter,
      node_class: args.nodeClass,
      program: { ...args.program },
      consul_ca: args.consulCaPem,
    },
  };
}
