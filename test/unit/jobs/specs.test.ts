import { expect, test } from "vitest";
import { authProxyJob } from "../../../components/jobs/auth-proxy";
import {
  type IngressArgs,
  ingressCertificate,
  ingresses,
  routeTags,
  tcpRouteTags,
} from "../../../components/jobs/ingress";
import { websiteJob, websitePage } from "../../../components/jobs/website";

/** The jobs themselves, as their modules give them to Nomad. */

const artifact = { url: "https://[fd00:1ab::2]:8443/x", sha256: "00" };
const ingressArgs: IngressArgs = {
  datacenter: "dc1",
  nodeClass: "load-balancer",
  program: artifact,
  consulCaPem: "pem",
  backends: [{ name: "website", serverName: "website.service.consul", caPem: "root\npem\n" }],
};
const fabio = ingresses.fabio.job(ingressArgs);
const traefik = ingresses.traefik.job(ingressArgs);
const specs = [
  fabio,
  traefik,
  websiteJob({
    datacenter: "dc1",
    nodeClass: "general",
    instances: 2,
    apart: true,
    domain: "www.dev.test",
    program: artifact,
    page: artifact,
  }),
  authProxyJob({
    ...{ datacenter: "dc1", nodeClass: "general", instances: 2, apart: true, program: artifact },
    auth: {
      ...{
        provider: "oidc" as const,
        issuer: "https://id.example.org",
        clientId: "c",
        services: { website: ["staff"] },
      },
      ...{
        groupsClaim: "groups",
        userClaim: "email",
        scopes: ["openid"],
        sessionHours: 8,
        refreshMinutes: 10,
      },
    },
    domains: ["www.dev.test"],
    networks: ["198.51.100.0/24"],
  }),
];

test("Traefik shows a certificate of its own to a service that asks for one, and Nomad puts it in from Vault", () => {
  const presenting = ingresses.traefik.job({
    ...ingressArgs,
    backends: ingressArgs.backends.map((backend) => ({ ...backend, presents: true })),
  });
  const read = (field: string) =>
    `{{ with secret "certificates/ingress/ingress/client" }}{{ .Data.${field} | toJSON }}{{ end }}`;
  expect(presenting.variables.http).toContain(
    `"certificates":[{"certFile":${read("cert")},"keyFile":${read("key")}}]`,
  );
  expect(traefik.variables.http).not.toContain("certificates");
});

test("a closed website is no route of Fabio's, nor of who comes by an address, and knows the ingress", () => {
  const closed = websiteJob({
    ...{ datacenter: "dc1", nodeClass: "general", instances: 2, apart: true, domain: "www.dev.test" },
    ...{ program: artifact, page: artifact, ingressCaPem: "root\npem\n", middlewares: ["auth-website@file"] },
  });
  const tags = closed.variables.tags as string[];
  expect(tags.filter((tag) => tag.startsWith("urlprefix-"))).toEqual([]);
  expect(tags).toContain("traefik.http.routers.website.rule=Host(`www.dev.test`)");
  expect(tags).toContain("traefik.http.routers.website.middlewares=auth-website@file,again@file");
  expect(closed.variables).toMatchObject({
    ingress_ca: "root\npem\n",
    ingress_name: "ingress.service.consul",
  });
});

test.each(specs)(
  "the job $id in $namespace gets exactly the variables that its file declares, and is what it says",
  (spec) => {
    const declared = [...spec.hcl.matchAll(/^variable "(\w+)"/gm)].map((match) => match[1]);
    expect(Object.keys(spec.variables).sort()).toEqual(declared.sort());
    expect(spec.hcl).toContain(`job "${spec.id}" {\n  namespace   = var.namespace\n`);
    expect(spec.variables.namespace).toBe(spec.namespace);
  },
);

test.each(Object.values(ingresses))(
  "the token of $name reads and does nothing else, for the job that it is",
  (one) => {
    const rights = one.consulRights();
    const { id, namespace, hcl } = one.job(ingressArgs);
    expect(rights).toMatchObject({ namespace, job: id, task: one.name });
    expect(hcl).toContain(`task "${one.name}" {`);
    expect(rights.rules).toContain('service_prefix "" { policy = "read" }');
    expect(rights.rules.match(/policy = "(\w+)"/g)?.every((p) => p === 'policy = "read"')).toBe(true);
    // It would be shown in a log, or to whoever reads the job.
    expect(hcl).not.toMatch(/registry\.consul\.token|token:/);
  },
);

test("Traefik may read no more of Consul than Fabio, and shows neither API nor dashboard", () => {
  const [less, more] = [ingresses.traefik, ingresses.fabio].map((one) =>
    one.consulRights().rules.split("\n"),
  );
  expect(more).toEqual(expect.arrayContaining(less ?? []));
  expect(traefik.hcl).not.toMatch(/^\s*(api|dashboard|insecure\w*):/m);
  expect(traefik.hcl).toContain("exposedByDefault: false");
});

test.each(Object.values(ingresses))(
  "$name has a certificate with its key, in one file that restarts nothing, and no token of Vault's",
  (one) => {
    const { hcl } = one.job(ingressArgs);
    expect(`${ingressCertificate.store}/${ingressCertificate.path}`).toBe(
      "certificates/ingress/ingress/site",
    );
    const templates = hcl.split(/^ {6}template \{$/m).filter((part) => part.includes('"certificates/'));
    expect(templates).toHaveLength(1);
    expect(templates[0]).toContain('with secret "certificates/$' + '{var.namespace}/ingress/site"');
    expect(templates[0]).toContain('change_mode = "noop"');
    expect(templates[0]).toContain(".Data.key");
    expect(hcl).toMatch(/disable_file = true/);
  },
);

test("Traefik verifies what stands behind it, by name and authority", () => {
  expect(JSON.parse(String(traefik.variables.http))).toMatchObject({
    serversTransports: {
      website: {
        serverName: "website.service.consul",
        rootCAs: ["root\npem\n"],
        disableHTTP2: true,
        maxIdleConnsPerHost: 200,
        forwardingTimeouts: { dialTimeout: "1s" },
      },
    },
  });
  expect(JSON.parse(String(traefik.variables.tcp))).toMatchObject({
    // Until the catalog is read, nobody is answered.
    routers: { nobody: { rule: "HostSNI(`*`)", tls: { passthrough: true }, service: "nobody" } },
    services: { nobody: { loadBalancer: { servers: [] } } },
    serversTransports: {
      website: {
        tls: { serverName: "website.service.consul", rootCAs: ["root\npem\n"] },
        dialTimeout: "1s",
      },
    },
  });
  expect(routeTags({ service: "website", domain: "www.dev.test" })).toEqual(
    expect.arrayContaining([
      "traefik.http.services.website.loadbalancer.serverstransport=website@file",
      // An instance that is silent gets no more.
      "traefik.http.services.website.loadbalancer.strategy=p2c",
    ]),
  );
});

test("what a middleware guards is no route of Fabio's, which knows none", () => {
  const open = routeTags({ service: "board", domain: "board.dev.test" });
  const guarded = routeTags({ service: "board", domain: "board.dev.test", middlewares: ["auth@file"] });
  expect(open.some((tag) => tag.startsWith("urlprefix-"))).toBe(true);
  expect(guarded.some((tag) => tag.startsWith("urlprefix-"))).toBe(false);
  expect(guarded).toContain("traefik.http.routers.board.middlewares=auth@file,again@file");
  const { variables } = ingresses.traefik.job({
    ...ingressArgs,
    middlewares: { auth: { forwardAuth: { address: "https://auth" } } },
  });
  const { middlewares } = JSON.parse(String(variables.http));
  expect(Object.keys(middlewares).sort()).toEqual(["again", "auth"]);
});

test("who comes by an address finds the one service that says so", () => {
  const tags = routeTags({ service: "board", domain: "board.dev.test" });
  expect(tags.join("\n")).not.toMatch(/HostRegexp|urlprefix-[/*]/);
});

test("TLS that speaks no HTTP ends at the ingress and is verified beyond it, or at the service", () => {
  const route = { service: "ledger", domain: "ledger.dev.test" };
  expect(tcpRouteTags(route)).toEqual([
    "traefik.enable=true",
    "traefik.tcp.routers.ledger.entrypoints=https",
    "traefik.tcp.routers.ledger.rule=HostSNI(`ledger.dev.test`)",
    "traefik.tcp.routers.ledger.tls=true",
    "traefik.tcp.services.ledger.loadbalancer.server.tls=true",
    "traefik.tcp.services.ledger.loadbalancer.serverstransport=ledger@file",
  ]);
  expect(tcpRouteTags({ ...route, tlsEnds: "service" })).toEqual([
    "traefik.enable=true",
    "traefik.tcp.routers.ledger.entrypoints=https",
    "traefik.tcp.routers.ledger.rule=HostSNI(`ledger.dev.test`)",
    "traefik.tcp.routers.ledger.tls.passthrough=true",
  ]);
});

test.each([
  ["203.0.113.7", true],
  ["2001:db8::7", true],
  ["[2001:db8::7]", true],
  ["[::ffff:203.0.113.7]", true],
  ["fade.bed", false],
  ["other.test", false],
  ["www.dev.test.evil.test", false],
])("whoever asks for %s by address comes to the site: %s", (host, comes) => {
  const tags = routeTags({ service: "website", domain: "www.dev.test", byAddress: true });
  const rule = tags.find((tag) => tag.startsWith("traefik.http.routers.website-by-address.rule="));
  // Beside a Host it would not be asked about handshakes that name nobody.
  const pattern = /=HostRegexp\(`(.+)`\)$/.exec(rule ?? "")?.[1] ?? "nothing";
  expect(new RegExp(pattern).test(host)).toBe(comes);
});

test("the page shows the text that its task has from Vault", () => {
  expect(websitePage()).toContain('{{include "/text.html"}}');
  expect(specs[2]?.hcl).toContain('destination = "local/site/text.html"');
});
