import { z } from "zod";
import { type Dashboard, dashboards } from "../topology/model";
import type { AuthSettings, Settings } from "./model";
import { listed, type Report, shown } from "./problems";

/** The form of `auth`, and what it asks of the other settings. */

const service = z
  .string()
  .max(40, "must have at most 40 characters")
  .regex(/^[a-z](?:-?[a-z0-9])*$/, "must be lower-case letters, digits and single hyphens");

/** How Discord numbers all it has. Example: "81384788765712384" */
const snowflake = /^[1-9][0-9]{16,19}$/;

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
    provider: z.enum(["oidc", "discord"]).default("oidc"),
    issuer: z.string().optional(),
    guild: z
      .string()
      .regex(
        snowflake,
        'must be the id of a guild, such as "81384788765712384"; Discord shows it as "Copy Server ID"',
      )
      .optional(),
    issuerCa: z
      .string()
      .regex(/^\s*-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
      .optional(),
    clientId: word,
    clientSecret: z.string().min(1, "must not be empty").meta({ title: "Secret" }),
    groupsClaim: claim.optional(),
    userClaim: claim.optional(),
    scopes: z.array(word).min(1, "must name at least openid").optional(),
    sessionHours: z.int().min(1).max(720).optional(),
    refreshMinutes: z.int().min(1).max(1440).optional(),
    services: z.record(service, groups).default({}),
    dashboards: z
      .strictObject({ nomad: groups.optional(), consul: groups.optional(), vault: groups.optional() })
      .meta({ title: "DashboardSettings" })
      .optional(),
  })
  .meta({ title: "AuthSettings" })
  .optional();

type Varying = "issuer" | "groupsClaim" | "userClaim" | "scopes" | "refreshMinutes";

/** As the schema gives them: what depends on the provider may be missing. */
export type AskedAuth = Omit<AuthSettings, Varying> & Partial<Pick<AuthSettings, Varying>>;

const defaults: {
  readonly [P in AuthSettings["provider"]]: Pick<AuthSettings, Varying> & Partial<AuthSettings>;
} = {
  oidc: {
    issuer: "",
    groupsClaim: "groups",
    userClaim: "email",
    scopes: ["openid", "email", "profile"],
    sessionHours: 8,
    refreshMinutes: 10,
  },
  // An e-mail address is in none of its tokens, and nobody here needs it.
  discord: {
    issuer: "https://discord.com",
    groupsClaim: "roles",
    userClaim: "sub",
    scopes: ["openid", "identify", "guilds.members.read"],
    refreshMinutes: 60,
  },
};

/** Fills in what depends on the provider. */
export function completeAuth(auth: AskedAuth): AuthSettings {
  const standard = defaults[auth.provider];
  const { sessionHours = standard.sessionHours, ...given } = auth;
  return {
    ...given,
    issuer: given.issuer ?? standard.issuer,
    groupsClaim: given.groupsClaim ?? standard.groupsClaim,
    userClaim: given.userClaim ?? standard.userClaim,
    scopes: given.scopes ?? standard.scopes,
    ...(sessionHours === undefined ? {} : { sessionHours }),
    refreshMinutes: given.refreshMinutes ?? standard.refreshMinutes,
  };
}

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
  if (auth.provider === "discord") checkDiscord(auth, report);
  else if (auth.guild !== undefined) {
    report(["auth", "guild"], 'is of no use with the provider oidc: guilds are a matter of "discord"');
  }
  const wrong = wrongIssuer(auth.issuer);
  if (wrong) report(["auth", "issuer"], wrong);
  if (!auth.scopes.includes("openid")) report(["auth", "scopes"], 'must name "openid"');
  if (auth.sessionHours !== undefined && auth.refreshMinutes > auth.sessionHours * 60) {
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

function checkDiscord(auth: AuthSettings, report: Report): void {
  if (auth.guild === undefined) {
    report(
      ["auth", "guild"],
      "is missing; with the provider discord, name by its id the guild whose roles count",
    );
  }
  if (!auth.scopes.includes("guilds.members.read")) {
    report(
      ["auth", "scopes"],
      'must name "guilds.members.read", without which Discord tells nobody\'s roles',
    );
  }
  if (auth.groupsClaim !== defaults.discord.groupsClaim) {
    report(["auth", "groupsClaim"], "must be left out with the provider discord, which tells roles alone");
  }
  if (auth.sessionHours !== undefined) {
    report(
      ["auth", "sessionHours"],
      "must be left out with the provider discord: roles are asked for at signing in alone, so a session lasts " +
        "auth.refreshMinutes",
    );
  }
  for (const kind of ["services", "dashboards"] as const) {
    for (const [name, groups] of Object.entries<readonly string[] | undefined>({ ...auth[kind] })) {
      for (const [index, group] of (groups ?? []).entries()) {
        const wrong = wrongRole(group, auth.guild);
        if (wrong) report(["auth", kind, name, index], wrong);
      }
    }
  }
}

function wrongRole(role: string, guild?: string): string | undefined {
  if (!snowflake.test(role)) {
    return (
      `must be the id of a role in the guild, such as "41771983423143936", not ${shown(role)}: Discord shows it as ` +
      '"Copy Role ID" in the server\'s settings, with the developer mode on'
    );
  }
  return role === guild
    ? "is the guild itself, so the role @everyone, which Discord does not tell; give members a role of their own"
    : undefined;
}

function wrongIssuer(issuer: string): string | undefined {
  if (issuer === "") return "is missing";
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
