import { readAsset } from "../provisioning/assets";
import type { AuthSettings } from "../settings";
import type { JobArtifact, JobSpec } from "./artifact";

/**
 * The auth proxy: oauth2-proxy, which Traefik asks before it lets a visitor pass. Visitors see only `/oauth2/…` of it, below
 * the name of the service that they wanted; so a session's cookie belongs to that name alone.
 */

export const authNamespace = "auth";

/** Its job, its service in Consul, and the ingress's word for how it is verified. */
export const authService = "auth-proxy";

/** The name in the certificate that its instances show the ingress. */
export const authServerName = "auth-proxy.service.consul";

/** The program and its version. */
export const authProgram = { name: "oauth2-proxy", version: "7.15.3" } as const;

/**
 * Where in the key-value store `secret` it finds its own: the fields are `clientSecret`, `cookieSecret` (32 characters),
 * `certificate` and `key` (PEM, for the way from the ingress).
 */
export function authSecretPath(namespace = authNamespace): string {
  return `${namespace}/${authService}`;
}

/**
 * Traefik's own way to it, on loopback: what it asks there it balances, tries again and encrypts as any visitor's request, and
 * nobody else comes by it. See the entry point "own" of its job.
 */
const checkUrl = "http://127.0.0.1:9998/oauth2/auth";

/** Bound to one name, sent by HTTPS alone: the browser sees to what the prefix promises. */
export const sessionCookie = "__Host-hashistack";

/** The name of the middleware that lets only the service's groups pass. Example: "auth-website@file". */
export function authMiddleware(service: string): string {
  return `auth-${service}@file`;
}

/** What a service behind the proxy is told of its visitor; whatever a visitor sends under these names is dropped. */
const told =
  "(?i)^X[-_](Auth[-_]Request[-_].*|Forwarded[-_](User|Groups|Email|Preferred[-_]Username|Access[-_]Token))$";

/** Traefik's middlewares: one for each service that is closed, and those of its own way to the proxy. */
export function authMiddlewares(services: AuthSettings["services"]): Record<string, object> {
  const page = (status: string, query: string) => ({
    errors: { status: [status], service: `${authService}@consulcatalog`, query },
  });
  const closed = Object.entries(services).map(([service, groups]) => [
    `auth-${service}`,
    {
      forwardAuth: {
        address: `${checkUrl}?allowed_groups=${groups.map(encodeURIComponent).join(",")}`,
        trustForwardHeader: false,
        // The answer depends on nothing else of the request.
        authRequestHeaders: ["Cookie"],
        authResponseHeadersRegex: told,
        // A session that was refreshed; one too large for a cookie is cut in parts.
        addAuthCookiesToResponse: [sessionCookie, ...[0, 1, 2, 3].map((part) => `${sessionCookie}_${part}`)],
        maxResponseBodySize: 65536,
      },
    },
  ]);
  return {
    ...Object.fromEntries(closed),
    // Only what the proxy itself answers gets these pages: a service's own 401 and 403 are its own matter.
    "auth-stranger": page("401", "/oauth2/sign_in"),
    "auth-forbidden": page("403", "/pages/forbidden.html"),
  };
}

/** The tags by which Traefik finds it: for its own questions, and for visitors who sign in, come back, or sign out. */
export function authTags(): string[] {
  const visitors = ["sign_in", "start", "callback", "sign_out"];
  const router = (name: string) => `traefik.http.routers.${authService}-${name}`;
  const server = `traefik.http.services.${authService}.loadbalancer`;
  return [
    "traefik.enable=true",
    `${server}.server.scheme=https`,
    `${server}.serverstransport=${authService}@file`,
    `${router("asked")}.entrypoints=own`,
    `${router("asked")}.rule=Path(\`/oauth2/auth\`)`,
    `${router("asked")}.service=${authService}`,
    `${router("asked")}.middlewares=auth-stranger@file,auth-forbidden@file,again@file`,
    `${router("visitors")}.entrypoints=https`,
    // Before a service's own route, which has them pass the proxy.
    `${router("visitors")}.priority=100000`,
    `${router("visitors")}.rule=${visitors.map((word) => `Path(\`/oauth2/${word}\`)`).join(" || ")}`,
    `${router("visitors")}.service=${authService}`,
    `${router("visitors")}.middlewares=again@file`,
  ];
}

/** What the auth proxy needs of the rest of the cluster. */
export interface AuthProxyArgs {
  /** Nomad namespace. Default "auth". */
  readonly namespace?: string;
  readonly datacenter: string;
  /** Node class of the clients that run it. Example: "general". */
  readonly nodeClass: string;
  readonly instances: number;
  /** Whether no two of them may be on one client. */
  readonly apart: boolean;
  /** oauth2-proxy. */
  readonly program: JobArtifact;
  readonly auth: Omit<AuthSettings, "clientSecret">;
  /** Names by which visitors ask for what is closed. Example: ["www.example.org"]. */
  readonly domains: readonly string[];
  /** The private networks of all machines, CIDRs: what comes from there, Traefik has said who asks for what. */
  readonly networks: readonly string[];
}

/** The auth proxy as a job. */
export function authProxyJob(args: AuthProxyArgs): JobSpec {
  const namespace = args.namespace ?? authNamespace;
  return {
    id: authService,
    namespace,
    hcl: readAsset("jobs/specs/auth-proxy.nomad.hcl"),
    variables: {
      namespace,
      datacenter: args.datacenter,
      node_class: args.nodeClass,
      instances: args.instances,
      apart: args.apart,
      tags: authTags(),
      program: { ...args.program },
      settings: authToml(args),
      issuer_ca: args.auth.issuerCa ?? "",
      pages: {
        sign_in: readAsset("jobs/auth/sign_in.html.tmpl"),
        error: readAsset("jobs/auth/error.html.tmpl"),
        forbidden: readAsset("jobs/auth/forbidden.html"),
      },
    },
  };
}

type Values = Record<string, string | boolean | readonly string[]>;

/** Sessions that go on as long as the provider says so each time. */
function refreshed({ sessionHours, refreshMinutes }: AuthProxyArgs["auth"]): Values {
  return { cookie_expire: `${sessionHours}h`, cookie_refresh: `${refreshMinutes}m` };
}

/**
 * Discord speaks OpenID Connect, but tells roles only to who asks for the visitor as the guild's member. So that is where
 * claims are taken from which its ID tokens lack. What discovery finds would take its place, hence none.
 *
 * A session is not refreshed: without an ID token in the answer, which Discord promises nowhere, the proxy would keep the old roles,
 * and of two visits at one moment one would come with a refresh token that was used up. It ends, and the visitor signs in anew,
 * which Discord asks nothing for of who has consented once.
 */
function discord({ issuer, guild, refreshMinutes }: AuthProxyArgs["auth"]): Values {
  const api = `${issuer.replace(/\/+$/, "")}/api`;
  return {
    skip_oidc_discovery: true,
    login_url: `${api}/oauth2/authorize`,
    redeem_url: `${api}/oauth2/token`,
    oidc_jwks_url: `${api}/oauth2/keys`,
    profile_url: `${api}/v10/users/@me/guilds/${guild}/member`,
    prompt: "none",
    cookie_expire: `${refreshMinutes}m`,
    // So nobody's tokens are needed any more, and the cookie is without them.
    session_cookie_minimal: true,
    // What its page says when no session could be made of who came back from the provider.
    footer:
      "Discord did not tell your roles here: you are signed in there as somebody who is no member of the server whose members " +
      "are let in, or Discord does not answer. In the first case sign in at Discord as another, or join the server; then try again.",
  };
}

/** oauth2-proxy's configuration, but for what is secret or known only where it runs. */
export function authToml({ auth, domains, networks }: AuthProxyArgs): string {
  const values: Values = {
    provider: "oidc",
    provider_display_name: new URL(auth.issuer).host,
    oidc_issuer_url: auth.issuer,
    ...(auth.issuerCa === undefined ? {} : { provider_ca_files: ["/local/issuer-ca.pem"] }),
    client_id: auth.clientId,
    scope: auth.scopes.join(" "),
    oidc_groups_claim: auth.groupsClaim,
    oidc_email_claim: auth.userClaim,
    // By default it is left out.
    insecure_oidc_skip_nonce: false,
    code_challenge_method: "S256",
    // Who is let in is a matter of groups, asked for each service.
    email_domains: ["*"],

    reverse_proxy: true,
    trusted_proxy_ips: networks,
    // Where a visitor may be sent after signing in or out, besides paths of the very host.
    whitelist_domains: domains,

    cookie_name: sessionCookie,
    cookie_path: "/",
    cookie_secure: true,
    cookie_httponly: true,
    cookie_samesite: "lax",
    cookie_csrf_samesite: "lax",
    cookie_csrf_per_request: true,
    cookie_csrf_expire: "15m",
    ...(auth.provider === "discord" ? discord(auth) : refreshed(auth)),

    set_xauthrequest: true,
    pass_basic_auth: false,
    pass_user_headers: false,
    upstreams: ["file:///local/pages/#/pages/"],
    custom_templates_dir: "/local/templates",
    silence_ping_logging: true,
    // Traefik keeps the log of requests; this one would be every question twice.
    request_logging: false,
  };
  // JSON's texts, truth values and lists of texts are TOML.
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join("");
}
