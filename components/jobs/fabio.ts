import type { ConsulWorkloads, JobConsulRights } from "../bootstrap/consul";
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

const anchor = "routes-complete";

/**
 * What Fabio finds in Consul. It opens its ports when it has read either the catalog or the routes that are set by hand, and
 * would answer 503 until it has read the other; and it takes an error of Consul's for a service without instances. So the routes
 * that are set by hand name one that the catalog always has: without it a table is refused, and the one before stays, or Fabio
 * waits. Nothing answers at that route.
 */
export const fabioFinds: NonNullable<ConsulWorkloads["finds"]> = {
  catalog: [
    {
      Node: anchor,
      Address: "127.0.0.1",
      Service: { Service: anchor, Port: 0, Tags: [`urlprefix-${anchor}.invalid/`] },
      Check: { CheckID: anchor, Name: anchor, ServiceID: anchor, Status: "passing" },
    },
  ],
  keys: [{ key: "fabio/config", value: `route weight ${anchor} ${anchor}.invalid/ weight 0` }],
};

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
