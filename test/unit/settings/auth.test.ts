import { describe, expect, test } from "vitest";
import { publishedDashboards } from "../../../components/settings/auth";
import { parseSettings } from "../../../components/settings/parse";
import { goodSettings, problemsOf } from "./stack-files";

const auth = {
  issuer: "https://id.example.org/realms/main",
  clientId: "hashistack",
  clientSecret: "s3cret",
  services: { website: ["members", "staff"] },
};
const guild = "81384788765712384";
const role = "41771983423143936";
const discord = {
  ...{ provider: "discord", guild, clientId: "157730590492196864", clientSecret: "s3cret" },
  services: { website: [role] },
};
const behindTraefik = { ...goodSettings(), site: { ingress: "traefik" } };

describe("auth", () => {
  test("has a default for all but the provider, the client and who is let in", () => {
    expect(parseSettings({ ...behindTraefik, auth }).auth).toEqual({
      ...auth,
      provider: "oidc",
      groupsClaim: "groups",
      userClaim: "email",
      scopes: ["openid", "email", "profile"],
      sessionHours: 8,
      refreshMinutes: 10,
    });
    expect(parseSettings(behindTraefik).auth).toBeUndefined();
  });

  test("with discord it has defaults of its own", () => {
    expect(parseSettings({ ...behindTraefik, auth: discord }).auth).toEqual({
      ...discord,
      issuer: "https://discord.com",
      groupsClaim: "roles",
      userClaim: "sub",
      scopes: ["openid", "identify", "guilds.members.read"],
      refreshMinutes: 60,
    });
    const own = { issuer: "https://192.0.2.10:9443", userClaim: "user.username", refreshMinutes: 1 };
    expect(parseSettings({ ...behindTraefik, auth: { ...discord, ...own } }).auth).toMatchObject(own);
  });

  test("dashboards may be all that is closed, each below the site's domain", () => {
    const { services: _, ...rest } = auth;
    const settings = parseSettings({
      ...behindTraefik,
      auth: { ...rest, dashboards: { vault: ["ops"], nomad: ["staff"] } },
    });
    expect(settings.auth?.services).toEqual({});
    expect(publishedDashboards(settings)).toEqual([
      { name: "nomad", domain: "nomad.www.dev.test", groups: ["staff"] },
      { name: "vault", domain: "vault.www.dev.test", groups: ["ops"] },
    ]);
    expect(publishedDashboards(parseSettings({ ...behindTraefik, auth }))).toEqual([]);
  });

  const wrong: [string, object, string[]][] = [
    [
      "behind Fabio",
      { ...goodSettings(), auth },
      ["auth: needs the ingress traefik (site.ingress): Fabio asks nobody whether a visitor may pass"],
    ],
    [
      "without a site",
      { ...goodSettings(), site: { enabled: false }, auth },
      ["auth: is of no use while site.enabled is false: there is no ingress to ask for it"],
    ],
    [
      "another word for a provider",
      { ...behindTraefik, auth: { ...auth, provider: "google" } },
      ['auth.provider: must be one of "oidc", "discord", not "google"'],
    ],
    ["no provider", { ...behindTraefik, auth: { ...auth, issuer: undefined } }, ["auth.issuer: is missing"]],
    [
      "Discord without a guild",
      { ...behindTraefik, auth: { ...discord, guild: undefined } },
      ["auth.guild: is missing; with the provider discord, name by its id the guild whose roles count"],
    ],
    [
      "a guild of no Discord",
      { ...behindTraefik, auth: { ...auth, guild } },
      ['auth.guild: is of no use with the provider oidc: guilds are a matter of "discord"'],
    ],
    [
      "a guild by its name",
      { ...behindTraefik, auth: { ...discord, guild: "Our Server" } },
      [
        'auth.guild: must be the id of a guild, such as "81384788765712384"; Discord shows it as "Copy Server ID", not "Our Server"',
      ],
    ],
    [
      "ids that are numbers in the stack's file, so others by now",
      {
        ...behindTraefik,
        auth: { ...discord, guild: Number(guild), services: { website: [Number(`${role}1`)] } },
      },
      ["guild", "services.website[0]"].map(
        (path) => `auth.${path}: must be a text, so in quotes: as a number it has lost digits`,
      ),
    ],
    [
      "roles by their names, and the one that everybody has",
      {
        ...behindTraefik,
        auth: { ...discord, services: { website: ["staff", role] }, dashboards: { nomad: [role, guild] } },
      },
      [
        'auth.services.website[0]: must be the id of a role in the guild, such as "41771983423143936", not "staff": Discord ' +
          'shows it as "Copy Role ID" in the server\'s settings, with the developer mode on',
        "auth.dashboards.nomad[1]: is the guild itself, so the role @everyone, which Discord does not tell; give members a role of their own",
      ],
    ],
    [
      "Discord with what only other providers have",
      {
        ...behindTraefik,
        auth: { ...discord, scopes: ["openid", "email"], groupsClaim: "groups", sessionHours: 8 },
      },
      [
        'auth.scopes: must name "guilds.members.read", without which Discord tells nobody\'s roles',
        "auth.groupsClaim: must be left out with the provider discord, which tells roles alone",
        "auth.sessionHours: must be left out with the provider discord: roles are asked for at signing in alone, so a session lasts auth.refreshMinutes",
      ],
    ],
    [
      "a provider in clear",
      { ...behindTraefik, auth: { ...auth, issuer: "http://id.example.org" } },
      ["auth.issuer: must begin with https://: who listens on the way would become any visitor"],
    ],
    [
      "a provider with a query",
      { ...behindTraefik, auth: { ...auth, issuer: "https://id.example.org/?a=b" } },
      [
        "auth.issuer: must be a URL without user, query and fragment, as the provider's discovery document says",
      ],
    ],
    [
      "no URL",
      { ...behindTraefik, auth: { ...auth, issuer: "keycloak" } },
      [
        'auth.issuer: must be the URL of an OpenID Connect provider, such as "https://id.example.org/realms/main"',
      ],
    ],
    [
      "nobody, which would be everybody",
      { ...behindTraefik, auth: { ...auth, services: { website: [] } } },
      [
        "auth.services.website: must name at least one group: without any, whoever the provider knows would be let in",
      ],
    ],
    [
      "no service",
      { ...behindTraefik, auth: { ...auth, services: {} } },
      ['auth.services: must name at least one service, such as "website"'],
    ],
    [
      "dashboards, and none of them",
      { ...behindTraefik, auth: { ...auth, dashboards: {} } },
      ["auth.dashboards: must name at least one of nomad, consul and vault, or be left out"],
    ],
    [
      "a dashboard for nobody, which would be everybody",
      { ...behindTraefik, auth: { ...auth, dashboards: { nomad: [] } } },
      [
        "auth.dashboards.nomad: must name at least one group: without any, whoever the provider knows would be let in",
      ],
    ],
    [
      "a dashboard that there is not",
      { ...behindTraefik, auth: { ...auth, dashboards: { nomat: ["staff"] } } },
      ['auth.dashboards.nomat: is not a setting; did you mean "nomad"?'],
    ],
    [
      "a dashboard's groups as a text",
      { ...behindTraefik, auth: { ...auth, dashboards: { vault: "staff" } } },
      ['auth.dashboards.vault: must be a list, not "staff"'],
    ],
    [
      "a service with a dashboard's name",
      { ...behindTraefik, auth: { ...auth, services: { nomad: ["staff"] }, dashboards: { nomad: ["ops"] } } },
      [
        "auth.services.nomad: is the name of a dashboard that auth.dashboards publishes; a service of one's own must have another",
      ],
    ],
    [
      "two groups in one",
      { ...behindTraefik, auth: { ...auth, services: { website: ["staff,root"] } } },
      ['auth.services.website[0]: must be printable characters without spaces and commas, not "staff,root"'],
    ],
    [
      "a refresh after the end",
      { ...behindTraefik, auth: { ...auth, sessionHours: 1, refreshMinutes: 90 } },
      ["auth.refreshMinutes: must be no longer than auth.sessionHours"],
    ],
    [
      "OAuth without OpenID",
      { ...behindTraefik, auth: { ...auth, scopes: ["email"] } },
      ['auth.scopes: must name "openid"'],
    ],
  ];
  test.each(wrong)("%s is said at preview", (_, raw, problems) => {
    expect(problemsOf(raw)).toEqual(problems);
  });

  test.each([[4711], [""], [{ secret: 4711 }], [["4711"]]])(
    "a secret that is wrong is not shown: %j",
    (clientSecret) => {
      expect(problemsOf({ ...behindTraefik, auth: { ...auth, clientSecret } })).toEqual([
        "auth.clientSecret: must be a text that is not empty (what was given is not shown)",
      ]);
    },
  );

  test("a secret that is missing is said to be so", () => {
    const { clientSecret: _, ...rest } = auth;
    expect(problemsOf({ ...behindTraefik, auth: rest })).toEqual(["auth.clientSecret: is missing"]);
  });
});
