import type { JobConsulRights } from "../bootstrap/consul";
import { readAsset } from "../provisioning/assets";
import type { JobSpec } from "./artifact";
import type { IngressArgs } from "./ingress";

/** Traefik, the ingress that verifies what it sends visitors to. */

const defaultNamespace = "ingress";

/** Where below the store `certificates` its certificate lies. A change is taken up within some ten seconds. */
export function traefikCertificatePath(namespace = defaultNamespace): string {
  return `${namespace}/traefik/site`;
}

/** What Traefik may do in Consul: read the catalog. */
export function traefikConsulRights(namespace = defaultNamespace): JobConsulRights {
  return {
    namespace,
    job: "traefik",
    rules: ['node_prefix "" { policy = "read" }', 'service_prefix "" { policy = "read" }', ""].join("\n"),
  };
}

/** The ingress as a job. */
export function traefikJob(args: IngressArgs): JobSpec {
  const namespace = args.namespace ?? defaultNamespace;
  return {
    id: "traefik",
    namespace,
    hcl: readAsset("jobs/specs/traefik.nomad.hcl"),
    variables: {
      namespace,
      datacenter: args.datacenter,
      node_class: args.nodeClass,
      program: { ...args.program },
      consul_ca: args.consulCaPem,
      // As Traefik's file has it; JSON is YAML.
      transports: JSON.stringify(
        Object.fromEntries(
          args.backends.map(({ name, serverName, caPem }) => [
            name,
            {
              serverName,
              rootCAs: [caPem],
              // Over HTTP/2 an answer may be there before Traefik 3.6 knows that its question is on the way: its retry
              // then takes the answer for an attempt that failed, and the visitor gets an empty page.
              disableHTTP2: true,
              // An instance whose machine is gone must not be waited for: the next is asked.
              forwardingTimeouts: { dialTimeout: "1s" },
            },
          ]),
        ),
      ),
    },
  };
}
