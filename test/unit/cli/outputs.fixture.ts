import type { Outputs } from "../../../cli/outputs";

/** A small stack's outputs. */
export function outputsFixture(): Outputs {
  const machine = (last: number, roles: string[]) => ({
    id: `id-${last}`,
    privateIpv4: `198.51.100.${last}`,
    privateIpv6: `fd00:1ab::${last}`,
    publicIpv4: undefined,
    publicIpv6: undefined,
    roles,
    hostKey: `ssh-ed25519 KEY${last} comment`,
  });
  const servers = ["consul-server", "vault-server", "nomad-server"];
  return {
    siteUrl: "https://127.77.0.3",
    support: { name: "support-a", address: "127.77.0.2", user: "ops", hostKey: "ssh-ed25519 KEY2" },
    loadBalancers: [{ name: "edge-a", address: "127.77.0.3", privateIpv6: "fd00:1ab::9" }],
    machines: {
      "support-a": machine(2, ["support"]),
      "control-a": machine(3, servers),
      "control-b": machine(4, servers),
      "control-c": machine(5, servers),
      "client-a": machine(6, ["nomad-client"]),
      "edge-a": machine(9, ["nomad-client"]),
    },
    ca: { consul: "CONSUL CA\n", nomad: "NOMAD CA", vault: "VAULT CA", site: "SITE CA" },
    apis: {
      consul: { address: "https://127.77.0.2:8501", serverName: "server.dc1.consul" },
      nomad: { address: "https://127.77.0.2:4646", serverName: "server.global.nomad" },
      vault: { address: "https://127.77.0.2:8200", serverName: "active.vault.service.consul" },
    },
    consulToken: "consul-secret",
    nomadToken: "nomad-secret",
    vaultLogin: { roleId: "role", secretId: "secret", path: "approle" },
    sshPrivateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----",
  };
}
