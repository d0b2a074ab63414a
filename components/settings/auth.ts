import { z } from "zod";
import { type Dashboard, dashboards } from "../topology/model";
import type { Settings } from "./model";
import { listed, type Report } from "./problems";

/** The form of `auth`, and what it asks of the other settings. */

const service = z
  .string()
  .max(40, "must have at most 40 characters")
  .regex(/^[a-z](?:-?[a-z0-9])*$/, "must be lower-case letters, digits and single hyphens");

/** A comma would make two of one, where the proxy is asked. */
const word = z
  .string()
  .max(200, "must have at most 200 characters")
  .regex(/^[\x21-\x2b\x2d-\x7e]+$/, "must be printable characters without spaces and commas");

const groups = z
  .array(word)
  .min(1, "must name at least one group: without any, whoever the provider knows would be let in")
  .max(50, "must name at most 50 groups");

const claim = z
  .string()
  .max(100, "must have at most 100 characters")
  .regex(/^[A-Za-z0-9_:./-]+$/, "must be the name of a claim");

export const authSchema = z
  .strictObject({
    provider: z.string().default("oidc"),
    issuer: z.string(),
    issuerCa: z
      .string()
      .regex(/^\s*-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
      .optional(),
    clientId: word,
    clientSecret: z.string().min(1, "must not be empty").meta({ title: "Secret" }),
    groupsClaim: claim.default("groups"),
    userClaim: claim.default("email"),
    scopes: z.array(word).min(1, "must name at least openid").default(["openid", "email", "profile"]),
    sessionHours: z.int().min(1).max(720).default(8),
    refreshMinutes: z.int().min(1).max(1440).default(10),
    services: z.record(service, groups).default({}),
    dashboards: z
      .strictObject({ nomad: groups.optional(), consul: groups.optional(), vault: groups.optional() })
      .meta({ title: "DashboardSettings" })
      .optional(),
  })
  .meta({ title: "AuthSettings" })
  .optional();

/** A dashboard that is published. */
export interface PublishedDashboard {
  readonly name: Dashboard;
  /** Where. Example: "nomad.www.example.org". */
  readonly domain: string;
  /** Who is let in. Example: ["staff"]. */
  readonly groups: readonly string[];
}

/** The dashboards that settings publish. */
export function publishedDashboards({
  auth,
  site,
}: Partial<Pick<Settings, "auth" | "site">>): PublishedDashboard[] {
  return dashboards.flatMap((name) => {
    const groups = auth?.dashboards?.[name];
    return groups && site ? [{ name, domain: `${name}.${site.domain}`, groups }] : [];
  });
}

export function checkAuth({ auth, site }: Partial<Settings>, report: Report): void {
  if (!auth) return;
  if (auth.provider === "discord") {
    report(
      ["auth", "provider"],
      "must be an OpenID Connect provider: a member's roles in a guild of Discord are in none of its tokens; put a bridge " +
        "before it that gives them as a claim of groups (Authentik, or Keycloak), and name the bridge as auth.issuer",
    );
  } else if (auth.provider !== "oidc") report(["auth", "provider"], 'must be "oidc"');
  const wrong = wrongIssuer(auth.issuer);
  if (wrong) report(["auth", "issuer"], wrong);
  if (!auth.scopes.includes("openid")) report(["auth", "scopes"], 'must name "openid"');
  if (auth.refreshMinutes > auth.sessionHours * 60) {
    report(["auth", "refreshMinutes"], "must be no longer than auth.sessionHours");
  }
  const published = dashboards.filter((one) => auth.dashboards?.[one]);
  if (auth.dashboards && published.length === 0) {
    report(["auth", "dashboards"], `must name at least one of ${listed(dashboards)}, or be left out`);
  }
  if (Object.keys(auth.services).length === 0 && !auth.dashboards) {
    report(["auth", "services"], 'must name at least one service, such as "website"');
  }
  for (const one of published) {
    if (!Object.hasOwn(auth.services, one)) continue;
    report(
      ["auth", "services", one],
      `is the name of a dashboard that auth.dashboards publishes; a service of one's own must have another`,
    );
  }
  if (!site) return;
  if (!site.enabled)
    report(["auth"], "is of no use while site.enabled is false: there is no ingress to ask for it");
  else if (site.ingress !== "traefik") {
    report(
      ["auth"],
      "needs the ingress traefik (site.ingress): Fabio asks nobody whether a visitor may pass",
    );
  }
}

function wrongIssuer(issuer: string): string | undefined {
  let url: URL;
  try {
    url = new URL(issuer);
  } catch {
    return 'must be the URL of an OpenID Connect provider, such as "https://id.example.org/realms/main"';
  }
  if (url.protocol !== "https:")
    return "must begin with https://: who listens on the way would become any visitor";
  if (url.username || url.password || url.search || url.hash) {
    return "must be a URL without user, query and fragment, as the provider's discovery document says";
  }
  return undefined;
}
