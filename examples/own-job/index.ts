import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster, NomadJob, publish, readSettings, Site } from "pulumi-hashistack";

const settings = readSettings();
const cluster = new Cluster(settings.name, { settings });
const site = new Site("site", { cluster, settings });

// A program that support's image carries, or a text, in the store from which the cluster's machines fetch.
const caddy = publish(
  cluster,
  "hello-caddy",
  { program: "caddy", version: settings.versions.caddy },
  cluster,
);

const hello = new NomadJob(
  "hello",
  {
    support: cluster.access.support,
    nomad: cluster.access.nomad,
    consul: cluster.access.consul,
    jobId: "hello",
    namespace: "default",
    spec: {
      id: "hello",
      namespace: "default",
      hcl: readFileSync(join(__dirname, "hello.nomad.hcl"), "utf8"),
      variables: {
        datacenter: settings.datacenter,
        domain: settings.site.domain,
        text: "Hello from a job.\n",
        program: caddy,
      },
    },
    // There when Consul has seen it well once.
    services: [{ name: "hello", passing: 1 }],
  },
  { dependsOn: cluster.ready },
);

export const job = hello.jobId;
export const siteUrl = site.url;
export const siteDomain = settings.site.domain;

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
