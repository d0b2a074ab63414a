import { readAsset } from "../provisioning/assets";
import type { PlanFragment } from "../provisioning/plan";
import { urlHost } from "../topology/members";
import { type GivenCertificate, givenCertificate, type Leaf, leafCertificate } from "./leaf";
import { daemonUnit, hardening } from "./units";

/** What a Consul agent is made of, server or client. Plain values. */
export interface ConsulAgent {
  /** Consul's node name: the machine's host name. */
  node: string;
  datacenter: string;
  version: string;
  /** Address that members use for this machine. */
  address: string;
  /** Addresses of the servers, this one included where it is a server. */
  servers: readonly string[];
  /** How many servers there shall be; 0 for a client agent. */
  expect: number;
  /** Raft timing multiplier of servers: 1 is quick, 5 forgives slow disks and busy cores. */
  raftMultiplier: number;
  /** Gossip key, 32 bytes in base64. */
  gossipKey: string;
  /** Token by which the agent registers itself. */
  agentToken: string;
  /** Token by which the agent answers DNS. */
  dnsToken: string;
  /** Servers only: the token that may do everything; it closes Consul's bootstrap for everybody else. */
  managementToken?: string;
  /** Of our own authority; or else `given`. */
  leaf?: Leaf;
  /** Of the authority of a Consul that others made. */
  given?: GivenCertificate;
}

const tlsDirectory = "/etc/ssl/consul";

/**
 * A client agent has started when it has joined: Nomad, which comes after it, looks for Consul once and then only every
 * 15 s. A server does not wait for others: Vault comes after it and needs no Consul.
 */
const joined = "Type=notify";

/** A server that leads hands over before it stops. Where that fails it stops all the same. */
const stopProgram = "/usr/local/lib/hashistack/consul_stop.py";
const handsOver = `ExecStop=-/usr/bin/python3 -E -s -B ${stopProgram}`;

function agentConfig(agent: ConsulAgent): Record<string, unknown> {
  const server = agent.expect > 0;
  return {
    datacenter: agent.datacenter,
    node_name: agent.node,
    data_dir: "/var/lib/consul",
    bind_addr: agent.address,
    advertise_addr: agent.address,
    client_addr: "127.0.0.1",
    // Servers answer support's pass-through; a client's API is for its own machine.
    addresses: { https: server ? "::" : "127.0.0.1" },
    ports: { http: -1, https: 8501, grpc: -1, grpc_tls: 8503, dns: 8600, serf_wan: -1 },
    // The default of 30 s would make a parallel start take half a minute.
    retry_interval: "1s",
    rejoin_after_leave: true,
    disable_update_check: true,
    tls: {
      defaults: {
        ca_file: `${tlsDirectory}/ca.pem`,
        cert_file: `${tlsDirectory}/cert.pem`,
        key_file: `${tlsDirectory}/key.pem`,
        verify_incoming: false,
        verify_outgoing: true,
      },
      internal_rpc: { verify_incoming: true, verify_server_hostname: true },
    },
    acl: { enabled: true, default_policy: "deny", down_policy: "extend-cache" },
    ...(server
      ? {
          server: true,
          bootstrap_expect: agent.expect,
          performance: { raft_multiplier: agent.raftMultiplier },
          ui_config: { enabled: true },
        }
      : {}),
  };
}

function agentSecrets(agent: ConsulAgent): Record<string, unknown> {
  return {
    encrypt: agent.gossipKey,
    acl: {
      tokens: {
        agent: agent.agentToken,
        dns: agent.dnsToken,
        ...(agent.managementToken ? { initial_management: agent.managementToken } : {}),
      },
    },
  };
}

const plainly = { owner: "root", group: "root", mode: "0644" } as const;

/** Names of `.consul` are asked of the machine's own agent; nothing else listens for names. */
const resolved = "[Resolve]\nDNS=127.0.0.1:8600\nDomains=~consul\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\n";

/** Renders what a machine needs to be a Consul server. */
export function renderConsulServer(agent: ConsulAgent): PlanFragment {
  return renderConsulAgent(agent);
}

/** Renders what a machine needs to be a Consul client. */
export function renderConsulClient(agent: Omit<ConsulAgent, "expect" | "raftMultiplier">): PlanFragment {
  return renderConsulAgent({ ...agent, expect: 0, raftMultiplier: 1 });
}

function renderConsulAgent(agent: ConsulAgent): PlanFragment {
  const server = agent.expect > 0;
  const action = server ? "rollout" : "restart";
  const given = agent.given ? givenCertificate("consul", agent.given, "consul", "consul.service") : {};
  const file = (path: string, content: unknown) => ({
    path,
    content: `${JSON.stringify(content, null, 2)}\n`,
    owner: "root",
    group: "consul",
    mode: "0640",
    notifies: [{ unit: "consul.service", action } as const],
  });
  return {
    users: [{ name: "consul", home: "/var/lib/consul" }],
    directories: [
      ...(given.directories ?? []),
      { path: "/etc/consul.d", owner: "root", group: "consul", mode: "0750" },
      { path: "/var/lib/consul", owner: "consul", group: "consul", mode: "0700" },
    ],
    programs: [{ name: "consul", version: agent.version }],
    files: [
      ...(given.files ?? []),
      file("/etc/consul.d/agent.json", agentConfig(agent)),
      file("/etc/consul.d/secrets.json", agentSecrets(agent)),
      // Whom to ask at a start is no reason for one: who runs knows the others by gossip.
      { ...file("/etc/consul.d/seeds.json", { retry_join: agent.servers.map(urlHost) }), notifies: [] },
      ...(server
        ? [{ ...plainly, path: stopProgram, content: readAsset("provisioning/machine/consul_stop.py") }]
        : []),
      {
        ...plainly,
        path: "/etc/systemd/resolved.conf.d/consul.conf",
        content: resolved,
        notifies: [{ unit: "systemd-resolved.service", action: "restart" }],
      },
    ],
    certificates: agent.leaf ? [leafCertificate("consul", agent.leaf, "consul", "consul.service")] : [],
    units: [
      { name: "systemd-resolved.service", enable: true },
      daemonUnit({
        name: "consul",
        description: `Consul ${server ? "server" : "client"} agent`,
        user: "consul",
        exec: "/usr/local/bin/consul agent -config-dir=/etc/consul.d",
        onChange: action,
        service: [...hardening, server ? handsOver : joined],
      }),
    ],
    checks: [
      {
        what: "Consul's agent listens",
        kind: "tcp",
        target: "127.0.0.1:8501",
        timeoutSeconds: 60,
        journalOf: "consul.service",
      },
    ],
  };
}
