import { readAsset } from "../provisioning/assets";
import type { JobArtifact, JobSpec } from "./artifact";
import { ingressClientCertificate, routeTags } from "./ingress";

/** The website: what its job needs of the rest of the cluster. */
export interface WebsiteArgs {
  /** Nomad namespace. Default "website". */
  readonly namespace?: string;
  readonly datacenter: string;
  /** Node class of the clients that run it. */
  readonly nodeClass: string;
  readonly instances: number;
  /**
   * Whether no two of them may be on one client: so they never end up together when a lost client is back. Only where there
   * are clients enough.
   */
  readonly apart: boolean;
  /** Host name by which visitors ask for it. */
  readonly domain: string;
  /** Traefik's middlewares before it. Example: ["auth-website@file"]. Default: none. */
  readonly middlewares?: readonly string[];
  /**
   * Root of the authority of the ingress's own certificate, PEM: whoever comes without that is refused, and nobody by an
   * address and no name. Default: whoever reaches an instance is shown the page.
   */
  readonly ingressCaPem?: string;
  /** Caddy. */
  readonly program: JobArtifact;
  /** `websitePage()`, published. */
  readonly page: JobArtifact;
}

export const websiteNamespace = "website";

/** Its service in Consul, and the ingress's word for how it is verified. */
export const websiteService = "website";

/**
 * Where in the key-value store `secret` the website finds its own: the fields are `text` (HTML, shown on the page),
 * `certificate` and `key` (PEM, for the way from the ingress; the name is `websiteServerName`).
 */
export function websiteSecretPath(namespace = websiteNamespace): string {
  return `${namespace}/website`;
}

/** The name in the certificate that instances show the ingress. */
export const websiteServerName = "website.service.consul";

/** The page to publish in the artifact store. */
export function websitePage(): string {
  return readAsset("jobs/site/index.html");
}

/** The website as a job. */
export function websiteJob(args: WebsiteArgs): JobSpec {
  const namespace = args.namespace ?? websiteNamespace;
  return {
    id: "website",
    namespace,
    hcl: readAsset("jobs/specs/website.nomad.hcl"),
    variables: {
      namespace,
      datacenter: args.datacenter,
      node_class: args.nodeClass,
      instances: args.instances,
      apart: args.apart,
      tags: routeTags({
        service: websiteService,
        domain: args.domain,
        byAddress: args.ingressCaPem === undefined,
        middlewares: args.middlewares,
      }),
      ingress_ca: args.ingressCaPem ?? "",
      ingress_name: ingressClientCertificate.name,
      program: { ...args.program },
      page: { ...args.page },
    },
  };
}
