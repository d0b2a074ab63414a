import { generateKeyPairSync } from "node:crypto";
import { secret } from "../../../lab/plugins/common/values";
import type { Values } from "./plugin-under-test";

/** One kind of resource under its contract. */
export interface KindCase {
  token: string;
  /** What must be there before: made, and removed again, by the administrator. */
  needs?: [path: string, body: Values][];
  inputs: Values;
  id: string;
  /** Where Vault shows it, and what it shows. */
  path: string;
  there: Values;
  /** Inputs that change it in place, and what Vault shows then. */
  change?: Values;
  thereAfter?: Values;
  /** Inputs whose change replaces it. */
  replaces: Values;
}

/** Every kind of the plugin `vault`. What replaces is by ForceNew in resource_*.go of terraform-provider-vault 5.8. */
export function kindCases(): KindCase[] {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const key = publicKey.export({ type: "spki", format: "pem" }).toString();
  const jwtMethod: [string, Values][] = [
    ["sys/auth/jwt-c", { type: "jwt" }],
    ["auth/jwt-c/config", { jwt_validation_pubkeys: [key] }],
  ];
  return [
    {
      token: "vault:index/mount:Mount",
      inputs: { path: "kv-c", type: "kv", description: "first", options: { version: "2" } },
      id: "kv-c",
      path: "sys/mounts/kv-c",
      there: { type: "kv", description: "first", options: { version: "2" }, config: { max_lease_ttl: 0 } },
      change: { path: "kv-c", type: "kv", options: { version: "2" }, maxLeaseTtlSeconds: 3600 },
      thereAfter: { description: "", options: { version: "2" }, config: { max_lease_ttl: 3600 } },
      replaces: { type: "transit" },
    },
    {
      token: "vault:index/mount:Mount",
      inputs: { path: "deep/kv2", type: "kv-v2" },
      id: "deep/kv2",
      path: "sys/mounts/deep/kv2",
      there: { type: "kv", options: { version: "2" } },
      replaces: { type: "kv" },
    },
    {
      token: "vault:index/policy:Policy",
      inputs: { name: "policy-c", policy: 'path "a" { capabilities = ["read"] }' },
      id: "policy-c",
      path: "sys/policies/acl/policy-c",
      there: { policy: 'path "a" { capabilities = ["read"] }' },
      change: { name: "policy-c", policy: 'path "b" { capabilities = ["read"] }' },
      thereAfter: { policy: 'path "b" { capabilities = ["read"] }' },
      replaces: { name: "other" },
    },
    {
      token: "vault:index/authBackend:AuthBackend",
      inputs: { type: "approle", path: "approle-c", description: "machines" },
      id: "approle-c",
      path: "sys/mounts/auth/approle-c",
      there: { type: "approle", description: "machines" },
      change: { type: "approle", path: "approle-c", description: "people" },
      thereAfter: { description: "people" },
      replaces: { type: "jwt" },
    },
    {
      token: "vault:index/audit:Audit",
      inputs: { type: "file", path: "file-c", options: { file_path: "/dev/null" } },
      id: "file-c",
      path: "sys/audit",
      there: { "file-c/": { type: "file", options: { file_path: "/dev/null" } } },
      replaces: { options: { file_path: "discard" }, description: "x", path: "other" },
    },
    {
      token: "vault:kv/secret:Secret",
      needs: [["sys/mounts/kv-p", { type: "kv", options: { version: "1" } }]],
      inputs: { path: "kv-p/jobs/web", dataJson: secret('{"text":"a"}') },
      id: "kv-p/jobs/web",
      path: "kv-p/jobs/web",
      there: { text: "a" },
      change: { path: "kv-p/jobs/web", dataJson: secret('{"text":"b"}') },
      thereAfter: { text: "b" },
      replaces: { path: "kv-p/jobs/other" },
    },
    {
      token: "vault:kv/secretV2:SecretV2",
      needs: [["sys/mounts/kv-s", { type: "kv", options: { version: "2" } }]],
      inputs: { mount: "kv-s", name: "jobs/web", dataJson: secret('{"text":"a","n":{"m":1}}') },
      id: "kv-s/data/jobs/web",
      path: "kv-s/data/jobs/web",
      there: { data: { text: "a", n: { m: 1 } }, metadata: { version: 1 } },
      change: { mount: "kv-s", name: "jobs/web", dataJson: secret('{"text":"b"}') },
      thereAfter: { data: { text: "b" }, metadata: { version: 2 } },
      replaces: { name: "other", mount: "kv-t" },
    },
    {
      token: "vault:jwt/authBackend:AuthBackend",
      inputs: { path: "jwt-b", jwtValidationPubkeys: [key], boundIssuer: "nomad", defaultRole: "workload" },
      id: "jwt-b",
      path: "auth/jwt-b/config",
      there: { bound_issuer: "nomad", default_role: "workload", jwks_url: "" },
      change: { path: "jwt-b", jwtValidationPubkeys: [key], jwtSupportedAlgs: ["ES256", "RS256"] },
      thereAfter: { bound_issuer: "", default_role: "", jwt_supported_algs: ["ES256", "RS256"] },
      replaces: {},
    },
    {
      token: "vault:jwt/authBackendRole:AuthBackendRole",
      needs: jwtMethod,
      inputs: {
        backend: "jwt-c",
        roleName: "workload",
        roleType: "jwt",
        boundAudiences: ["vault.io"],
        boundClaims: { nomad_namespace: "default,web" },
        userClaim: "/nomad_job_id",
        userClaimJsonPointer: true,
        claimMappings: { nomad_namespace: "nomad_namespace", nomad_job_id: "nomad_job_id" },
        tokenType: "service",
        tokenPolicies: ["workloads", "base"],
        tokenPeriod: 1800,
        tokenBoundCidrs: ["10.0.0.1/32", "fd00::/64"],
      },
      id: "auth/jwt-c/role/workload",
      path: "auth/jwt-c/role/workload",
      there: {
        bound_audiences: ["vault.io"],
        bound_claims: { nomad_namespace: ["default", "web"] },
        claim_mappings: { nomad_namespace: "nomad_namespace" },
        token_period: 1800,
        token_type: "service",
        token_policies: ["workloads", "base"],
      },
      change: {
        backend: "jwt-c",
        roleName: "workload",
        roleType: "jwt",
        boundAudiences: ["vault.io"],
        userClaim: "sub",
        tokenPolicies: ["base"],
        tokenExplicitMaxTtl: 60,
      },
      thereAfter: {
        bound_claims: {},
        claim_mappings: {},
        token_period: 0,
        token_explicit_max_ttl: 60,
        token_type: "default",
        token_policies: ["base"],
        token_bound_cidrs: [],
        user_claim_json_pointer: false,
      },
      replaces: { roleName: "other", backend: "jwt" },
    },
    {
      token: "vault:appRole/authBackendRole:AuthBackendRole",
      needs: [["sys/auth/approle-r", { type: "approle" }]],
      inputs: {
        backend: "approle-r",
        roleName: "program",
        roleId: "a-fixed-id",
        secretIdBoundCidrs: ["10.0.0.1/32"],
        tokenBoundCidrs: ["10.0.0.1/32"],
        tokenPolicies: ["admin"],
        tokenNoDefaultPolicy: true,
        tokenTtl: 600,
      },
      id: "auth/approle-r/role/program",
      path: "auth/approle-r/role/program",
      there: {
        bind_secret_id: true,
        token_no_default_policy: true,
        token_ttl: 600,
        token_policies: ["admin"],
      },
      change: {
        backend: "approle-r",
        roleName: "program",
        roleId: "another-id",
        tokenPolicies: ["admin", "b"],
      },
      thereAfter: { token_ttl: 0, token_no_default_policy: false, token_policies: ["admin", "b"] },
      replaces: { roleName: "other", backend: "approle" },
    },
  ];
}
