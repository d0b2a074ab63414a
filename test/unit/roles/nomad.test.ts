import { describe, expect, test } from "vitest";
import { renderNomadClient, renderNomadServer } from "../../../components/roles/nomad";
import { addresses, fileOf, jsonOf, nomadClient, nomadServer, unitOf } from "./example";

const agentFile = "/etc/nomad.d/agent.json";
const seedsFile = "/etc/nomad.d/seeds.json";
const secretsFile = "/etc/nomad.d/secrets.json";
const server = renderNomadServer(nomadServer());
const client = renderNomadClient(nomadClient());

describe.each([
  ["server", server],
  ["client", client],
])("a %s", (_, plan) => {
  const config = jsonOf(plan, agentFile);

  test("speaks TLS on every port, and takes only a server for a server", () => {
    expect(config.tls).toMatchObject({
      http: true,
      rpc: true,
      verify_server_hostname: true,
      ca_file: "/etc/ssl/nomad/ca.pem",
    });
    expect(config).not.toHaveProperty("ports");
  });

  test("asks everybody for a token", () => {
    expect(config.acl).toEqual({ enabled: true });
  });

  test("reaches Consul at its own machine by TLS; workloads log in with an identity of their own", () => {
    expect(config.consul).toEqual({
      address: "127.0.0.1:8501",
      ssl: true,
      ca_file: "/etc/ssl/consul/ca.pem",
      checks_use_advertise: true,
      service_identity: { aud: ["consul.io"], ttl: "1h" },
      task_identity: { aud: ["consul.io"], ttl: "1h" },
    });
    expect(config.vault).toMatchObject({ enabled: true, default_identity: { aud: ["vault.io"], ttl: "1h" } });
    expect(JSON.stringify(config.vault)).not.toContain("token");
  });

  test("keeps its secrets out of the file that tells the rest", () => {
    expect(fileOf(plan, agentFile).content).not.toContain("SECRET");
    expect(jsonOf(plan, secretsFile)).toMatchObject({ consul: { token: "SECRET-consul-token" } });
  });
});

test("a server waits for all, joins them by address, and encrypts gossip with a key of its own", () => {
  expect(jsonOf(server, agentFile)).toMatchObject({
    server: {
      enabled: true,
      bootstrap_expect: 3,
      raft_multiplier: 1,
      // More than the ten seconds in which a client notices that it asked a server which is gone.
      heartbeat_grace: "15s",
    },
  });
  expect(jsonOf(server, seedsFile)).toMatchObject({
    server: { server_join: { retry_join: addresses.ipv6.map((address) => `[${address}]`) } },
  });
  expect(fileOf(server, seedsFile).notifies).toEqual([]);
  expect(jsonOf(server, secretsFile)).toMatchObject({ server: { encrypt: "SECRET-gossip-key" } });
  expect(jsonOf(server, agentFile)).not.toHaveProperty("client");
  expect(unitOf(server, "nomad.service").onChange).toBe("rollout");
  expect(unitOf(server, "nomad.service").content).toMatch(/^User=nomad$/m);
});

test("a client knows its class, its servers, and no key of their gossip", () => {
  expect(jsonOf(client, agentFile)).toMatchObject({
    client: {
      enabled: true,
      node_class: "load-balancer",
      preferred_address_family: "ipv6",
      min_dynamic_port: 20000,
      max_dynamic_port: 32000,
    },
    vault: { address: "https://active.vault.service.consul:8200", ca_file: "/etc/ssl/vault/ca.pem" },
  });
  expect(jsonOf(client, seedsFile)).toEqual({
    client: { servers: addresses.ipv6.map((address) => `[${address}]:4647`) },
  });
  expect(jsonOf(client, agentFile)).not.toHaveProperty("server");
  expect(JSON.stringify(client)).not.toContain("SECRET-gossip-key");
});

test("tasks outlive the client's restart, and see no key of the machine's", () => {
  const unit = unitOf(client, "nomad.service");
  expect(unit.content).toMatch(/^KillMode=process$/m);
  expect(unit.onChange).toBe("restart");
  const { client: section } = jsonOf(client, agentFile) as { client: { chroot_env: Record<string, string> } };
  const shown = Object.keys(section.chroot_env);
  expect(shown).toContain("/etc/passwd");
  for (const hidden of [
    "/etc/ssl/consul",
    "/etc/ssl/nomad",
    "/etc/nomad.d",
    "/etc/consul.d",
    "/root",
    "/etc/shadow",
  ]) {
    expect(shown.filter((path) => `${hidden}/`.startsWith(`${path}/`))).toEqual([]);
  }
});

test("artifacts are verified against support's authority alone", () => {
  expect(unitOf(client, "nomad.service").content).toMatch(
    /^Environment=SSL_CERT_FILE=\/etc\/ssl\/support\/ca\.pem$/m,
  );
  expect(fileOf(client, "/etc/ssl/support/ca.pem").content).toBe("root of support\n");
});

test("a machine with a kernel of its own is believed what it says of itself", () => {
  const { memoryMb, cpuMhz, ...plan } = nomadClient();
  const { client: section } = jsonOf(renderNomadClient(plan), agentFile);
  expect(section).not.toHaveProperty("memory_total_mb");
  expect(section).not.toHaveProperty("cpu_total_compute");
  expect(jsonOf(client, agentFile).client).toMatchObject({
    memory_total_mb: memoryMb,
    cpu_total_compute: cpuMhz,
  });
});

test("with IPv4 addresses stand without brackets", () => {
  expect(jsonOf(renderNomadClient(nomadClient("ipv4")), agentFile)).toMatchObject({
    advertise: { http: "198.51.100.11", rpc: "198.51.100.11", serf: "198.51.100.11" },
    client: { preferred_address_family: "ipv4" },
  });
  expect(jsonOf(renderNomadClient(nomadClient("ipv4")), seedsFile)).toEqual({
    client: { servers: addresses.ipv4.map((address) => `${address}:4647`) },
  });
  expect(jsonOf(renderNomadServer(nomadServer("ipv4")), seedsFile)).toMatchObject({
    server: { server_join: { retry_join: [...addresses.ipv4] } },
  });
});
