import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { dashboards } from "../../../components/topology/model";
import type { People, Seen } from "../support/people";
import type { HttpAnswer, Trial } from "../support/trial";

/** A site that is closed to all but those who have a role in a guild of Discord. */
export interface Guild {
  readonly trial: Trial;
  readonly home: string;
  readonly deep: string;
  /** What only those see who are let in. */
  readonly shown: string;
  readonly people: () => People;
  /** From the page that asks who one is, through the provider's pages. */
  readonly signIn: (person: string) => Promise<Seen>;
  /** The cookies that somebody's browser has. */
  readonly session: (person: string) => Promise<string>;
  readonly asked: (path: string, headers?: Record<string, string>) => Promise<HttpAnswer>;
  /** Of the settings, what says where Discord is, and as whom it knows the proxy. */
  readonly client: () => object;
  /** Replaces those whom Discord knows. */
  readonly tell: (
    users: Record<string, { email: string; groups: string[]; guilds: Record<string, string[]> }>,
  ) => Promise<unknown>;
}

const id = "81384788765712384";
const role = "41771983423143936";
const other = "41771983423143937";

const settings = {
  ...{ provider: "discord", guild: id, refreshMinutes: 1, services: { website: [role] } },
  dashboards: Object.fromEntries(dashboards.map((one) => [one, [role]])),
};

/** Whom Discord knows, by their roles in the guilds in which they are. */
const known = (changed: Record<string, Record<string, string[]>> = {}) =>
  Object.fromEntries(
    Object.entries({ ...members, ...changed }).map(([login, guilds]) => [
      login,
      { email: `${login}@dev.test`, groups: [role], guilds },
    ]),
  );

const members = {
  gil: { [id]: [other, role] },
  hal: { [id]: [other] },
  // The same role, in a guild of his own.
  ida: { "81384788765712385": [role] },
  jon: { [id]: [role] },
  kim: { [id]: [role] },
};

export function guildMembers(guild: Guild): void {
  const { trial, home, deep, shown, people, signIn, session, asked, client, tell } = guild;

  it("another setting, and roles in a guild of Discord let in", async () => {
    trial.configure((config) => {
      config["hashistack:auth"] = { ...client(), ...settings };
    });
    const { changed } = await trial.up();
    expect([...changed].sort()).toEqual(["auth-proxy", "ingress"]);
  });

  it("a member with the role gets in, where he wanted to go", async () => {
    await tell(known());
    for (const person of ["gil", "jon", "kim"]) {
      expect(await people().go(person, deep)).toMatchObject({ status: 401, title: "Sign in" });
      expect(await signIn(person)).toMatchObject({
        status: 200,
        url: deep,
        text: expect.stringContaining(shown),
      });
    }
    const { body } = await asked("/", { cookie: await session("gil") });
    expect(body).toContain(`X-Auth-Request-Groups=[${other},${role}]`);
    expect(body).toContain("X-Auth-Request-User=[gil]");
  });

  it("a member without the role sees that this is not for him", async () => {
    await people().go("hal", deep);
    const refused = await signIn("hal");
    expect(refused).toMatchObject({ status: 403, url: deep, title: "Not for you" });
    expect(refused.text).not.toContain(shown);
  });

  it("who is not in the guild has no session, and reads why", async () => {
    await people().go("ida", home);
    const refused = await signIn("ida");
    expect(refused).toMatchObject({ status: 500, title: "Not signed in" });
    expect(refused.text).toContain("no member of the server whose members are let in");
    expect(refused.text).not.toMatch(/error|profile|http|goroutine/i);
    expect(await session("ida")).toBe("");
    // Until somebody invites her.
    await tell(known({ ida: { [id]: [role] } }));
    await people().submit("ida", "button");
    expect(await people().submit("ida", "button")).toMatchObject({ status: 200, url: `${home}/` });
  });

  it("a role that was taken away, and a guild that was left, are noticed when the session is over", async () => {
    const [cookie] = (await people().cookies("jon")).filter(({ name }) => name === "__Host-hashistack");
    expect(cookie?.expires).toBeLessThanOrEqual(Date.now() / 1000 + 60);
    await tell(known({ jon: { [id]: [other] }, kim: {} }));
    expect(await people().go("jon", deep)).toMatchObject({ status: 200 });
    // Whoever keeps the cookie longer than a browser does has nothing of it. Signed anew, it is some seconds older, or too old.
    const { data } = await trial.ask<{ data: { data: { cookieSecret: string } } }>(
      "vault",
      "/v1/secret/data/auth/auth-proxy",
    );
    const aged = (seconds: number) => olderCookie(cookie?.value ?? "", seconds, data.data.cookieSecret);
    expect(await asked("/", { cookie: aged(1) })).toMatchObject({ status: 200 });
    expect(await asked("/", { cookie: aged(61) })).toMatchObject({ status: 401 });
    // Discord remembers who they are, and asks nothing.
    const again = async (person: string) => {
      await people().go(person, `${home}/oauth2/sign_out`);
      expect(await people().go(person, deep)).toMatchObject({ status: 401, title: "Sign in" });
      return people().submit(person, "button");
    };
    const refused = await again("jon");
    expect(refused).toMatchObject({ status: 403, url: deep, title: "Not for you" });
    expect(refused.text).not.toContain(shown);
    expect(await again("kim")).toMatchObject({ status: 500, title: "Not signed in" });
    expect(await again("gil")).toMatchObject({ status: 200, url: deep });
  });
}

/** A session's cookie as it would be had it been made some seconds before. */
function olderCookie(value: string, seconds: number, secret: string): string {
  const name = "__Host-hashistack";
  const [payload = "", time = ""] = value.split("|");
  const then = String(Number(time) - seconds);
  const signature = createHmac("sha256", secret).update(`${name}${payload}${then}`).digest("base64");
  return `${name}=${payload}|${then}|${signature.replaceAll("+", "-").replaceAll("/", "_")}`;
}
