import type { Dashboard } from "../topology/model";
import { dashboardPorts } from "../topology/ports";
import { authMiddleware } from "./auth-proxy";
import { type IngressRoutes, leastBusy } from "./ingress-job";

/** Nomad's, Consul's and Vault's pages and APIs behind the auth proxy, as the ingress has them. */

/** The ingress's word for a service that it publishes, and for how that is verified. Example: "dashboard-nomad". */
export function dashboardBackend(name: Dashboard): string {
  return `dashboard-${name}`;
}

/** Where Consul knows the servers. Nomad's register each of their ports, with the port's use as tag. */
const services: Readonly<Record<Dashboard, string>> = {
  nomad: "http.nomad",
  consul: "consul",
  vault: "vault",
};

/**
 * To a browser all names below the site's are one site, so a script at another of them would have a visitor's session sent
 * along. Browsers tell of that; links are followed all the same.
 */
const ownPages =
  "!Header(`Sec-Fetch-Site`, `same-site`) || (Header(`Sec-Fetch-Mode`, `navigate`) && Method(`GET`))";

/** What stands for a list of servers, until `withServers`. */
const mark = (name: Dashboard): string => `@servers of ${name}@`;

/** The routes, middlewares among them, to what is published at these names. */
export function dashboardRoutes(
  published: readonly { readonly name: Dashboard; readonly domain: string }[],
): IngressRoutes {
  const each = <T>(one: (name: Dashboard, domain: string) => T): Record<string, T> =>
    Object.fromEntries(published.map(({ name, domain }) => [dashboardBackend(name), one(name, domain)]));
  return {
    routers: each((name, domain) => ({
      entryPoints: ["https"],
      rule: `Host(\`${domain}\`) && (${ownPages})`,
      // Before whatever a job's tags say of this name; the proxy's own paths come before it.
      priority: 90000,
      middlewares: [authMiddleware(name), "without-cookies@file", "again@file"],
      service: dashboardBackend(name),
    })),
    services: each((name) => ({
      loadBalancer: { servers: mark(name), serversTransport: dashboardBackend(name), strategy: leastBusy },
    })),
    // None of the three has any, and the visitor's session is the proxy's matter alone.
    middlewares: { "without-cookies": { headers: { customRequestHeaders: { Cookie: "" } } } },
  };
}

/** Traefik's routes as JSON, in which Nomad puts the servers that Consul knows: another one is no change of the job. */
export function withServers(routes: string): string {
  return (Object.keys(services) as Dashboard[]).reduce(
    (text, name) => text.replaceAll(JSON.stringify(mark(name)), serversOf(name)),
    routes,
  );
}

/** In the language of Nomad's templates; an empty list where none passes its check. */
function serversOf(name: Dashboard): string {
  const url = (host: string) => `{"url":"https://${host}:${dashboardPorts[name]}"}`;
  const address = "{{ $one.Address }}";
  return [
    `[{{ range $index, $one := service "${services[name]}" }}{{ if $index }},{{ end }}`,
    `{{ if $one.Address | regexMatch ":" }}${url(`[${address}]`)}{{ else }}${url(address)}{{ end }}`,
    "{{ end }}]",
  ].join("");
}
