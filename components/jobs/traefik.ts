import type { JobConsulRights } from "../bootstrap/consul";
import { readAsset } from "../provisioning/assets";
import type { JobSpec } from "./artifact";
import { withServers } from "./dashboards";
import {
  type IngressArgs,
  type IngressBackend,
  ingressCertificate,
  ingressClientCertificate,
  ingressJob,
  ingressNamespace,
} from "./ingress-job";

/** Traefik, the ingress that verifies what it sends visitors to. */

/** What Traefik may do in Consul: read the catalog. */
export function traefikConsulRights(namespace = ingressNamespace): JobConsulRights {
  return {
    namespace,
    job: ingressJob,
    task: "traefik",
    rules: ['node_prefix "" { policy = "read" }', 'service_prefix "" { policy = "read" }', ""].join("\n"),
  };
}

/** The ingress as a job. */
export function traefikJob(args: IngressArgs): JobSpec {
  const namespace = args.namespace ?? ingressNamespace;
  return {
    id: ingressJob,
    namespace,
    hcl: readAsset("jobs/specs/traefik.nomad.hcl"),
    variables: {
      namespace,
      datacenter: args.datacenter,
      node_class: args.nodeClass,
      program: { ...args.program },
      consul_ca: args.consulCaPem,
      // Parts of Traefik's file; JSON is YAML.
      http: filledIn({
        ...args.routes,
        middlewares: {
          // Whoever met an instance that died is led to one anew, by chance to the same. All attempts together take longer than
          // Consul needs to miss a process.
          again: { retry: { attempts: 6, initialInterval: "20ms" } },
          ...args.middlewares,
          ...args.routes?.middlewares,
        },
        serversTransports: transports(args.backends, ({ serverName, caPem, presents }) => ({
          serverName,
          rootCAs: [caPem],
          ...(presents ? { certificates: [clientCertificate] } : {}),
          // Over HTTP/2 an answer may be there before Traefik 3.6 knows that its question is on the way: its retry
          // then takes the answer for an attempt that failed, and the visitor gets an empty page.
          disableHTTP2: true,
          // By itself Traefik keeps two, and greets the service anew for all that come beside those.
          maxIdleConnsPerHost: 200,
          // An instance whose machine is gone must not be waited for: the next is asked.
          forwardingTimeouts: { dialTimeout },
        })),
      }),
      tcp: JSON.stringify({
        // Traefik listens before it has read the catalog, and would tell visitors of a 404. Whoever is hung up on before a word
        // was said tries again, at another load balancer. What the catalog has for a name, or for any, comes before this.
        routers: {
          nobody: {
            entryPoints: ["https"],
            rule: "HostSNI(`*`)",
            priority: 1,
            tls: { passthrough: true },
            service: "nobody",
          },
        },
        services: { nobody: { loadBalancer: { servers: [] } } },
        serversTransports: transports(args.backends, ({ serverName, caPem }) => ({
          tls: { serverName, rootCAs: [caPem] },
          dialTimeout,
        })),
      }),
    },
  };
}

const dialTimeout = "1s";

/** In its place Nomad puts what Vault has. */
const clientCertificate = { certFile: "@cert@", keyFile: "@key@" };

/** JSON in which Nomad puts what Vault and Consul have. */
function filledIn(part: object): string {
  const read = (field: string) =>
    `{{ with secret "${ingressCertificate.store}/${ingressClientCertificate.path}" }}{{ .Data.${field} | toJSON }}{{ end }}`;
  const text = JSON.stringify(part).replaceAll('"@cert@"', read("cert")).replaceAll('"@key@"', read("key"));
  return withServers(text);
}

function transports(
  backends: readonly IngressBackend[],
  one: (backend: IngressBackend) => object,
): Record<string, object> {
  return Object.fromEntries(backends.map((backend) => [backend.name, one(backend)]));
}
