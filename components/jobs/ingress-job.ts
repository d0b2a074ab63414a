import type { JobArtifact } from "./artifact";

/** What Fabio and Traefik have in common as a job. */

/** Nomad namespace of either. */
export const ingressNamespace = "ingress";

/**
 * Id of the job, whichever it is: so a change from the one to the other is a change of a job that runs, and Nomad makes it on
 * one load balancer after the other.
 */
export const ingressJob = "ingress";

/**
 * Where in Vault its certificate lies, a secret with the fields `cert` (the chain) and `key`, PEM. The store has version 1,
 * whose answers have a lease: Nomad reads a secret again when nine tenths of it are over, so a change is taken up within
 * some ten seconds.
 */
export const ingressCertificate = {
  store: "certificates",
  path: `${ingressNamespace}/${ingressJob}/site`,
  leaseSeconds: 10,
} as const;

/**
 * Traefik's strategy for who of a service's instances is asked: of two the one that has fewer requests under way. One that is silent
 * has those that wait for it, so it gets no more, long before Consul misses it.
 */
export const leastBusy = "p2c";

/** What an ingress needs of the rest of the cluster. */
export interface IngressArgs {
  /** Nomad namespace. Default "ingress". */
  readonly namespace?: string;
  readonly datacenter: string;
  /** Node class of the clients that visitors reach. Example: "load-balancer". */
  readonly nodeClass: string;
  readonly program: JobArtifact;
  /** Root certificate, PEM. */
  readonly consulCaPem: string;
  /** The services behind it that speak TLS. Fabio encrypts to them and verifies nothing; Traefik verifies. */
  readonly backends: readonly IngressBackend[];
  /**
   * Traefik's middlewares by name, as its file has them; a route names one as "<name>@file". Fabio has none.
   * Example: { auth: { forwardAuth: { address: "https://…" } } }. Default: none but `again`, which asks an instance anew.
   */
  readonly middlewares?: Readonly<Record<string, object>>;
  /** Traefik's routes that are in no tags. Default: none. */
  readonly routes?: IngressRoutes;
}

/** Routes as Traefik's file has them, each by its name. */
export interface IngressRoutes {
  readonly routers: Readonly<Record<string, object>>;
  readonly services: Readonly<Record<string, object>>;
  readonly middlewares: Readonly<Record<string, object>>;
}

/** How a service behind the ingress is verified, HTTP or TCP. */
export interface IngressBackend {
  /** By which the service's tags name it. Example: "website". */
  readonly name: string;
  /** The name in the certificate that its instances show. Example: "website.service.consul". */
  readonly serverName: string;
  /** Root of the authority that signed it, PEM. */
  readonly caPem: string;
  /**
   * Whether Traefik shows it a certificate of the ingress's own, by which the service knows who asks. It lies beside the
   * ingress's other one, see `ingressClientCertificate`. Default: false.
   */
  readonly presents?: boolean;
}

/** Where in the same store lies what the ingress shows to services that ask for it: the fields are `cert` and `key`, PEM. */
export const ingressClientCertificate = {
  path: `${ingressNamespace}/${ingressJob}/client`,
  /** The name in it. */
  name: "ingress.service.consul",
} as const;
