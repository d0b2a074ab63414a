import { z } from "zod";
import { hostIn } from "../dns/dns";
import { publishedDashboards } from "./auth";
import type { AcmeSettings, Settings } from "./model";
import { listed, type Report } from "./problems";

/** The form of `acme`, what it asks of the other settings, and what follows from it. */

const plainName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

const text = z.string().min(1, "must not be empty").max(1000, "must have at most 1000 characters");
const secret = z.string().min(1, "must not be empty").meta({ title: "Secret" });

export const acmeSchema = z
  .strictObject({
    directory: z.string().default("letsencrypt"),
    ca: z
      .string()
      .regex(/^\s*-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
      .optional(),
    email: z
      .string()
      .max(254, "must have at most 254 characters")
      .regex(/^[^\s@,<>]+@[^\s@,<>]+\.[^\s@,<>]+$/, 'must be an e-mail address, such as "ops@example.org"'),
    domains: z
      .array(z.string())
      .min(1, "must name at least one domain, or be left out")
      .max(100, "must name at most 100 domains, as many as one certificate can have")
      .optional(),
    keyType: z.enum(["ec256", "ec384", "rsa2048", "rsa4096"]).default("ec256"),
    renewDays: z.int().min(1).max(60).default(30),
    resolvers: z
      .array(
        z
          .string()
          .regex(
            /^(?:\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::[0-9]{1,5})?$/,
            'must be a name server, such as "192.0.2.53", "[2001:db8::53]:53" or "ns1.example.org"',
          ),
      )
      .max(5, "must name at most 5 servers")
      .default([]),
    provider: z.enum(["linode", "designate", "rfc2136"]).optional(),
    api: z.string().optional(),
    credential: z
      .strictObject({
        token: secret.optional(),
        authUrl: text.optional(),
        id: text.optional(),
        secret: secret.optional(),
        region: text.optional(),
        server: text.optional(),
        keyName: text.optional(),
        algorithm: z.enum(["hmac-sha256.", "hmac-sha384.", "hmac-sha512."]).optional(),
      })
      .meta({ title: "AcmeCredential" })
      .default({}),
  })
  .meta({ title: "AcmeSettings" })
  .optional();

type Provider = NonNullable<AcmeSettings["provider"]>;
type Field = keyof AcmeSettings["credential"];

const fields: { readonly [P in Provider]: { needs: readonly Field[]; may: readonly Field[] } } = {
  linode: { needs: ["token"], may: [] },
  designate: { needs: ["authUrl", "id", "secret"], may: ["region"] },
  rfc2136: { needs: ["server", "keyName", "secret"], may: ["algorithm"] },
};

/** The directory that stands for an ACME server which the local cloud has of its own. */
export const localDirectory = "local";

/** What is that server's own matter. */
const givenByLocal = ["ca", "provider", "api", "resolvers", "credential"] as const;

const directories: Readonly<Record<string, string>> = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
};

/** The URL of the directory that is asked. */
export const acmeDirectory = ({ directory }: AcmeSettings): string => directories[directory] ?? directory;

/** The names of the certificate. */
export const acmeDomains = (
  { domains }: AcmeSettings,
  settings: Pick<Settings, "auth" | "site">,
): readonly string[] => domains ?? namesOf(settings);

/** The names at which visitors are answered. */
const namesOf = (settings: Pick<Settings, "auth" | "site">): string[] => [
  settings.site.domain,
  ...publishedDashboards(settings).map(({ domain }) => domain),
];

/** Who serves the domains: what is said, or whoever serves the one that this stack owns. */
export function acmeProvider({ provider }: AcmeSettings, dns: Settings["dns"]): Provider | undefined {
  if (provider) return provider;
  return dns?.owned ? ({ linode: "linode", openstack: "designate" } as const)[dns.provider] : undefined;
}

export function checkAcme({ acme, auth, cloud, site, dns }: Partial<Settings>, report: Report): void {
  if (!acme) return;
  if (site && !site.enabled)
    report(["acme"], "is of no use while site.enabled is false: there is no ingress to show a certificate");
  if (acme.directory === localDirectory) {
    if (cloud && cloud.kind !== "local")
      report(
        ["acme", "directory"],
        `"${localDirectory}" is the server of local machines; cloud.kind is ${cloud.kind}`,
      );
    for (const field of givenByLocal) {
      const given = acme[field] ?? [];
      if (Object.keys(given).length > 0)
        report(
          ["acme", field],
          `is the local ACME server's own matter: leave it out where directory is "${localDirectory}"`,
        );
    }
    checkNames(acme, { auth, site }, report);
    return;
  }
  if (!Object.hasOwn(directories, acme.directory)) checkHttps(["acme", "directory"], acme.directory, report);
  if (acme.directory === "letsencrypt-staging" && acme.ca === undefined) {
    report(
      ["acme", "ca"],
      "is missing: nobody's store has the roots of letsencrypt-staging, by which the site is looked at; " +
        "they are at https://letsencrypt.org/docs/staging-environment/",
    );
  }
  checkNames(acme, { auth, site }, report);
  const provider = acmeProvider(acme, dns);
  if (provider === undefined) {
    report(
      ["acme", "provider"],
      "is missing: say who serves the domains (linode, designate, rfc2136), or let dns own them",
    );
    return;
  }
  if (acme.provider === undefined && site && dns) {
    for (const name of acmeDomains(acme, { auth, site })) {
      if (hostIn(name.replace(/^\*\./, ""), dns.domain) !== undefined) continue;
      report(
        ["acme", "domains"],
        `"${name}" does not lie in dns.domain, "${dns.domain}", which this stack owns; for another, name its acme.provider`,
      );
    }
  }
  if (acme.api !== undefined) {
    if (provider !== "linode") report(["acme", "api"], "is for the provider linode");
    else checkHttps(["acme", "api"], acme.api, report);
  }
  const { needs, may } = fields[provider];
  for (const field of needs) {
    if (acme.credential[field] === undefined)
      report(["acme", "credential", field], `is missing; the provider ${provider} needs ${listed(needs)}`);
  }
  for (const field of Object.keys(acme.credential) as Field[]) {
    if (!needs.includes(field) && !may.includes(field))
      report(["acme", "credential", field], `is of no use to the provider ${provider}`);
  }
}

function checkNames(
  acme: AcmeSettings,
  { auth, site }: Partial<Pick<Settings, "auth" | "site">>,
  report: Report,
): void {
  const given = acme.domains ?? [];
  for (const [index, name] of given.entries()) {
    const at = ["acme", "domains", index];
    if (!plainName.test(name.replace(/^\*\./, "")) || name.length > 253) {
      report(at, 'must be a lower-case host name, or "*." before one, such as "*.example.org"');
    } else if (given.indexOf(name) !== index) report(at, `names "${name}" a second time`);
    else if (!name.startsWith("*.") && given.includes(wildcardOf(name))) {
      report(at, `is covered by "${wildcardOf(name)}" already, and no authority signs for both`);
    }
  }
  if (!acme.domains || !site?.enabled) return;
  const without = (name: string) => !given.some((one) => [name, wildcardOf(name)].includes(one));
  if (without(site.domain))
    report(["acme", "domains"], `name no certificate for site.domain, "${site.domain}"`);
  for (const { name, domain } of publishedDashboards({ auth, site })) {
    if (without(domain))
      report(
        ["acme", "domains"],
        `name no certificate for "${domain}", where auth.dashboards.${name} is published`,
      );
  }
}

/** Example: "*.example.org" for "www.example.org". */
const wildcardOf = (name: string): string => name.replace(/^[^.]+/, "*");

function checkHttps(path: string[], value: string, report: Report): void {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== "https:" || url.username !== "" || url.password !== "" || url.hash !== "") {
    const names =
      path[1] === "directory" ? `${[...Object.keys(directories), localDirectory].join(", ")}, or ` : "";
    report(path, `must be ${names}a URL that begins with https:// and has no user in it`);
  }
}
