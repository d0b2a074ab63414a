import { Cluster, parseSettings } from "pulumi-hashistack";

// Three machines: one server that dies takes the cluster with it, so this is to look at and to try things on.
const settings = parseSettings({
  name: "small",
  groups: {
    support: { roles: ["support"], keys: ["a"] },
    server: { roles: ["consul-server", "vault-server", "nomad-server"], keys: ["a"] },
    worker: { roles: ["nomad-client"], keys: ["a"] },
  },
  site: { enabled: false },
});
const cluster = new Cluster(settings.name, { settings });

// The command line reads these.
export const support = cluster.support;
export const loadBalancers = cluster.loadBalancers;
export const machines = cluster.machines;
export const ca = cluster.ca;
export const apis = cluster.apis;
export const consulToken = cluster.consulToken;
export const nomadToken = cluster.nomadToken;
export const vaultLogin = cluster.vaultLogin;
export const recoveryKeys = cluster.recoveryKeys;
export const sshPrivateKey = cluster.sshPrivateKey;
