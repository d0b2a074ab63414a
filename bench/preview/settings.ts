/** Settings of clusters that are only previewed: the dev stack with as many general clients as asked for. Pure. */
export function previewSettings(clients: number): Record<string, unknown> {
  const digits = String(clients).length;
  const keys = Array.from({ length: clients }, (_, index) => `n${String(index + 1).padStart(digits, "0")}`);
  return {
    name: "bench",
    // Room for twice the machines, as the settings ask.
    network: { ipv4: "10.80.0.0/16", ipv6: "fd00:1ab::/64" },
    groups: {
      support: { roles: ["support"], keys: ["a"] },
      control: { roles: ["consul-server", "vault-server", "nomad-server"], keys: ["a", "b", "c"] },
      client: { roles: ["nomad-client"], keys, nodeClass: "general" },
      edge: { roles: ["nomad-client"], keys: ["a", "b"], nodeClass: "load-balancer", public: true },
    },
  };
}
