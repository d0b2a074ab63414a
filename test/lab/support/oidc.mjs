/**
 * An OpenID Connect provider in the network namespace in which it is started: the certified library oidc-provider, with its
 * own pages for signing in, over TLS.
 *
 * The first line of standard input is a JSON object:
 *   { issuer, port, cert, key, client: { id, secret, redirectUris }, users: { <login>: { email, groups, guilds } } }
 * Each further one, { users }, replaces the users. It says a line when it listens, and one for each change. It ends with
 * its input.
 *
 * It has Discord's face besides: the same under Discord's paths, where ID tokens say nobody's groups, and a member's roles in the
 * guilds, which are { <id>: [<id of a role>, …] }, are told to who has his access token.
 */
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

let users = {};

const discord = {
  "/api/oauth2/authorize": "/auth",
  "/api/oauth2/token": "/token",
  "/api/oauth2/keys": "/jwks",
};

/** Discord's answer to who asks for a member of a guild: the status, and what it says. */
async function member(provider, guild, authorization = "") {
  const token = await provider.AccessToken.find(authorization.replace(/^Bearer /, ""));
  if (!token) return [401, { message: "401: Unauthorized", code: 0 }];
  if (!token.scopes.has("guilds.members.read")) return [403, { message: "Missing Access", code: 50001 }];
  const roles = users[token.accountId]?.guilds?.[guild];
  if (!roles) return [404, { message: "Unknown Guild", code: 10004 }];
  return [200, { user: { id: token.accountId, username: token.accountId }, nick: null, roles }];
}

/** Answers as Discord where one of its paths is asked for, and otherwise as the provider. */
async function answer(provider, request, response) {
  const url = new URL(request.url, provider.issuer);
  const [, guild] = /^\/api\/v10\/users\/@me\/guilds\/([0-9]+)\/member$/.exec(url.pathname) ?? [];
  if (guild) {
    const [status, told] = await member(provider, guild, request.headers.authorization);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(told));
    return;
  }
  if (discord[url.pathname]) {
    // There it is no more than: do not ask again who has consented already.
    if (url.searchParams.get("prompt") === "none") url.searchParams.delete("prompt");
    request.url = `${discord[url.pathname]}${url.search}`;
  }
  provider.callback()(request, response);
}

function provide({ issuer, port, cert, key, client }) {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: client.redirectUris,
        grant_types: ["authorization_code", "refresh_token"],
      },
    ],
    claims: { email: ["email", "email_verified"], groups: ["groups"] },
    scopes: ["openid", "email", "groups", "offline_access", "identify", "guilds.members.read"],
    // As with most: claims are read where the access token leads.
    findAccount: async (_, login) =>
      users[login] && {
        accountId: login,
        claims: async () => ({ sub: login, email_verified: true, ...users[login] }),
      },
    issueRefreshToken: async () => true,
    pkce: { required: () => true },
    cookies: { keys: ["of this process alone"] },
    ttl: { AccessToken: 300, IdToken: 300, Grant: 3600, Interaction: 600, Session: 3600, RefreshToken: 3600 },
  });
  // It stands behind no proxy: TLS ends here.
  createServer({ cert, key }, (request, response) => answer(provider, request, response)).listen(
    port,
    "::",
    () => process.stdout.write("ready\n"),
  );
}

let first = true;
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const told = JSON.parse(line);
    users = told.users;
    if (first) provide(told);
    else process.stdout.write("changed\n");
    first = false;
  })
  .on("close", () => process.exit());
