import { readAsset } from "../provisioning/assets";
import type { AcmeSettings, Settings } from "../settings";
import { acmeDirectory, acmeDomains, acmeProvider } from "../settings/acme";
import type { JobArtifact, JobSpec } from "./artifact";
import { ingressCertificate, ingressNamespace } from "./ingress-job";

/** The job that gets the site's public certificate and puts it where the ingress reads it. */

/** Id of the job, name of its role in Vault; it lives in the ingress's namespace. */
export const acmeJobId = "acme";
export const acmeNamespace = ingressNamespace;

/** The program, and its version. */
export const acmeProgram = { name: "hashistack-acme", version: "1.0.0" } as const;

const own = (what: string): string => `secret/data/${acmeNamespace}/${acmeJobId}/${what}`;

/** Where in Vault's API its secrets lie. */
export const acmePaths = {
  /** What the ingress shows. */
  certificate: `${ingressCertificate.store}/${ingressCertificate.path}`,
  /** The account at the ACME server: its key. */
  account: own("account"),
  /** The credential by which records are written. */
  dns: own("dns"),
  /** What came of the last run. */
  run: own("run"),
  /** The moment at which somebody wanted a certificate whatever is due. */
  force: own("force"),
} as const;

/** What the job may do in Vault, and no more: its role has no other policy. */
export function acmePolicy(): string {
  const write = [acmePaths.certificate, acmePaths.account, acmePaths.run];
  const read = [acmePaths.dns, acmePaths.force];
  return [
    ...write.map((path) => `path "${path}" { capabilities = ["create", "read", "update"] }`),
    ...read.map((path) => `path "${path}" { capabilities = ["read"] }`),
    "",
  ].join("\n");
}

/** The credential as the program reads it. */
export function acmeCredential(acme: AcmeSettings, dns: Settings["dns"]): AcmeSettings["credential"] {
  const standard = acmeProvider(acme, dns) === "rfc2136" ? { algorithm: "hmac-sha256." } : {};
  return { ...standard, ...acme.credential };
}

/** A minute of the hour that is the cluster's own, so that not all of them ask at once. */
function minuteOf(cluster: string): number {
  return [...cluster].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 60, 7);
}

export interface AcmeJobArgs {
  readonly settings: Settings & { readonly acme: AcmeSettings };
  readonly program: JobArtifact;
  /** Node class of the clients that run it. */
  readonly nodeClass: string;
  /** Example: "https://active.vault.service.consul:8200". */
  readonly vaultAddress: string;
  /** Root certificate, PEM. */
  readonly vaultCaPem: string;
}

/** The job. */
export function acmeJob({ settings, program, nodeClass, vaultAddress, vaultCaPem }: AcmeJobArgs): JobSpec {
  const { acme, dns, name, datacenter } = settings;
  return {
    id: acmeJobId,
    namespace: acmeNamespace,
    hcl: readAsset("jobs/specs/acme.nomad.hcl"),
    variables: {
      namespace: acmeNamespace,
      datacenter,
      node_class: nodeClass,
      schedule: `${minuteOf(name)} 3,15 * * *`,
      program: { ...program },
      vault_ca: vaultCaPem,
      ca: acme.ca ?? "",
      settings: JSON.stringify({
        vault: { address: vaultAddress, caFile: "/local/vault-ca.pem" },
        domains: acmeDomains(acme, settings),
        email: acme.email,
        directory: acmeDirectory(acme),
        keyType: acme.keyType,
        renewDays: acme.renewDays,
        resolvers: acme.resolvers,
        provider: acmeProvider(acme, dns),
        api: acme.api ?? "",
        caFile: "/local/ca.pem",
        paths: acmePaths,
      }),
    },
  };
}
