import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import { inputOf, supportProgram } from "./bootstrap/access";
import type { Cluster } from "./cluster";
import {
  acmeCredential,
  acmeJob,
  acmeJobId,
  acmeNamespace,
  acmePaths,
  acmePolicy,
  acmeProgram,
} from "./jobs/acme";
import { NomadJob } from "./jobs/nomad-job";
import type { AcmeOutput } from "./outputs";
import type { AcmeSettings, Settings } from "./settings";
import type { Site } from "./site";
import { publish } from "./site-parts";
import { activeVaultName } from "./topology/names";
import { portNumbers } from "./topology/ports";
import { workloadsPath } from "./vault-configuration";

export interface AcmeArgs {
  /** Where it runs. */
  cluster: Cluster;
  /** With `acme`. */
  settings: Settings & { readonly acme: AcmeSettings };
  /** What shows the certificate. */
  site: Site;
}

/**
 * A public certificate for the site: a periodic job gets and renews it by ACME (DNS-01) and puts it into Vault, from where
 * the ingress takes it within some ten seconds. Until the first one is there, and where none can be had, the site shows what
 * it showed before. The first run is begun with the stack and waited for by nobody: a domain's servers may take a quarter
 * of an hour to tell of a record.
 *
 * @example
 * new Acme("acme", { cluster, settings, site });
 */
export class Acme extends pulumi.ComponentResource {
  /** What the command line has to know of it. */
  public readonly output: AcmeOutput;

  constructor(name: string, args: AcmeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:Acme", name, {}, opts);
    const { cluster, settings, site } = args;
    const { dns } = settings;
    const authority = cluster.acme;
    if (!authority) throw new pulumi.RunError("Acme: the cluster was made without the setting acme.");
    const { support, nomad } = cluster.access;
    const child = { parent: this };
    const inVault = { parent: this, provider: cluster.vaultProvider, deletedWith: support.resource };

    const policy = new vault.Policy(
      "acme",
      { name: acmeJobId, policy: cluster.secretsPath.apply(() => acmePolicy()) },
      inVault,
    );
    const role = new vault.jwt.AuthBackendRole(
      "acme",
      {
        backend: workloadsPath,
        roleName: acmeJobId,
        roleType: "jwt",
        boundAudiences: ["vault.io"],
        // Of all jobs, this one alone.
        boundClaims: { nomad_namespace: acmeNamespace, nomad_job_id: acmeJobId },
        userClaim: "/nomad_job_id",
        userClaimJsonPointer: true,
        tokenType: "service",
        tokenPolicies: [policy.name],
        tokenPeriod: 1800,
      },
      inVault,
    );
    const credential = new vault.kv.SecretV2(
      "acme-dns",
      {
        mount: cluster.secretsPath,
        name: acmePaths.dns.replace(/^secret\/data\//, ""),
        dataJson: pulumi.secret(
          pulumi
            .all([authority.asked, authority.credential])
            .apply(([asked, credential]) => JSON.stringify(acmeCredential({ ...asked, credential }, dns))),
        ),
      },
      inVault,
    );
    const program = publish(
      cluster,
      acmeProgram.name,
      { program: acmeProgram.name, version: acmeProgram.version },
      this,
    );
    const spec = pulumi.all([program, cluster.ca, authority.asked]).apply(([artifact, ca, asked]) =>
      acmeJob({
        settings: { ...settings, acme: { ...asked, credential: {} } },
        program: artifact,
        nodeClass: settings.site.nodeClass,
        vaultAddress: `https://${activeVaultName}:${portNumbers.vaultApi}`,
        vaultCaPem: ca.vault ?? "",
      }),
    );
    const job = new NomadJob(
      acmeJobId,
      { support, nomad, jobId: acmeJobId, namespace: acmeNamespace, spec },
      { ...child, dependsOn: [role, credential, ...cluster.ready] },
    );
    // Another certificate may be due when the job is another one; whether it is, the job itself decides.
    supportProgram(
      "acme-begins",
      support,
      {
        program: "nomad_periodic",
        input: inputOf({ nomad, jobId: acmeJobId, namespace: acmeNamespace, of: spec, timeoutSeconds: 60 }),
        timeoutSeconds: 120,
      },
      { ...child, dependsOn: [job, site.answers] },
    );
    this.output = { job: acmeJobId, namespace: acmeNamespace, run: acmePaths.run, force: acmePaths.force };
    this.registerOutputs({});
  }
}
