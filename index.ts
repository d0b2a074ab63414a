import { Acme } from "./components/acme";
import { Cluster } from "./components/cluster";
import { DomainAddress } from "./components/dns/domain-address";
import { readSettings } from "./components/settings";
import { Site } from "./components/site";

const settings = readSettings();
const cluster = new Cluster(settings.name, { settings });

const site = settings.site.enabled ? new Site("site", { cluster, settings }) : undefined;

// Visitors are sent only by the stack that owns the domain, and only to a site that answers.
if (site && settings.dns?.owned) {
  new DomainAddress("site", {
    dns: settings.dns,
    domain: settings.site.domain,
    balancers: cluster.balancerAddresses,
    after: [site.answers],
  });
}

// A public certificate in place of the one of the cluster's own authority.
const publicCertificate =
  site && settings.acme
    ? new Acme("acme", { cluster, settings: { ...settings, acme: settings.acme }, site })
    : undefined;

// What a stack does not have is null: the engine's host warns of each that is undefined, also inside an Output.
export const siteUrl = site?.url ?? null;
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
export const acme = publicCertificate?.output ?? null;
