import { expect, test } from "vitest";
import { authMiddlewares, authTags } from "../../../components/jobs/auth-proxy";
import { dashboardBackend, dashboardRoutes } from "../../../components/jobs/dashboards";
import { ingresses } from "../../../components/jobs/ingress";
import { dashboards } from "../../../components/topology/model";

/** What Traefik is told of Nomad's, Consul's and Vault's pages. */

const published = dashboards.map((name) => ({ name, domain: `${name}.www.dev.test` }));
const artifact = { url: "https://[fd00:1ab::2]:8443/x", sha256: "00" };
const args = {
  ...{ datacenter: "dc1", nodeClass: "load-balancer", program: artifact, consulCaPem: "pem" },
  backends: published.map(({ name }) => ({
    name: dashboardBackend(name),
    serverName: `server of ${name}`,
    caPem: `root of ${name}\n`,
  })),
  middlewares: authMiddlewares({ nomad: ["staff"], consul: ["staff", "net"], vault: ["ops"] }),
};
const { variables } = ingresses.traefik.job({ ...args, routes: dashboardRoutes(published) });
const text = String(variables.http);

/** As Nomad renders it where Consul knows nobody. */
const empty = JSON.parse(text.replace(/\{\{ range .*?\{\{ end \}\}\]/g, "]")) as {
  routers: Record<string, { rule: string; middlewares: string[]; priority: number; service: string }>;
  services: Record<
    string,
    { loadBalancer: { servers: unknown[]; serversTransport: string; strategy: string } }
  >;
  middlewares: Record<string, Record<string, object>>;
  serversTransports: Record<string, { serverName: string; rootCAs: string[]; insecureSkipVerify?: boolean }>;
};

test.each(dashboards)("%s: nobody comes to it but by the question whether he may", (name) => {
  const { rule, middlewares, priority, service } = empty.routers[`dashboard-${name}`] ?? {};
  expect(rule).toBe(
    `Host(\`${name}.www.dev.test\`) && ` +
      "(!Header(`Sec-Fetch-Site`, `same-site`) || (Header(`Sec-Fetch-Mode`, `navigate`) && Method(`GET`)))",
  );
  expect(middlewares).toEqual([`auth-${name}@file`, "without-cookies@file", "again@file"]);
  for (const one of middlewares ?? []) expect(empty.middlewares).toHaveProperty(one.replace("@file", ""));
  const groups = { nomad: "staff", consul: "staff,net", vault: "ops" }[name];
  expect(JSON.stringify(empty.middlewares[`auth-${name}`])).toContain(`?allowed_groups=${groups}"`);
  expect(empty.services[service ?? ""]).toEqual({
    loadBalancer: { servers: [], serversTransport: `dashboard-${name}`, strategy: "p2c" },
  });
  // The proxy's own paths come first, or nobody could sign in at this name.
  const own = authTags().find((tag) => tag.includes("-visitors.priority="));
  expect(priority).toBeLessThan(Number(own?.split("=")[1]));
});

test.each(dashboards)("%s: its servers are verified, by a name and a root that are its own", (name) => {
  expect(empty.serversTransports[`dashboard-${name}`]).toMatchObject({
    serverName: `server of ${name}`,
    rootCAs: [`root of ${name}\n`],
  });
  expect(text).not.toContain("insecureSkipVerify");
});

test("the visitor's session ends at Traefik", () => {
  expect(empty.middlewares["without-cookies"]).toEqual({
    headers: { customRequestHeaders: { Cookie: "" } },
  });
});

test("the servers are those that Consul knows, in either family, and no part of the job", () => {
  expect(Object.keys(empty.services)).toHaveLength(3);
  const list = /"servers":(\[\{\{ range .*?\{\{ end \}\}\]),"serversTransport":"dashboard-consul"/.exec(
    text.slice(text.indexOf('"dashboard-consul":{"loadBalancer"')),
  )?.[1];
  expect(list).toBe(
    '[{{ range $index, $one := service "consul" }}{{ if $index }},{{ end }}{{ if $one.Address | regexMatch ":" }}' +
      '{"url":"https://[{{ $one.Address }}]:8501"}{{ else }}{"url":"https://{{ $one.Address }}:8501"}{{ end }}{{ end }}]',
  );
  // Of Nomad's the servers that speak HTTP; clients are another service.
  expect(text).toContain('service "http.nomad" }}');
  expect(text).toContain('service "vault" }}');
  expect(text).not.toContain("@servers");
});

test("without them the job is what it was", () => {
  const { routes: _, ...rest } = { ...args, routes: undefined };
  const http = String(ingresses.traefik.job(rest).variables.http);
  expect(http).not.toMatch(/routers|without-cookies|service "/);
});
