import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import { AuthProxy } from "./auth-proxy";
import { inputOf, supportProgram } from "./bootstrap/access";
import type { Cluster } from "./cluster";
import { authMiddleware, authService } from "./jobs/auth-proxy";
import { dashboardBackend, dashboardRoutes } from "./jobs/dashboards";
import {
  type IngressBackend,
  ingressCertificate,
  ingressClientCertificate,
  ingresses,
  ingressJob,
  ingressNamespace,
} from "./jobs/ingress";
import { NomadJob } from "./jobs/nomad-job";
import {
  websiteJob,
  websiteNamespace,
  websitePage,
  websiteSecretPath,
  websiteServerName,
  websiteService,
} from "./jobs/website";
import type { Settings } from "./settings";
import { publishedDashboards } from "./settings/auth";
import { clientsOf, leaf, publish } from "./site-parts";
import { addressIn, hostPort } from "./topology/members";
import { type Dashboard, loadBalancerClass } from "./topology/model";
import { consulServerName, nomadServerName, vaultServerName } from "./topology/names";

export interface SiteArgs {
  /** Where it runs. */
  cluster: Cluster;
  /** The cluster's settings. */
  settings: Settings;
  /** Further services behind the ingress that speak TLS. Default: the website alone. */
  backends?: pulumi.Input<pulumi.Input<IngressBackend>[]>;
  /** Traefik's middlewares by name, for routes that name them. Example: { auth: { forwardAuth: { … } } }. Default: none. */
  middlewares?: Readonly<Record<string, object>>;
}

/** A store of their own for the ingress's certificates, whose short lease tells Nomad to read them again soon. */
function certificateStore(opts: pulumi.CustomResourceOptions): vault.Mount {
  return new vault.Mount(
    "site-certificates",
    {
      path: ingressCertificate.store,
      type: "kv",
      options: { version: "1" },
      description: "Certificates of the ingress, read again every few seconds",
      defaultLeaseTtlSeconds: ingressCertificate.leaseSeconds,
    },
    opts,
  );
}

/** What the ingress shows to services that answer nobody else. Secret. */
function ingressIdentity(cluster: Cluster, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const { name } = ingressClientCertificate;
  const own = leaf(
    "site-ingress",
    { authority: cluster.siteAuthority, commonName: name, dnsNames: [name], as: "client" },
    opts,
  );
  return pulumi.secret(pulumi.jsonStringify({ cert: own.chain, key: own.key }));
}

/**
 * The way from a visitor to a task: the ingress on every load balancer, a website behind it, and the certificate of both
 * from an authority of the cluster's own.
 */
export class Site extends pulumi.ComponentResource {
  /** Where it answers. */
  public readonly url: pulumi.Output<string>;
  /** Depend on it to come when every load balancer has shown the page. */
  public readonly answers: pulumi.Resource;

  constructor(name: string, args: SiteArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:Site", name, {}, opts);
    const { cluster, settings } = args;
    const child = { parent: this };
    const { site, versions, datacenter } = settings;
    const published = publishedDashboards(settings);
    const serverNames: Record<Dashboard, string> = {
      nomad: nomadServerName(settings),
      consul: consulServerName(settings),
      vault: vaultServerName,
    };

    const { ingress } = cluster;
    const { name: word } = ingress;
    const routing = publish(cluster, word, { program: word, version: ingress.version(versions) }, this);
    const caddy = publish(cluster, "caddy", { program: "caddy", version: versions.caddy }, this);
    const page = publish(cluster, "index.html", { text: websitePage() }, this);

    const addresses = cluster.loadBalancers.apply((balancers) =>
      balancers.flatMap(({ address, publicIpv4, publicIpv6 }) => [
        ...new Set([address, publicIpv4, publicIpv6].filter((known) => known !== undefined)),
      ]),
    );
    const outside = leaf(
      "site-edge",
      {
        authority: cluster.siteAuthority,
        commonName: site.domain,
        dnsNames: [site.domain, ...published.map(({ domain }) => domain)],
        ipAddresses: addresses,
      },
      child,
    );
    const inside = leaf(
      "site-instance",
      { authority: cluster.siteAuthority, commonName: websiteServerName, dnsNames: [websiteServerName] },
      child,
    );
    const inVault = {
      parent: this,
      provider: cluster.vaultProvider,
      deletedWith: cluster.access.support.resource,
    };
    const store = certificateStore(inVault);
    const own = pulumi.secret(pulumi.output({ cert: outside.chain, key: outside.key }));
    const path = pulumi.interpolate`${store.path}/${ingressCertificate.path}`;
    const first = new vault.kv.Secret(
      "site-certificate",
      { path, dataJson: pulumi.secret(pulumi.jsonStringify(own)) },
      // Written once, it is another's from then on: the job's that gets public ones.
      settings.acme ? { ...inVault, ignoreChanges: ["dataJson"] } : inVault,
    );
    // To the engine a public one in its place is no change: so the cluster's own comes back by this, when that job goes.
    const certificate = supportProgram(
      "site-shown",
      cluster.access.support,
      {
        program: "vault_secret",
        input: inputOf({
          vault: cluster.access.vault,
          login: cluster.vaultLogin,
          path,
          data: own,
          keepPublic: settings.acme !== undefined,
          timeoutSeconds: 60,
        }),
        timeoutSeconds: 120,
      },
      { ...child, dependsOn: [first] },
    );
    const { auth } = settings;
    const proxy = auth ? new AuthProxy(authService, { cluster, settings, auth }, child) : undefined;
    const closed = auth?.services[websiteService] !== undefined;
    // Who reaches an instance past the ingress has passed the auth proxy by.
    const known = closed
      ? [
          new vault.kv.Secret(
            "site-ingress",
            {
              path: pulumi.interpolate`${store.path}/${ingressClientCertificate.path}`,
              dataJson: ingressIdentity(cluster, child),
            },
            inVault,
          ),
        ]
      : [];
    const content = new vault.kv.SecretV2(
      "site-content",
      {
        mount: cluster.secretsPath,
        name: websiteSecretPath(),
        dataJson: pulumi.secret(
          pulumi.jsonStringify({
            text: `Kept in Vault for ${site.domain}.`,
            certificate: inside.chain,
            key: inside.key,
          }),
        ),
      },
      inVault,
    );

    const { support, nomad, consul } = cluster.access;
    const common = { support, nomad, consul };
    const balancers = cluster.loadBalancers.apply((all) => all.length);
    const ingressRuns = new NomadJob(
      ingressJob,
      {
        ...common,
        jobId: ingressJob,
        endsFirst: true,
        services: balancers.apply((passing) => [{ name: word, passing }]),
        namespace: ingressNamespace,
        spec: pulumi
          .all([routing, cluster.ca, cluster.siteAuthority.rootPem, proxy?.backend, args.backends ?? []])
          .apply(([program, ca, siteCaPem, asked, backends]) =>
            ingress.job({
              datacenter,
              nodeClass: loadBalancerClass,
              program,
              consulCaPem: ca.consul ?? "",
              backends: [
                { name: websiteService, serverName: websiteServerName, caPem: siteCaPem, presents: closed },
                ...(asked ? [asked] : []),
                ...published.map(({ name }) => ({
                  name: dashboardBackend(name),
                  serverName: serverNames[name],
                  caPem: ca[name] ?? "",
                })),
                ...backends,
              ],
              middlewares: { ...proxy?.middlewares, ...args.middlewares },
              ...(published.length > 0 ? { routes: dashboardRoutes(published) } : {}),
            }),
          ),
      },
      {
        ...child,
        dependsOn: [certificate, ...known, ...cluster.ready],
        // It was named by its program once.
        aliases: Object.keys(ingresses).map((name) => ({ name })),
      },
    );
    const websiteRuns = new NomadJob(
      "website",
      {
        ...common,
        jobId: "website",
        services: [{ name: "website", passing: site.instances }],
        namespace: websiteNamespace,
        spec: pulumi.all([caddy, page, cluster.siteAuthority.rootPem]).apply(([program, published, caPem]) =>
          websiteJob({
            datacenter,
            nodeClass: site.nodeClass,
            instances: site.instances,
            apart: clientsOf(settings) >= site.instances,
            domain: site.domain,
            ...(closed ? { ingressCaPem: caPem, middlewares: [authMiddleware(websiteService)] } : {}),
            program,
            page: published,
          }),
        ),
      },
      { ...child, dependsOn: [content, ...cluster.ready] },
    );
    // A check of Consul's asks whether a port is open; a visitor wants the page.
    this.answers = supportProgram(
      "site-answers",
      support,
      {
        program: "gate",
        input: inputOf({
          sites: pulumi.all([cluster.loadBalancers, cluster.ca]).apply(([all, { site: caPem = "" }]) =>
            all.map(({ name, ...addresses }) => ({
              name,
              address: hostPort(addressIn(settings.network.family, addresses, name), 443),
              domain: site.domain,
              caPem,
              ...(settings.acme ? { publicRoots: true } : {}),
              // A stranger is asked who he is.
              ...(closed ? { status: 401 } : {}),
            })),
          ),
          timeoutSeconds: 60,
        }),
        timeoutSeconds: 120,
      },
      { ...child, dependsOn: [ingressRuns, websiteRuns, ...(proxy ? [proxy.runs] : [])] },
    );
    this.url = cluster.loadBalancers.apply(([first]) =>
      // Whoever signs in is sent back to the name, and a public certificate is for names alone.
      closed || settings.acme || !first?.address ? `https://${site.domain}/` : `https://${first.address}/`,
    );
    this.registerOutputs({ url: this.url });
  }
}
