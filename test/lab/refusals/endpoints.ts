/** What the APIs answer to whom. Paths are asked as they stand; those that change something have no body that would. */

export interface Endpoints {
  /** They answer to anybody who reaches the port, and why that is so. */
  readonly anyone: Readonly<Record<string, string>>;
  /** Lists of which anybody is shown what his token lets him see: without a token nothing. */
  readonly filtered: readonly string[];
  /** 403 without a token, with a wrong one and with a task's; 200 to the operator. */
  readonly closed: readonly string[];
  /** The same, but the operator's token is not tried: they would change something, or not end. */
  readonly closedWrites: readonly string[];
  /** What a task's own token may. */
  readonly tasks: readonly string[];
}

const page = "the page itself, which asks for a token; it holds nothing of the cluster";

export const endpoints = {
  consul: {
    anyone: {
      "GET /v1/status/leader": "support and the CLI look for a leader by it",
      "GET /v1/status/peers": "as above; addresses of the servers",
      "GET /v1/agent/version": "the version",
      "GET /v1/agent/connect/ca/roots": "public certificates of the mesh, which nothing uses here",
      "GET /v1/connect/ca/roots": "the same",
      "GET /v1/acl/replication": "that there is no replication",
      "GET /v1/catalog/datacenters": "the datacenter's name",
      "GET /v1/coordinate/datacenters": "the same",
      "GET /ui/": page,
    },
    filtered: [
      "GET /v1/agent/members",
      "GET /v1/agent/services",
      "GET /v1/agent/checks",
      "GET /v1/catalog/nodes",
      "GET /v1/catalog/services",
      "GET /v1/catalog/service/vault",
      "GET /v1/health/state/any",
      "GET /v1/health/service/vault",
      "GET /v1/kv/?keys",
      "GET /v1/session/list",
      "GET /v1/event/list",
      "GET /v1/query",
      "GET /v1/coordinate/nodes",
      "GET /v1/connect/intentions",
      "GET /v1/config/service-defaults",
      "GET /v1/internal/ui/nodes",
      "GET /v1/internal/ui/services",
    ],
    closed: [
      "GET /v1/agent/host",
      "GET /v1/acl/tokens",
      "GET /v1/acl/policies",
      "GET /v1/acl/roles",
      "GET /v1/acl/auth-methods",
      "GET /v1/acl/binding-rules",
      "GET /v1/acl/templated-policies",
      "GET /v1/connect/ca/configuration",
      "GET /v1/operator/raft/configuration",
      "GET /v1/operator/autopilot/configuration",
      "GET /v1/operator/autopilot/health",
      "GET /v1/operator/autopilot/state",
      "GET /v1/operator/usage",
      "GET /debug/pprof/",
    ],
    closedWrites: [
      "PUT /v1/acl/bootstrap",
      "PUT /v1/kv/anything",
      "DELETE /v1/kv/anything",
      "PUT /v1/session/create",
      "GET /v1/snapshot",
      // Servers lose the token where they send it on to the leader: the operator is refused now and then, too.
      "GET /v1/exported-services",
      // Every member must answer by gossip in time: on a busy host now and then one does not, and that is a 500.
      "GET /v1/operator/keyring",
      "PUT /v1/agent/leave",
      "PUT /v1/agent/force-leave/nobody",
      "PUT /v1/agent/join/192.0.2.1",
      "PUT /v1/agent/reload",
      "PUT /v1/agent/maintenance?enable=true",
    ],
    // The ingress asks its agent where it is; the right to that shows the agent's figures and log, too.
    tasks: [
      "GET /v1/catalog/service/vault",
      "GET /v1/health/service/vault",
      "GET /v1/agent/self",
      "GET /v1/agent/metrics",
    ],
  },
  nomad: {
    anyone: {
      "GET /v1/status/leader": "support and the CLI look for a leader by it",
      "GET /v1/status/peers": "as above; addresses of the servers",
      "GET /.well-known/jwks.json":
        "public keys of workload identities: Consul and Vault read them, and show no token",
      "GET /v1/agent/health": "that it lives",
      "GET /v1/regions": "the region's name",
      "GET /v1/metrics": "Nomad has no right for it: figures of the agent, names of machines",
      "GET /v1/acl/auth-methods": "ways to log in from the page; there is none",
      "GET /v1/volumes": "no volumes",
      "GET /v1/plugins": "no plugins",
      "GET /v1/operator/license": "that there is none",
      "PUT /v1/agent/join?address=[::1]:9":
        "Nomad has no right for it yet; who joins must have the gossip key, and then a server's certificate",
      "GET /ui/": page,
    },
    filtered: [
      "GET /v1/namespaces",
      "GET /v1/node/pools",
      "GET /v1/vars",
      "GET /v1/acl/policies",
      "GET /v1/acl/roles",
    ],
    closed: [
      "GET /v1/agent/self",
      "GET /v1/agent/members",
      "GET /v1/agent/host",
      "GET /v1/agent/schedulers",
      "GET /v1/agent/pprof/cmdline",
      "GET /v1/agent/keyring/list",
      "GET /v1/jobs",
      "GET /v1/job/ingress?namespace=ingress",
      "GET /v1/nodes",
      "GET /v1/allocations",
      "GET /v1/allocations?namespace=*",
      "GET /v1/evaluations",
      "GET /v1/deployments",
      "GET /v1/services",
      "GET /v1/namespace/default",
      "GET /v1/acl/tokens",
      "GET /v1/acl/binding-rules",
      "GET /v1/operator/raft/configuration",
      "GET /v1/operator/autopilot/configuration",
      "GET /v1/operator/autopilot/health",
      "GET /v1/operator/scheduler/configuration",
      "GET /v1/operator/keyring/keys",
      "GET /v1/scaling/policies",
    ],
    closedWrites: [
      "GET /v1/var/nomad/jobs",
      "POST /v1/jobs/parse",
      "GET /v1/operator/snapshot",
      "PUT /v1/agent/force-leave?node=nobody",
      "GET /v1/event/stream?topic=Node",
      "PUT /v1/system/gc",
    ],
    tasks: [],
  },
  vault: {
    anyone: {
      "GET /v1/sys/health": "support and the CLI look for the active server by it",
      "GET /v1/sys/seal-status": "whether it is sealed, its version and the cluster's name",
      "GET /v1/sys/init": "whether it is initialised",
      "GET /v1/sys/leader": "addresses of the active server",
      "GET /v1/sys/replication/status": "that there is no replication",
      "GET /v1/sys/rekey/init":
        "Vault cannot close it: progress of new keys; three recovery keys are asked for",
      "GET /v1/sys/rekey-recovery-key/init": "the same",
      "GET /v1/sys/generate-root/attempt":
        "the same, of a new root token; anybody may begin or break off an attempt",
      "GET /v1/sys/internal/ui/mounts": "what its page shows before a login: no mount is listed",
      "GET /v1/sys/internal/ui/feature-flags": "as above: none",
      "GET /v1/sys/internal/ui/unauthenticated-messages": "as above: none",
      "GET /v1/sys/internal/ui/authenticated-messages": "as above: none",
      "GET /v1/sys/internal/specs/openapi": "the API's description, of what the asker may call",
      "GET /v1/identity/oidc/.well-known/keys": "public keys of an issuer that nobody here trusts",
      "GET /v1/identity/oidc/.well-known/openid-configuration": "the same",
      "GET /ui/": page,
    },
    filtered: [],
    closed: [
      "GET /v1/sys/ha-status",
      "GET /v1/sys/mounts",
      "GET /v1/sys/auth",
      "GET /v1/sys/audit",
      "GET /v1/sys/policies/acl?list=true",
      "GET /v1/sys/storage/raft/configuration",
      "GET /v1/sys/storage/raft/autopilot/state",
      "GET /v1/auth/token/accessors?list=true",
      "GET /v1/secret/metadata?list=true",
      "GET /v1/identity/entity/id?list=true",
      "GET /v1/certificates/ingress/ingress/site",
    ],
    closedWrites: [
      "GET /v1/sys/host-info",
      "GET /v1/sys/metrics",
      "GET /v1/sys/pprof/cmdline",
      "GET /v1/sys/in-flight-req",
      "GET /v1/sys/monitor",
      "GET /v1/sys/key-status",
      "GET /v1/sys/config/state/sanitized",
      "GET /v1/sys/storage/raft/snapshot",
      "PUT /v1/sys/seal",
      "PUT /v1/sys/step-down",
      "POST /v1/auth/token/create-orphan",
      "PUT /v1/sys/audit/file",
      "PUT /v1/sys/policies/acl/anything",
    ],
    tasks: ["GET /v1/secret/data/website/website", "GET /v1/auth/token/lookup-self"],
  },
} as const satisfies Record<string, Endpoints>;

/** For a reviewer. */
export function endpointsText(): string {
  const list = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? [`  ${title}:`, ...lines.map((line) => `    ${line}`)] : [];
  return Object.entries(endpoints as Record<string, Endpoints>)
    .flatMap(([service, { anyone, filtered, closed, closedWrites, tasks }]) => [
      `What the API of ${service} answers`,
      ...list(
        "to anybody who reaches it",
        Object.entries(anyone).map(([what, why]) => `${what}  (${why})`),
      ),
      ...list("to anybody, but nothing is in it without a token that may see it", filtered),
      ...list("with HTTP 403 without a token, with a wrong one, with a task's; to the operator", closed),
      ...list("with HTTP 403 without a token, with a wrong one, with a task's", closedWrites),
      ...list("to a task's own token", tasks),
      "",
    ])
    .join("\n");
}
