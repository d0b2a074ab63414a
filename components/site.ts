import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import { inputOf, supportProgram } from "./bootstrap/access";
import type { Cluster } from "./cluster";
import {
  type IngressBackend,
  ingressCertificate,
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
import { leaf, publish } from "./site-parts";
import { addressIn, hostPort } from "./topology/members";
import { loadBalancerClass } from "./topology/model";
import { nodeClassOf } from "./topology/topology";

export interface SiteArgs {
  /** Where it runs. */
  cluster: Cluster;
  settings: Settings;
  /** Further services behind the ingress that speak TLS. Default: the website alone. */
  backends?: pulumi.Input<pulumi.Input<IngressBackend>[]>;
  /** Traefik's middlewares by name, for routes that name them. Example: { auth: { forwardAuth: { … } } }. Default: none. */
  middlewares?: Readonly<Record<string, object>>;
}

/** The certificate in a store of its own, whose short lease tells Nomad to read it again soon. */
function shownCertificate(
  dataJson: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const store = new vault.Mount(
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
  return new vault.kv.Secret(
    "site-certificate",
    { path: pulumi.interpolate`${store.path}/${ingressCertificate.path}`, dataJson },
    opts,
  );
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
        dnsNames: [site.domain],
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
    const shown = pulumi.secret(pulumi.jsonStringify({ cert: outside.chain, key: outside.key }));
    const certificate = shownCertificate(shown, inVault);
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
          .all([routing, cluster.ca, cluster.siteAuthority.rootPem, args.backends ?? []])
          .apply(([program, ca, siteCaPem, backends]) =>
            ingress.job({
              datacenter,
              nodeClass: loadBalancerClass,
              program,
              consulCaPem: ca.consul ?? "",
              backends: [
                { name: websiteService, serverName: websiteServerName, caPem: siteCaPem },
                ...backends,
              ],
              middlewares: args.middlewares,
            }),
          ),
      },
      {
        ...child,
        dependsOn: [certificate, ...cluster.ready],
        // It was named by its program once.
        aliases: Object.keys(ingresses).map((name) => ({ name })),
      },
    );
    const runners = Object.values(settings.groups)
      .filter((group) => nodeClassOf(group) === site.nodeClass)
      .reduce((sum, { keys }) => sum + keys.length, 0);
    const websiteRuns = new NomadJob(
      "website",
      {
        ...common,
        jobId: "website",
        services: [{ name: "website", passing: site.instances }],
        namespace: websiteNamespace,
        spec: pulumi.all([caddy, page]).apply(([program, published]) =>
          websiteJob({
            datacenter,
            nodeClass: site.nodeClass,
            instances: site.instances,
            apart: runners >= site.instances,
            domain: site.domain,
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
          sites: pulumi.all([cluster.loadBalancers, cluster.siteAuthority.rootPem]).apply(([all, caPem]) =>
            all.map(({ name, ...addresses }) => ({
              name,
              address: hostPort(addressIn(settings.network.family, addresses, name), 443),
              domain: site.domain,
              caPem,
            })),
          ),
          timeoutSeconds: 60,
        }),
        timeoutSeconds: 120,
      },
      { ...child, dependsOn: [ingressRuns, websiteRuns] },
    );
    this.url = cluster.loadBalancers.apply((balancers) => `https://${balancers[0]?.address ?? site.domain}/`);
    this.registerOutputs({ url: this.url });
  }
}
