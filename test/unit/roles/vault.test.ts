import { expect, test } from "vitest";
import { renderVaultServer } from "../../../components/roles/vault";
import { fileOf, jsonOf, unitOf, vaultServer } from "./example";

const configFile = "/etc/vault.d/vault.json";
const storageFile = "/etc/vault.d/storage.json";
const plan = renderVaultServer(vaultServer());
const config = jsonOf(plan, configFile) as {
  listener: { tcp: Record<string, unknown> }[];
  seal: { transit: Record<string, unknown> };
  service_registration: { consul: Record<string, unknown> };
};

const storageOf = (of: typeof plan) =>
  jsonOf(of, storageFile).storage as { raft: Record<string, unknown> & { retry_join: unknown[] } };

test("its one listener speaks TLS 1.2 or newer", () => {
  expect(config.listener).toHaveLength(1);
  expect(config.listener[0]?.tcp).toEqual({
    address: "[::]:8200",
    cluster_address: "[fd00:1ab::11]:8201",
    tls_cert_file: "/etc/ssl/vault/cert.pem",
    tls_key_file: "/etc/ssl/vault/key.pem",
    tls_min_version: "tls12",
  });
});

test("it joins every other server, verified by CA and name, and never itself", () => {
  expect(storageOf(plan).raft.retry_join).toEqual(
    ["[fd00:1ab::12]", "[fd00:1ab::13]"].map((host) => ({
      leader_api_addr: `https://${host}:8200`,
      leader_ca_cert_file: "/etc/ssl/vault/ca.pem",
      leader_tls_servername: "vault.service.consul",
    })),
  );
});

test("a lone server has nobody to join, and does not say so by an empty list, which Vault refuses", () => {
  const { address } = vaultServer();
  const lone = renderVaultServer({ ...vaultServer(), servers: [address] });
  expect(storageOf(lone).raft).not.toHaveProperty("retry_join");
});

test("other servers to join are no reason for a restart, another multiplier is", () => {
  const [unit] = plan.units ?? [];
  const fewer = renderVaultServer({ ...vaultServer(), servers: [vaultServer().address] });
  expect(fileOf(fewer, storageFile).notifies).toEqual([]);
  expect(fewer.units).toEqual(plan.units);
  const slower = renderVaultServer({ ...vaultServer(), performanceMultiplier: 5 });
  expect(storageOf(slower).raft.performance_multiplier).toBe("5");
  expect(slower.units?.[0]?.content).not.toBe(unit?.content);
});

test("it unseals by support's key: by address, verified by support's CA and name, without Consul", () => {
  expect(config.seal.transit).toMatchObject({
    address: "https://[fd00:1ab::2]:8210",
    tls_ca_cert: "/etc/ssl/support/ca.pem",
    tls_server_name: "support.dev.internal",
  });
  expect(fileOf(plan, "/etc/ssl/support/ca.pem").content).toBe("root of support\n");
  expect(config.seal.transit).not.toHaveProperty("tls_skip_verify");
});

test("it registers at its own machine's agent, by TLS", () => {
  expect(config.service_registration.consul).toMatchObject({
    address: "127.0.0.1:8501",
    scheme: "https",
    tls_ca_file: "/etc/ssl/consul/ca.pem",
  });
});

test("its memory never goes to disk, its audit log is its own, and a change waits for its turn", () => {
  const unit = unitOf(plan, "vault.service");
  expect(unit.content).toMatch(/^MemorySwapMax=0$/m);
  expect(unit.content).toMatch(/^LimitCORE=0$/m);
  expect(unit.content).toMatch(/^User=vault$/m);
  expect(unit.onChange).toBe("rollout");
  expect(plan.directories).toContainEqual({
    path: "/var/log/vault",
    owner: "vault",
    group: "vault",
    mode: "0700",
  });
});

test("with IPv4 addresses stand without brackets", () => {
  expect(jsonOf(renderVaultServer(vaultServer("ipv4")), configFile)).toMatchObject({
    api_addr: "https://198.51.100.11:8200",
    cluster_addr: "https://198.51.100.11:8201",
    seal: { transit: { address: "https://198.51.100.2:8210" } },
  });
});
