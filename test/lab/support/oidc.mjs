/**
 * An OpenID Connect provider in the network namespace in which it is started: the certified library oidc-provider, with its
 * own pages for signing in, over TLS.
 *
 * The first line of standard input is a JSON object:
 *   { issuer, port, cert, key, client: { id, secret, redirectUris }, users: { <login>: { email, groups } } }
 * Each further one, { users }, replaces the users. It says a line when it listens, and one for each change. It ends with
 * its input.
 */
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

let users = {};

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
    scopes: ["openid", "email", "groups", "offline_access"],
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
  createServer({ cert, key }, provider.callback()).listen(port, "::", () => process.stdout.write("ready\n"));
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
