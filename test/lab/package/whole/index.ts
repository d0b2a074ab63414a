import { Cluster, parseSettings, Site } from "pulumi-hashistack";

const settings = parseSettings({
  name: "whole",
  groups: {
    support: { roles: ["support"], keys: ["a"] },
    server: { roles: ["consul-server", "vault-server", "nomad-server"], keys: ["a", "b", "c"] },
    worker: { roles: ["nomad-client"], keys: ["a", "b"] },
    edge: { roles: ["nomad-client"], keys: ["a"], nodeClass: "load-balancer" },
  },
});
const cluster = new Cluster(settings.name, { settings });
new Site("site", { cluster, settings });

export const apis = cluster.apis;
