import { Cluster, DomainAddress, readSettings, Site } from "pulumi-hashistack";

const settings = readSettings();
const cluster = new Cluster(settings.name, { settings });
const site = new Site("site", { cluster, settings });

// Visitors are sent only by the stack that owns the domain, and only to a site that answers.
if (settings.dns?.owned) {
  new DomainAddress("site", {
    dns: settings.dns,
    domain: settings.site.domain,
    balancers: cluster.balancerAddresses,
    after: [site.answers],
  });
}

// The command line reads these.
export const siteUrl = site.url;
export const plan = cluster.plan;
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
