import type { JobConsulRights } from "../bootstrap/consul";
import type { IngressKind } from "../settings";
import type { Versions } from "../topology/model";
import type { JobArtifact, JobSpec } from "./artifact";
import { fabioCertificatesPath, fabioConsulRights, fabioJob } from "./fabio";
import { traefikCertificatePath, traefikConsulRights, traefikJob } from "./traefik";

/** The ingress: what runs on the load balancers and sends visitors on. Whichever it is, it is given the same. */

/** What an ingress needs of the rest of the cluster. */
export interface IngressArgs {
  /** Nomad namespace. Default "ingress". */
  readonly namespace?: string;
  readonly datacenter: string;
  /** Node class of the clients that visitors reach. Example: "load-balancer". */
  readonly nodeClass: string;
  readonly program: JobArtifact;
  /** Example: "https://active.vault.service.consul:8200". */
  readonly vaultAddress: string;
  /** Root certificates, PEM. */
  readonly vaultCaPem: string;
  readonly consulCaPem: string;
  /** The services behind it that speak TLS. Fabio encrypts to them and verifies nothing; Traefik verifies. */
  readonly backends: readonly IngressBackend[];
}

/** How a service behind the ingress is verified. */
export interface IngressBackend {
  /** By which the service's tags name it. Example: "website". */
  readonly name: string;
  /** The name in the certificate that its instances show. Example: "website.service.consul". */
  readonly serverName: string;
  /** Root of the authority that signed it, PEM. */
  readonly caPem: string;
}

/** One way to be the ingress. */
export interface Ingress {
  /** Name of the job, of its program and of its service in Consul. */
  readonly name: IngressKind;
  /** The program's version. */
  version(versions: Versions): string;
  /** Whether the machines' image may lack the program. */
  readonly optional: boolean;
  /** The job. */
  job(args: IngressArgs): JobSpec;
  /** What it may do in Consul. */
  consulRights(): JobConsulRights;
  /**
   * Where in Vault it looks for its certificate, a secret with the fields `cert` (the chain) and `key`, PEM. "versioned":
   * below the key-value store `secret`; "short": below a store of version 1 whose answers are to be read again soon.
   */
  readonly certificate: { readonly store: "versioned" | "short"; readonly path: string };
}

/** Nomad namespace of either. */
export const ingressNamespace = "ingress";

/** The store for an ingress that is told by Nomad: Nomad reads a secret again when nine tenths of its lease are over. */
export const shortStore = { path: "certificates", leaseSeconds: 10 } as const;

/** All of them. */
export const ingresses: Readonly<Record<IngressKind, Ingress>> = {
  fabio: {
    name: "fabio",
    version: ({ fabio }) => fabio,
    optional: false,
    job: fabioJob,
    consulRights: fabioConsulRights,
    certificate: { store: "versioned", path: `${fabioCertificatesPath()}/site` },
  },
  traefik: {
    name: "traefik",
    version: ({ traefik }) => traefik,
    optional: true,
    job: traefikJob,
    consulRights: traefikConsulRights,
    certificate: { store: "short", path: traefikCertificatePath() },
  },
};

/** A site as the tags of its service tell of it. */
export interface Route {
  /** The service's name, and its backend's. */
  readonly service: string;
  /** Host name by which visitors ask for it. */
  readonly domain: string;
}

/**
 * The tags by which either ingress finds the way: HTTPS for the domain, and for whoever comes by an address and no name.
 * Both at once, so that a change of the ingress leaves what stands behind it alone.
 */
export function routeTags({ service, domain }: Route): string[] {
  const router = `traefik.http.routers.${service}`;
  const server = `traefik.http.services.${service}.loadbalancer`;
  return [
    `urlprefix-${domain}:80/ redirect=308,https://${domain}$path`,
    // Encrypted, but not verified: Fabio knows an instance by its address alone.
    `urlprefix-${domain}/ proto=https tlsskipverify=true`,
    "urlprefix-*:80/ redirect=308,https://$host$path",
    "urlprefix-/ proto=https tlsskipverify=true",
    "traefik.enable=true",
    `${router}.entrypoints=https`,
    `${router}.rule=Host(\`${domain}\`) || HostRegexp(\`^([0-9.]+|[[]?[0-9a-f]*:[0-9a-f:.]*]?)$\`)`,
    `${router}.middlewares=again@file`,
    `${server}.server.scheme=https`,
    `${server}.serverstransport=${service}@file`,
  ];
}
