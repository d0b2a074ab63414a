import type { PlanFragment, PlannedFile } from "../provisioning/plan";
import { urlHost } from "../topology/members";
import { type Leaf, leafCertificate } from "./leaf";
import { type TaskFilter, taskFilterFragment } from "./task-filter";
import { daemonUnit, hardening } from "./units";

/** What every Nomad agent is made of. Plain values. */
export interface NomadAgent {
  node: string;
  region: string;
  datacenter: string;
  version: string;
  address: string;
  /** Addresses of the Nomad servers. */
  servers: readonly string[];
  /** Token by which the agent registers itself and its services in Consul. */
  consulToken: string;
  leaf: Leaf;
}

export interface NomadServerPlan extends NomadAgent {
  expect: number;
  raftMultiplier: number;
  /** Gossip key, 32 bytes in base64. */
  gossipKey: string;
}

export interface NomadClientPlan extends NomadAgent, TaskFilter {
  family: string;
  /** Root certificate of Vault's CA: tasks and templates talk to Vault. */
  vaultCaPem: string;
  /** Root certificate of the "support" service: artifacts come from there. */
  supportCaPem: string;
  /** What the machine has, where its own view is wrong (a machine that shares its kernel sees the whole host). */
  memoryMb?: number;
  cpuMhz?: number;
}

const tlsDirectory = "/etc/ssl/nomad";

function agentConfig(agent: NomadAgent): Record<string, unknown> {
  const identity = { aud: ["consul.io"], ttl: "1h" };
  return {
    name: agent.node,
    region: agent.region,
    datacenter: agent.datacenter,
    data_dir: "/var/lib/nomad",
    bind_addr: "::",
    // Nomad itself puts the brackets of IPv6.
    advertise: { http: agent.address, rpc: agent.address, serf: agent.address },
    disable_update_check: true,
    acl: { enabled: true },
    tls: {
      http: true,
      rpc: true,
      ca_file: `${tlsDirectory}/ca.pem`,
      cert_file: `${tlsDirectory}/cert.pem`,
      key_file: `${tlsDirectory}/key.pem`,
      verify_server_hostname: true,
      // Vault and Consul read the keys of workload identities here and cannot present a certificate; ACLs guard HTTP.
      verify_https_client: false,
    },
    consul: {
      address: "127.0.0.1:8501",
      ssl: true,
      ca_file: "/etc/ssl/consul/ca.pem",
      checks_use_advertise: true,
      service_identity: identity,
      task_identity: identity,
    },
    vault: {
      enabled: true,
      address: "https://active.vault.service.consul:8200",
      ca_file: "/etc/ssl/vault/ca.pem",
      default_identity: { aud: ["vault.io"], ttl: "1h" },
    },
  };
}

/**
 * What an `exec` task finds in its root besides what it brings: names, names' addresses, public authorities, a shell.
 * Files alone: Nomad refuses an artifact when a link in the task's directory leads out of it, and whole directories of a
 * Debian are full of such. What a machine lacks is passed over.
 */
const chrootEnv = {
  "/etc/group": "/etc/group",
  "/etc/hosts": "/etc/hosts",
  "/etc/nsswitch.conf": "/etc/nsswitch.conf",
  "/etc/passwd": "/etc/passwd",
  "/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt",
  "/run/systemd/resolve/stub-resolv.conf": "/etc/resolv.conf",
  "/usr/bin/dash": "/bin/sh",
  "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": "/lib64/ld-linux-x86-64.so.2",
  "/lib/x86_64-linux-gnu/libc.so.6": "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1": "/lib/ld-linux-aarch64.so.1",
  "/lib/aarch64-linux-gnu/libc.so.6": "/lib/aarch64-linux-gnu/libc.so.6",
};

/**
 * What an `exec` task may be: nobody that the machine knows otherwise (root, daemons, administrators), with no right but to
 * listen on a port below 1024. Nomad's own default would let each become another user, root included.
 */
const execDriver = {
  allow_caps: ["net_bind_service"],
  denied_host_uids: "0-59999",
  // Not 0: Nomad 1.11 takes every user for one of that group, too (`getGroupsID` of its validators).
  denied_host_gids: "1-59999",
};

function configFile(
  path: string,
  content: unknown,
  group: string,
  action: "rollout" | "restart",
): PlannedFile {
  return {
    path,
    content: `${JSON.stringify(content, null, 2)}\n`,
    owner: "root",
    group,
    mode: "0640",
    notifies: [{ unit: "nomad.service", action }],
  };
}

/** Whom to ask at a start: no reason for one, since who runs is told of the others by those it knows. */
function seedsFile(content: unknown, group: string): PlannedFile {
  return { ...configFile("/etc/nomad.d/seeds.json", content, group, "restart"), notifies: [] };
}

/**
 * How long after its time a client's heartbeat is waited for. A client that turns to a server which is gone notices after ten
 * seconds (helper/pool/pool.go); with Nomad's default, ten too, it then comes some milliseconds late, is taken for lost and
 * heard of at once, and may stay "initializing" for good: hashicorp/nomad#18541.
 */
const heartbeatGrace = "15s";

/** Renders what a machine needs to be a Nomad server. */
export function renderNomadServer(server: NomadServerPlan): PlanFragment {
  const config = {
    ...agentConfig(server),
    server: {
      enabled: true,
      bootstrap_expect: server.expect,
      raft_multiplier: server.raftMultiplier,
      heartbeat_grace: heartbeatGrace,
    },
  };
  const seeds = {
    server: { server_join: { retry_join: server.servers.map(urlHost), retry_interval: "1s" } },
  };
  // Servers hand out no Vault tokens: they need neither its address nor its certificate.
  const vault = { enabled: true, default_identity: { aud: ["vault.io"], ttl: "1h" } };
  return {
    users: [{ name: "nomad", home: "/var/lib/nomad" }],
    directories: [
      { path: "/etc/nomad.d", owner: "root", group: "nomad", mode: "0750" },
      { path: "/var/lib/nomad", owner: "nomad", group: "nomad", mode: "0700" },
    ],
    programs: [{ name: "nomad", version: server.version }],
    files: [
      configFile("/etc/nomad.d/agent.json", { ...config, vault }, "nomad", "rollout"),
      seedsFile(seeds, "nomad"),
      configFile(
        "/etc/nomad.d/secrets.json",
        { consul: { token: server.consulToken }, server: { encrypt: server.gossipKey } },
        "nomad",
        "rollout",
      ),
    ],
    certificates: [leafCertificate("nomad", server.leaf, "nomad", "nomad.service")],
    units: [
      daemonUnit({
        name: "nomad",
        description: "Nomad server",
        user: "nomad",
        exec: "/usr/local/bin/nomad agent -config=/etc/nomad.d",
        after: ["consul.service"],
        service: hardening,
        onChange: "rollout",
      }),
    ],
    checks: [
      {
        what: "Nomad's server listens",
        kind: "tcp",
        target: "[::1]:4646",
        timeoutSeconds: 60,
        journalOf: "nomad.service",
      },
    ],
  };
}

/** Renders what a machine needs to be a Nomad client. */
export function renderNomadClient(client: NomadClientPlan): PlanFragment {
  const config = {
    ...agentConfig(client),
    leave_on_terminate: false,
    client: {
      enabled: true,
      node_class: client.nodeClass,
      preferred_address_family: client.family,
      // Where members are, wherever the default route leads: tasks' ports are there, and their services are told of it.
      network_interface: `{{ GetAllInterfaces | include "address" "^${client.address.replaceAll(".", "[.]")}(/|$)" | attr "name" }}`,
      ...(client.memoryMb === undefined ? {} : { memory_total_mb: client.memoryMb }),
      ...(client.cpuMhz === undefined ? {} : { cpu_total_compute: client.cpuMhz }),
      // Each of these asks a metadata address that none of our clouds answers, and waits for it.
      options: { "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean" },
      // The child that fetches artifacts runs in a sandbox: it is told which authority to trust, and may read its file.
      artifact: {
        set_environment_variables: "SSL_CERT_FILE",
        filesystem_isolation_extra_paths: ["f:r:/etc/ssl/support/ca.pem"],
      },
      // A Vault that is silent for minutes is no reason to end tasks: what they were given is still right.
      template: { vault_retry: { attempts: 0, backoff: "250ms", max_backoff: "10s" } },
      cni_path: "/usr/lib/cni",
      chroot_env: chrootEnv,
      min_dynamic_port: 20000,
      max_dynamic_port: 32000,
    },
    plugin: { exec: { config: execDriver } },
  };
  const caFile = (path: string, content: string): PlannedFile => ({
    path,
    content,
    owner: "root",
    group: "root",
    mode: "0644",
    notifies: [{ unit: "nomad.service", action: "restart" }],
  });
  const filter = taskFilterFragment(client);
  return {
    directories: [
      { path: "/etc/nomad.d", owner: "root", group: "root", mode: "0700" },
      { path: "/etc/ssl/vault", owner: "root", group: "root", mode: "0755" },
      { path: "/etc/ssl/support", owner: "root", group: "root", mode: "0755" },
      { path: "/var/lib/nomad", owner: "root", group: "root", mode: "0700" },
    ],
    programs: [{ name: "nomad", version: client.version }],
    files: [
      ...filter.files,
      caFile("/etc/ssl/vault/ca.pem", client.vaultCaPem),
      caFile("/etc/ssl/support/ca.pem", client.supportCaPem),
      configFile("/etc/nomad.d/agent.json", config, "root", "restart"),
      seedsFile({ client: { servers: client.servers.map((address) => `${urlHost(address)}:4647`) } }, "root"),
      configFile("/etc/nomad.d/secrets.json", { consul: { token: client.consulToken } }, "root", "restart"),
    ],
    certificates: [leafCertificate("nomad", client.leaf, "root", "nomad.service")],
    units: [
      ...filter.units,
      daemonUnit({
        name: "nomad",
        description: "Nomad client",
        user: "root",
        exec: "/usr/local/bin/nomad agent -config=/etc/nomad.d",
        after: ["consul.service", "hashistack-tasks.service"],
        service: [
          // Tasks are the client's children: they outlive its restart, and their limits are its own to set.
          "KillMode=process",
          "Delegate=yes",
          "TasksMax=infinity",
          "OOMScoreAdjust=-1000",
          // Artifacts are verified against support's authority and nothing else.
          "Environment=SSL_CERT_FILE=/etc/ssl/support/ca.pem",
        ],
        onChange: "restart",
      }),
    ],
    checks: [
      {
        what: "Nomad's client listens",
        kind: "tcp",
        target: "[::1]:4646",
        timeoutSeconds: 60,
        journalOf: "nomad.service",
      },
    ],
  };
}
