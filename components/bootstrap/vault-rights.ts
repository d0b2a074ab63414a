import { uuidToken } from "../secrets/derive";

/** How the program and the command line log in to Vault. */
export interface VaultLogin {
  /** Path of the auth method. */
  path: string;
  roleId: string;
  secretId: string;
}

/** The AppRole of the stack; it has no life between runs but this, and no token that could expire. */
export function vaultLogin(seed: string): VaultLogin {
  return {
    path: "approle",
    roleId: uuidToken(seed, "vault/approle/role"),
    secretId: uuidToken(seed, "vault/approle/secret"),
  };
}

/** What an administrator may do, as HashiCorp's administrators' policy has it: everything but sealing and rekeying. */
export const administrators = `
# Secrets engines and what lies in them
path "sys/mounts"        { capabilities = ["read", "list"] }
path "sys/mounts/*"      { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }
path "secret/*"          { capabilities = ["create", "read", "update", "patch", "delete", "list"] }
path "certificates/*"    { capabilities = ["create", "read", "update", "patch", "delete", "list"] }

# Who may log in, and what that gives
path "sys/auth"          { capabilities = ["read", "list"] }
path "sys/auth/*"        { capabilities = ["create", "read", "update", "delete", "sudo"] }
path "auth/*"            { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }
path "identity/*"        { capabilities = ["create", "read", "update", "delete", "list"] }
path "sys/policies/acl"  { capabilities = ["list"] }
path "sys/policies/acl/*" { capabilities = ["create", "read", "update", "delete", "list"] }

# The cluster itself
path "sys/audit"         { capabilities = ["read", "list", "sudo"] }
path "sys/audit/*"       { capabilities = ["create", "read", "update", "delete", "sudo"] }
path "sys/storage/raft/*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }
path "sys/leases/*"      { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }
path "sys/step-down"     { capabilities = ["update", "sudo"] }
path "sys/ha-status"     { capabilities = ["read"] }
path "sys/health"        { capabilities = ["read"] }
path "sys/internal/ui/*" { capabilities = ["read"] }
path "sys/capabilities-self" { capabilities = ["update"] }
`.trimStart();

/**
 * What a Nomad workload may read: the secrets of its own namespace and job.
 *
 * @param accessor of the auth method by which workloads log in
 */
export function workloadPolicy(accessor: string): string {
  const claim = (name: string) => `{{identity.entity.aliases.${accessor}.metadata.${name}}}`;
  const own = `${claim("nomad_namespace")}/${claim("nomad_job_id")}`;
  return [
    `path "secret/data/${own}/*"     { capabilities = ["read"] }`,
    `path "secret/data/${own}"       { capabilities = ["read"] }`,
    // Kept apart, since what is read there is read again every few seconds.
    `path "certificates/${own}/*"    { capabilities = ["read"] }`,
    "",
  ].join("\n");
}
