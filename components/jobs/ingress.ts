import type { JobConsulRights } from "../bootstrap/consul";
import type { IngressKind } from "../settings";
import type { Versions } from "../topology/model";
import type { JobSpec } from "./artifact";
import { fabioConsulRights, fabioJob } from "./fabio";
import { type IngressArgs, leastBusy } from "./ingress-job";
import { traefikConsulRights, traefikJob } from "./traefik";

/** The ingress: what runs on the load balancers and sends visitors on. Whichever it is, it is given the same. */

export {
  type IngressArgs,
  type IngressBackend,
  ingressCertificate,
  ingressClientCertificate,
  ingressJob,
  ingressNamespace,
} from "./ingress-job";

/** One way to be the ingress. */
export interface Ingress {
  /** Name of its task, of its program and of its service in Consul. */
  readonly name: IngressKind;
  /** The program's version. */
  version(versions: Versions): string;
  /** Whether the machines' image may lack the program. */
  readonly optional: boolean;
  /** The job. */
  job(args: IngressArgs): JobSpec;
  /** What it may do in Consul. */
  consulRights(): JobConsulRights;
}

/** All of them. */
export const ingresses: Readonly<Record<IngressKind, Ingress>> = {
  fabio: {
    name: "fabio",
    version: ({ fabio }) => fabio,
    optional: false,
    job: fabioJob,
    consulRights: fabioConsulRights,
  },
  traefik: {
    name: "traefik",
    version: ({ traefik }) => traefik,
    optional: true,
    job: traefikJob,
    consulRights: traefikConsulRights,
  },
};

/** A site as the tags of its service tell of it. */
export interface Route {
  /** The service's name, and its backend's: it speaks TLS. */
  readonly service: string;
  /** Host name by which visitors ask for it. */
  readonly domain: string;
  /** Whether it is shown to those who come by an address and no name, too: one service at most. Default: false. */
  readonly byAddress?: boolean;
  /**
   * Traefik's middlewares before it, in their order; what they guard, Fabio is not told of. Example: ["auth@file"].
   * Default: none.
   */
  readonly middlewares?: readonly string[];
}

/**
 * The tags by which either ingress finds the way: HTTPS for the domain. Both at once, so that a change of the ingress leaves
 * what stands behind it alone.
 */
export function routeTags({ service, domain, byAddress = false, middlewares = [] }: Route): string[] {
  const router = `traefik.http.routers.${service}`;
  const server = `traefik.http.services.${service}.loadbalancer`;
  const through = [...middlewares, "again@file"].join(",");
  return [
    ...(middlewares.length > 0 ? [] : fabioTags(domain, byAddress)),
    "traefik.enable=true",
    `${router}.entrypoints=https`,
    `${router}.rule=Host(\`${domain}\`)`,
    `${router}.middlewares=${through}`,
    ...(byAddress
      ? [
          // A router of its own: only a rule without Host takes handshakes that name nobody.
          `${router}-by-address.entrypoints=https`,
          `${router}-by-address.rule=HostRegexp(\`^([0-9.]+|[[]?[0-9a-f]*:[0-9a-f:.]*]?)$\`)`,
          `${router}-by-address.middlewares=${through}`,
        ]
      : []),
    `${server}.server.scheme=https`,
    `${server}.serverstransport=${service}@file`,
    `${server}.strategy=${leastBusy}`,
  ];
}

function fabioTags(domain: string, byAddress: boolean): string[] {
  return [
    `urlprefix-${domain}:80/ redirect=308,https://${domain}$path`,
    // Encrypted, but not verified: Fabio knows an instance by its address alone.
    `urlprefix-${domain}/ proto=https tlsskipverify=true`,
    ...(byAddress
      ? ["urlprefix-*:80/ redirect=308,https://$host$path", "urlprefix-/ proto=https tlsskipverify=true"]
      : []),
  ];
}

/** A service that speaks no HTTP, as the tags of its service tell of it. Traefik's alone. */
export interface TcpRoute {
  /** The service's name, and its backend's where Traefik is to end the visitors' TLS. */
  readonly service: string;
  /** The name that clients ask for in their handshake (SNI), at port 443. */
  readonly domain: string;
  /**
   * Where the clients' TLS ends: "ingress", with the ingress's certificate, and another TLS, verified, leads on to the
   * service; "service", whose certificate they see. Default: "ingress".
   */
  readonly tlsEnds?: "ingress" | "service";
}

/** The tags by which Traefik sends on TLS connections that ask for a name. */
export function tcpRouteTags({ service, domain, tlsEnds = "ingress" }: TcpRoute): string[] {
  const router = `traefik.tcp.routers.${service}`;
  const server = `traefik.tcp.services.${service}.loadbalancer`;
  return [
    "traefik.enable=true",
    `${router}.entrypoints=https`,
    `${router}.rule=HostSNI(\`${domain}\`)`,
    ...(tlsEnds === "service"
      ? [`${router}.tls.passthrough=true`]
      : [`${router}.tls=true`, `${server}.server.tls=true`, `${server}.serverstransport=${service}@file`]),
  ];
}
