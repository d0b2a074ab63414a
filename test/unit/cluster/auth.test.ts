import { beforeAll, describe, expect, test } from "vitest";
import { authMiddlewares, authTags, authToml } from "../../../components/jobs/auth-proxy";
import type { MachinePlan } from "../../../components/provisioning/plan";
import { configOf, devStack } from "../settings/stack-files";
import { bundleOf, canary, type Deployment, deploy, inClear, opened, resourceOf } from "./deployment";

/** What of the dev stack is another one when the site is closed. */

const auth = {
  issuer: "https://id.example.org/realms/main",
  clientId: "hashistack",
  clientSecret: `${canary}-client`,
  services: { website: ["staff", "a&b=c"] },
};

let open: Deployment;
let closed: Deployment;
let published: Deployment;
beforeAll(async () => {
  const config = { ...configOf(devStack), "hashistack:site": JSON.stringify({ ingress: "traefik" }) };
  open = await deploy(config);
  closed = await deploy({ ...config, "hashistack:auth": JSON.stringify(auth) });
  published = await deploy({
    ...config,
    "hashistack:auth": JSON.stringify({ ...auth, dashboards: { nomad: ["staff"], consul: ["staff"] } }),
  });
}, 60_000);

const idsOf = ({ resources }: Deployment) => resources.map(({ id }) => id);

describe("a closed site", () => {
  test("has the proxy, its secrets and an identity of the ingress's besides; nothing is replaced", () => {
    const [before, after] = [idsOf(open), idsOf(closed)];
    expect(before.filter((id) => !after.includes(id))).toEqual([]);
    expect(after.filter((id) => !before.includes(id))).toMatchInlineSnapshot(`
      [
        "AuthProxy auth-proxy",
        "NomadJob auth-proxy",
        "random.RandomPassword auth-proxy-cookie",
        "remote.Command artifact-oauth2-proxy",
        "remote.Command auth-proxy",
        "tls.CertRequest auth-proxy-instance",
        "tls.CertRequest site-ingress",
        "tls.LocallySignedCert auth-proxy-instance",
        "tls.LocallySignedCert site-ingress",
        "tls.PrivateKey auth-proxy-instance",
        "tls.PrivateKey site-ingress",
        "vault.kv.Secret site-ingress",
        "vault.kv.SecretV2 auth-proxy",
      ]
    `);
  });

  test("comes when secrets and proxy are there, and is looked at as a stranger", () => {
    expect(resourceOf(closed, "remote.Command auth-proxy").dependencies).toContain(
      "vault.kv.SecretV2 auth-proxy",
    );
    expect(resourceOf(closed, "remote.Command ingress").dependencies).toContain(
      "vault.kv.Secret site-ingress",
    );
    const answers = resourceOf(closed, "remote.Command site-answers");
    expect(answers.dependencies).toContain("remote.Command auth-proxy");
  });

  test("no secret of the client lies in the clear, in a job, or anywhere but on its way to Vault", () => {
    const holders = closed.resources.filter(({ inputs }) =>
      JSON.stringify(opened(inputs)).includes(`${canary}-client`),
    );
    expect(holders.map(({ id }) => id)).toEqual(["vault.kv.SecretV2 auth-proxy"]);
    for (const { inputs } of closed.resources) {
      expect(JSON.stringify(inClear(inputs))).not.toContain(`${canary}-client`);
    }
  });

  test("the website's address is its name: a provider sends nobody back to an address", async () => {
    const url = await new Promise((resolve) => closed.outputs.siteUrl?.apply(resolve));
    expect(url).toBe("https://www.dev.test/");
  });
});

describe("published dashboards", () => {
  const changed = () =>
    published.resources
      .filter(({ id, inputs }) => {
        const before = closed.resources.find((one) => one.id === id);
        return JSON.stringify(before?.inputs) !== JSON.stringify(inputs);
      })
      .map(({ id }) => id);

  test("make no resource, and change what is told to no other but these", () => {
    expect(idsOf(published)).toEqual(idsOf(closed));
    // A certificate of another request is another one, and what shows it is told of it.
    const known = ["tls.LocallySignedCert site-edge", "vault.kv.Secret site-certificate"];
    expect(changed().filter((id) => !known.includes(id))).toMatchInlineSnapshot(`
      [
        "remote.Command auth-proxy",
        "remote.Command client-a-apply",
        "remote.Command client-b-apply",
        "remote.Command control-a-apply",
        "remote.Command control-b-apply",
        "remote.Command control-c-apply",
        "remote.Command ingress",
        "tls.CertRequest site-edge",
      ]
    `);
  });

  test("of a machine's plan nothing changes but its filter: no daemon is told of it, nor restarted", () => {
    const planOf = (of: Deployment, machine: string) =>
      bundleOf(resourceOf(of, `remote.Command ${machine}-apply`)).input as unknown as MachinePlan;
    const changes = (machine: string) => {
      const [before, after] = [closed, published].map((of) => planOf(of, machine)) as [
        MachinePlan,
        MachinePlan,
      ];
      const parts = (Object.keys(after) as (keyof MachinePlan)[]).filter(
        (part) => JSON.stringify(before[part]) !== JSON.stringify(after[part]),
      );
      const files = after.files.filter(
        (file, index) => JSON.stringify(file) !== JSON.stringify(before.files[index]),
      );
      return { parts, files: files.map(({ path }) => path) };
    };
    expect(changes("control-a")).toEqual({ parts: ["zones"], files: [] });
    expect(changes("client-a")).toEqual({ parts: ["files"], files: ["/etc/hashistack/tasks.nft"] });
    expect(changes("edge-a")).toEqual({ parts: [], files: [] });
  });

  test("the certificate has their names, and visitors are sent back to them", () => {
    expect(opened(resourceOf(published, "tls.CertRequest site-edge").inputs)).toMatchObject({
      dnsNames: ["www.dev.test", "nomad.www.dev.test", "consul.www.dev.test"],
    });
  });
});

describe("what Traefik is told", () => {
  const middlewares = authMiddlewares(auth.services) as Record<
    string,
    { forwardAuth: { address: string; authRequestHeaders: string[]; authResponseHeadersRegex: string } }
  >;
  const asks = middlewares["auth-website"]?.forwardAuth;

  test("a question names the groups, and none of them can be another parameter", () => {
    const url = new URL(asks?.address ?? "");
    expect([...url.searchParams]).toEqual([["allowed_groups", "staff,a&b=c"]]);
    expect(asks?.authRequestHeaders).toEqual(["Cookie"]);
  });

  test("whatever a visitor sends under the names of the proxy's answers is dropped, however it is spelt", () => {
    const [, source = ""] = /^\(\?i\)(.*)$/.exec(asks?.authResponseHeadersRegex ?? "") ?? [];
    const dropped = new RegExp(source, "i");
    for (const name of [
      ...["X-Auth-Request-User", "X-Auth-Request-Groups", "x-auth-request-email", "X_Auth_Request_User"],
      ...["X-Auth_Request-Access-Token", "X-Forwarded-User", "X_Forwarded_Groups", "X-Forwarded-Email"],
      ...["X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token"],
    ]) {
      expect(name).toMatch(dropped);
    }
    for (const name of ["X-Forwarded-For", "X-Forwarded-Host", "Cookie", "Authorization", "Accept"]) {
      expect(name).not.toMatch(dropped);
    }
  });

  test("visitors reach of the proxy what they sign in by, and not what Traefik asks", () => {
    const rule = authTags().find((tag) => tag.includes("auth-proxy-visitors.rule="));
    expect(rule?.split("rule=")[1]).toBe(
      "Path(`/oauth2/sign_in`) || Path(`/oauth2/start`) || Path(`/oauth2/callback`) || Path(`/oauth2/sign_out`)",
    );
    expect(authTags()).toContain("traefik.http.routers.auth-proxy-asked.entrypoints=own");
  });
});

test("the proxy's settings: what its defaults leave open is closed", () => {
  const args = {
    ...{ datacenter: "dc1", nodeClass: "general", instances: 2, apart: true },
    program: { url: "https://[fd00:1ab::2]:8443/x/oauth2-proxy", sha256: "0".repeat(64) },
    auth: {
      ...{ provider: "oidc" as const, issuer: auth.issuer, clientId: auth.clientId, services: auth.services },
      ...{ groupsClaim: "groups", userClaim: "email", scopes: ["openid", "email"] },
      ...{ sessionHours: 8, refreshMinutes: 10 },
    },
    domains: ["www.dev.test"],
    networks: ["198.51.100.0/24", "fd00:1ab::/64"],
  };
  expect(authToml(args)).toMatchInlineSnapshot(`
    "provider = "oidc"
    provider_display_name = "id.example.org"
    oidc_issuer_url = "https://id.example.org/realms/main"
    client_id = "hashistack"
    scope = "openid email"
    oidc_groups_claim = "groups"
    oidc_email_claim = "email"
    insecure_oidc_skip_nonce = false
    code_challenge_method = "S256"
    email_domains = ["*"]
    reverse_proxy = true
    trusted_proxy_ips = ["198.51.100.0/24","fd00:1ab::/64"]
    whitelist_domains = ["www.dev.test"]
    cookie_name = "__Host-hashistack"
    cookie_path = "/"
    cookie_secure = true
    cookie_httponly = true
    cookie_samesite = "lax"
    cookie_csrf_samesite = "lax"
    cookie_csrf_per_request = true
    cookie_csrf_expire = "15m"
    cookie_expire = "8h"
    cookie_refresh = "10m"
    set_xauthrequest = true
    pass_basic_auth = false
    pass_user_headers = false
    upstreams = ["file:///local/pages/#/pages/"]
    custom_templates_dir = "/local/templates"
    silence_ping_logging = true
    request_logging = false
    "
  `);
  expect(authToml({ ...args, auth: { ...args.auth, issuerCa: "-----BEGIN CERTIFICATE-----" } })).toContain(
    'provider_ca_files = ["/local/issuer-ca.pem"]\n',
  );

  const settings = (toml: string) =>
    Object.fromEntries(
      toml
        .trim()
        .split("\n")
        .map((line) => line.split(/ = (.*)/s) as [string, string]),
    );
  const { sessionHours: _, ...lasting } = args.auth;
  const discord = {
    ...{
      ...lasting,
      provider: "discord" as const,
      issuer: "https://discord.com",
      guild: "81384788765712384",
    },
    ...{ groupsClaim: "roles", userClaim: "sub", scopes: ["openid", "identify", "guilds.members.read"] },
    refreshMinutes: 60,
  };
  const [before, after] = [args.auth, discord].map((auth) => settings(authToml({ ...args, auth })));
  const changed = Object.entries(after ?? {}).filter(([name, value]) => before?.[name] !== value);
  expect(Object.fromEntries(changed)).toMatchInlineSnapshot(`
    {
      "cookie_expire": ""60m"",
      "footer": ""Discord did not tell your roles here: you are signed in there as somebody who is no member of the server whose members are let in, or Discord does not answer. In the first case sign in at Discord as another, or join the server; then try again."",
      "login_url": ""https://discord.com/api/oauth2/authorize"",
      "oidc_email_claim": ""sub"",
      "oidc_groups_claim": ""roles"",
      "oidc_issuer_url": ""https://discord.com"",
      "oidc_jwks_url": ""https://discord.com/api/oauth2/keys"",
      "profile_url": ""https://discord.com/api/v10/users/@me/guilds/81384788765712384/member"",
      "prompt": ""none"",
      "provider_display_name": ""discord.com"",
      "redeem_url": ""https://discord.com/api/oauth2/token"",
      "scope": ""openid identify guilds.members.read"",
      "session_cookie_minimal": "true",
      "skip_oidc_discovery": "true",
    }
  `);
  // Nothing is left over by which a session would outlive the roles that it was made of.
  expect(Object.keys(before ?? {}).filter((name) => after?.[name] === undefined)).toEqual(["cookie_refresh"]);
  expect(authToml({ ...args, auth: { ...discord, issuer: "https://discord.example.org/" } })).toContain(
    'oidc_jwks_url = "https://discord.example.org/api/oauth2/keys"\n',
  );
});
