import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as vault from "@pulumi/vault";
import type { Cluster } from "./cluster";
import {
  authMiddlewares,
  authNamespace,
  authProgram,
  authProxyJob,
  authSecretPath,
  authServerName,
  authService,
} from "./jobs/auth-proxy";
import type { IngressBackend } from "./jobs/ingress";
import { NomadJob } from "./jobs/nomad-job";
import type { AuthSettings, Settings } from "./settings";
import { publishedDashboards } from "./settings/auth";
import { clientsOf, leaf, publish } from "./site-parts";

export interface AuthProxyArgs {
  /** Where it runs. */
  cluster: Cluster;
  settings: Settings;
  auth: AuthSettings;
}

/** One may fail, or be changed, while the other answers. */
const instances = 2;

/**
 * The auth proxy beside the website, and what the ingress needs to ask it. Its secrets lie in Vault, where its own identity
 * alone reads them.
 */
export class AuthProxy extends pulumi.ComponentResource {
  /** How the ingress verifies it. */
  public readonly backend: pulumi.Output<IngressBackend>;
  /** Traefik's middlewares by name. */
  public readonly middlewares: Readonly<Record<string, object>>;
  /** Depend on it to come when the proxy answers. */
  public readonly runs: pulumi.Resource;

  constructor(name: string, args: AuthProxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:AuthProxy", name, {}, opts);
    const { cluster, settings, auth } = args;
    const child = { parent: this };
    const { clientSecret, ...open } = auth;
    const { site, datacenter, network } = settings;
    const published = publishedDashboards(settings);

    const program = publish(
      cluster,
      authProgram.name,
      { program: authProgram.name, version: authProgram.version },
      this,
    );
    const shown = leaf(
      `${name}-instance`,
      { authority: cluster.siteAuthority, commonName: authServerName, dnsNames: [authServerName] },
      child,
    );
    // Another one signs everybody out.
    const cookie = new random.RandomPassword(`${name}-cookie`, { length: 32, special: false }, child);
    const content = new vault.kv.SecretV2(
      name,
      {
        mount: cluster.secretsPath,
        name: authSecretPath(),
        dataJson: pulumi.secret(
          pulumi.jsonStringify({
            clientSecret,
            cookieSecret: cookie.result,
            certificate: shown.chain,
            key: shown.key,
          }),
        ),
      },
      { ...child, provider: cluster.vaultProvider, deletedWith: cluster.access.support.resource },
    );
    const { support, nomad, consul } = cluster.access;
    this.runs = new NomadJob(
      authService,
      {
        ...{ support, nomad, consul },
        jobId: authService,
        namespace: authNamespace,
        services: [{ name: authService, passing: instances }],
        spec: program.apply((fetched) =>
          authProxyJob({
            datacenter,
            // Not on a load balancer: what faces the world holds no secret of it.
            nodeClass: site.nodeClass,
            instances,
            apart: clientsOf(settings) >= instances,
            program: fetched,
            auth: open,
            domains: [site.domain, ...published.map(({ domain }) => domain)],
            networks: [network.ipv4, network.ipv6].filter((one) => one !== undefined),
          }),
        ),
      },
      { ...child, dependsOn: [content, ...cluster.ready] },
    );
    this.backend = cluster.siteAuthority.rootPem.apply((caPem) => ({
      name: authService,
      serverName: authServerName,
      caPem,
    }));
    this.middlewares = authMiddlewares({
      ...auth.services,
      ...Object.fromEntries(published.map((one) => [one.name, one.groups])),
    });
    this.registerOutputs({});
  }
}
