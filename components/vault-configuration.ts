import { mkdirSync, writeFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import { type VaultLogin, workloadPolicy } from "./bootstrap/vault-rights";

export interface VaultConfigurationArgs {
  /** Cluster name: part of the name of the file in which the provider finds the CA. */
  cluster: string;
  /** Where the API answers. Example: "https://127.77.0.2:8200". */
  address: pulumi.Input<string>;
  /** The name to verify in the servers' certificates. */
  serverName: string;
  /** Root of Vault's CA, PEM. */
  caPem: pulumi.Input<string>;
  /** How the provider logs in. Secret. */
  login: pulumi.Input<VaultLogin>;
  /** Where Vault reads the keys of workload identities. */
  jwksUrl: string;
  /** Root of Nomad's CA, PEM. */
  jwksCaPem: pulumi.Input<string>;
  /** With this resource everything here goes, unasked: support's machine. */
  deletedWith: pulumi.Resource;
}

/** The path of the auth method by which Nomad's workloads log in: Nomad's default. */
export const workloadsPath = "jwt-nomad";
/** The role that Nomad asks for where a job names none. */
const workloadsRole = "nomad-workloads";

/**
 * The provider takes a CA only as a path. The file lies below the project, under one name, so that the path in the state
 * does not change from run to run.
 */
function caFile(cluster: string, pem: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.output(pem).apply((text) => {
    mkdirSync(".hashistack", { recursive: true, mode: 0o700 });
    const path = `.hashistack/vault-${cluster}.pem`;
    writeFileSync(path, text);
    return path;
  });
}

/**
 * What Vault holds: one key-value store, and Nomad's workloads as those who may read their own part of it.
 */
export class VaultConfiguration extends pulumi.ComponentResource {
  /** The provider, for further secrets of a stack. */
  public readonly vaultProvider: vault.Provider;
  /** Path of the key-value store (version 2). Known when workloads can log in. */
  public readonly secretsPath: pulumi.Output<string>;

  constructor(name: string, args: VaultConfigurationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:VaultConfiguration", name, {}, opts);
    const provider = new vault.Provider(
      name,
      {
        address: args.address,
        caCertFile: caFile(args.cluster, args.caPem),
        tlsServerName: args.serverName,
        skipChildToken: true,
        // An election may be under way.
        maxRetries: 10,
        authLogin: pulumi.secret(
          pulumi.output(args.login).apply((login) => ({
            path: `auth/${login.path}/login`,
            parameters: { role_id: login.roleId, secret_id: login.secretId },
          })),
        ),
      },
      { parent: this, deletedWith: args.deletedWith },
    );
    const child = { parent: this, provider, deletedWith: args.deletedWith };

    const secrets = new vault.Mount(
      `${name}-secrets`,
      { path: "secret", type: "kv", options: { version: "2" }, description: "Secrets of the jobs" },
      child,
    );
    const workloads = new vault.jwt.AuthBackend(
      `${name}-workloads`,
      {
        path: workloadsPath,
        type: "jwt",
        description: "Nomad's workloads log in with their workload identity",
        jwksUrl: args.jwksUrl,
        jwksCaPem: args.jwksCaPem,
        jwtSupportedAlgs: ["RS256", "EdDSA"],
        defaultRole: workloadsRole,
      },
      child,
    );
    const policy = new vault.Policy(
      `${name}-workloads`,
      { name: workloadsRole, policy: workloads.accessor.apply(workloadPolicy) },
      child,
    );
    const role = new vault.jwt.AuthBackendRole(
      `${name}-workloads`,
      {
        backend: workloads.path.apply((path) => path ?? workloadsPath),
        roleName: workloadsRole,
        roleType: "jwt",
        boundAudiences: ["vault.io"],
        userClaim: "/nomad_job_id",
        userClaimJsonPointer: true,
        claimMappings: {
          nomad_namespace: "nomad_namespace",
          nomad_job_id: "nomad_job_id",
          nomad_task: "nomad_task",
        },
        tokenType: "service",
        tokenPolicies: [policy.name],
        // Nomad renews what a task holds; a task that ended loses it within this time.
        tokenPeriod: 1800,
      },
      child,
    );
    this.vaultProvider = provider;
    this.secretsPath = pulumi.all([secrets.path, role.id]).apply(([path]) => path);
    this.registerOutputs({ secretsPath: this.secretsPath });
  }
}
