import { describe, expect, test } from "vitest";
import { renderConsulClient, renderConsulServer } from "../../../components/roles/consul";
import { addresses, consulClient, consulServer, fileOf, jsonOf, unitOf } from "./example";

const agentFile = "/etc/consul.d/agent.json";
const seedsFile = "/etc/consul.d/seeds.json";
const secretsFile = "/etc/consul.d/secrets.json";
const server = renderConsulServer(consulServer());
const client = renderConsulClient(consulClient());

describe.each([
  ["server", server],
  ["client", client],
])("a %s", (_, plan) => {
  const config = jsonOf(plan, agentFile);

  test("has no plain port, and speaks with nobody beyond its datacenter", () => {
    expect(config.ports).toEqual({
      http: -1,
      https: 8501,
      grpc: -1,
      grpc_tls: 8503,
      dns: 8600,
      serf_wan: -1,
    });
    expect(config.client_addr).toBe("127.0.0.1");
  });

  test("denies who shows no token, and never falls back to allowing", () => {
    expect(config.acl).toEqual({ enabled: true, default_policy: "deny", down_policy: "extend-cache" });
  });

  test("speaks mutual TLS, and takes only a server for a server", () => {
    expect(config.tls).toEqual({
      defaults: expect.objectContaining({ verify_outgoing: true, ca_file: "/etc/ssl/consul/ca.pem" }),
      internal_rpc: { verify_incoming: true, verify_server_hostname: true },
    });
  });

  test("keeps gossip key and tokens out of the file that tells the rest", () => {
    expect(fileOf(plan, agentFile).content).not.toContain("SECRET");
    expect(jsonOf(plan, secretsFile)).toMatchObject({
      encrypt: "SECRET-gossip-key",
      acl: { tokens: { agent: "SECRET-agent-token", dns: "SECRET-dns-token" } },
    });
  });

  test("joins all servers by their addresses, at its own", () => {
    expect(jsonOf(plan, seedsFile)).toEqual({ retry_join: addresses.ipv6.map((address) => `[${address}]`) });
    expect(fileOf(plan, seedsFile).notifies).toEqual([]);
    expect(config).toMatchObject({ bind_addr: "fd00:1ab::11", advertise_addr: "fd00:1ab::11" });
  });

  test("runs as a user without rights", () => {
    const { content } = unitOf(plan, "consul.service");
    expect(content).toMatch(/^User=consul$/m);
    expect(content).toMatch(/^CapabilityBoundingSet=$/m);
    expect(content).toMatch(/^NoNewPrivileges=yes$/m);
  });

  test("resolves .consul through its own agent alone", () => {
    const { content } = fileOf(plan, "/etc/systemd/resolved.conf.d/consul.conf");
    expect(content).toContain("DNS=127.0.0.1:8600\nDomains=~consul\n");
  });
});

test("a server waits for all, serves HTTPS beyond loopback, and closes the bootstrap by a token of the stack's", () => {
  expect(jsonOf(server, agentFile)).toMatchObject({
    server: true,
    bootstrap_expect: 3,
    performance: { raft_multiplier: 1 },
    addresses: { https: "::" },
  });
  expect(jsonOf(server, secretsFile)).toMatchObject({
    acl: { tokens: { initial_management: "SECRET-management-token" } },
  });
  expect(unitOf(server, "consul.service").onChange).toBe("rollout");
});

test("a client's API is for its own machine, it may manage nothing, and restarts at once", () => {
  expect(jsonOf(client, agentFile)).toMatchObject({ addresses: { https: "127.0.0.1" } });
  expect(Object.keys(jsonOf(client, agentFile))).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/^(server|bootstrap_expect|ui_config|performance)$/)]),
  );
  expect(JSON.stringify(jsonOf(client, secretsFile))).not.toContain("management");
  expect(unitOf(client, "consul.service").onChange).toBe("restart");
});

test("with IPv4 addresses stand without brackets", () => {
  const plan = renderConsulServer(consulServer("ipv4"));
  expect(jsonOf(plan, agentFile)).toMatchObject({ bind_addr: "198.51.100.11" });
  expect(jsonOf(plan, seedsFile)).toEqual({ retry_join: [...addresses.ipv4] });
});
