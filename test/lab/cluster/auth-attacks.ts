import { expect, it } from "vitest";
import type { HttpAnswer } from "../support/trial";

export interface Question {
  path?: string;
  headers?: Record<string, string>;
  method?: string;
}

/** A closed site, and how it is asked from the internet by somebody without a browser. */
export interface ClosedSite {
  /** The site's name, and its URL. */
  readonly name: string;
  readonly home: string;
  /** What only those see who are let in. */
  readonly shown: string;
  /** URL of the provider. */
  readonly issuer: string;
  /** The load balancer's address. */
  readonly edge: () => string;
  /** The cookies of somebody who has signed in. */
  readonly session: (person: string) => Promise<string>;
  readonly asked: (path: string, headers?: Record<string, string>) => Promise<HttpAnswer>;
  /** All at the same time. */
  readonly askedAll: (questions: readonly Question[]) => Promise<HttpAnswer[]>;
}

/** What somebody tries who is not let in. "ada" has signed in. */
export function attacks({ name, home, shown, issuer, edge, session, asked, askedAll }: ClosedSite): void {
  it("no forged cookie is a session", async () => {
    const cookie = await session("ada");
    const [first = ""] = cookie.split("; ");
    const [value = ""] = first.split("=").slice(1);
    const [payload = "", time = "", signature = ""] = value.split("|");
    const other = (text: string) => `${text.startsWith("A") ? "B" : "A"}${text.slice(1)}`;
    const rest = cookie.slice(first.length);
    const with_ = (parts: string[]) => `${first.split("=")[0]}=${parts.join("|")}${rest}`;
    expect(await asked("/", { cookie })).toMatchObject({ status: 200 });
    const forged = [
      with_([payload, time, other(signature)]),
      with_([other(payload), time, signature]),
      with_([payload, String(Number(time) + 3600), signature]),
      with_([payload, time, ""]),
      `__Host-hashistack=${Buffer.from(JSON.stringify({ email: "eve", groups: ["staff"] })).toString("base64url")}`,
      `_oauth2_proxy=${value}`,
      `__Host-hashistack_csrf=${value}`,
    ];
    const answers = await askedAll(forged.map((cookie) => ({ headers: { cookie } })));
    for (const [index, answer] of answers.entries()) {
      expect(answer, forged[index]?.slice(0, 80)).toMatchObject({
        status: 401,
        body: expect.not.stringContaining(shown),
      });
    }
  });

  it("no header of a stranger's says that he has passed, or asks for something else than he gets", async () => {
    const lies: Record<string, string>[] = [
      { "x-forwarded-user": "root", "x-auth-request-user": "root", "x-auth-request-groups": "staff" },
      { authorization: "Bearer eyJhbGciOiJub25lIn0.eyJncm91cHMiOlsic3RhZmYiXX0." },
      { authorization: `Basic ${Buffer.from("ada:any").toString("base64")}` },
      { "x-forwarded-uri": "/oauth2/sign_in", "x-original-uri": "/ping", "x-original-url": "/ping" },
      { "x-forwarded-uri": "/ping", "x-forwarded-method": "OPTIONS", "x-http-method-override": "OPTIONS" },
      { "x-forwarded-host": "other.test", "x-forwarded-proto": "http", "x-forwarded-port": "80" },
      { "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", forwarded: "for=127.0.0.1" },
      { connection: "x-forwarded-host, cookie, x-real-ip", "user-agent": "GoogleHC/1.0" },
    ];
    const questions = lies.flatMap((headers) =>
      ["GET", "HEAD", "POST", "OPTIONS"].map((method) => ({ headers, method })),
    );
    for (const [index, answer] of (await askedAll(questions)).entries()) {
      expect(answer, JSON.stringify(questions[index])).toMatchObject({ status: 401 });
      expect(answer.body).not.toContain(shown);
    }
    const elsewhere = await asked("/", {
      "x-forwarded-host": "other.test",
      "x-auth-request-redirect": "https://other.test",
    });
    expect(elsewhere.body).not.toContain("other.test");
  });

  it("no way of writing a path leads past the proxy", async () => {
    const ways = [
      ...[
        "//",
        "/./",
        "/../",
        "/%2e%2e/",
        "/%2F",
        "/oauth2/../",
        "/oauth2/%2e%2e/",
        "/oauth2/sign_in/../../",
      ],
      ...["/oauth2/..;/", "/oauth2//../", "/oauth2%2f..%2f", "/oauth2/auth/../../", "/oauth2\\..\\"],
      ...[
        "/oauth2/sign_in%2f..%2f..%2f",
        "/pages/../",
        "/ping/../",
        "/oauth2/start/../../",
        "/oauth2/callback/..//../",
      ],
    ].flatMap((way) => [`${way}text.html`, way]);
    for (const [index, { status, body }] of (await askedAll(ways.map((path) => ({ path })))).entries()) {
      const path = ways[index];
      expect(body ?? "", path).not.toContain("Kept in Vault");
      expect([301, 302, 307, 308, 400, 401, 404], `${path}: ${status}`).toContain(status);
    }
    // What is Traefik's to ask is nobody else's, and what the proxy has besides is for those who have passed.
    const own = ["/oauth2/auth", "/oauth2/userinfo", "/pages/forbidden.html", "/ping", "/ready", "/metrics"];
    for (const [index, answer] of (await askedAll(own.map((path) => ({ path })))).entries()) {
      expect(answer, own[index]).toMatchObject({ status: 401 });
    }
    // Whoever comes by the address and no name finds nothing.
    expect(await asked("/", { host: edge() })).toMatchObject({ status: 404 });
  });

  it("nobody is sent elsewhere after signing in or out", async () => {
    const elsewhere = [
      ...[
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "/\t/evil.test",
        "http:evil.test",
        "javascript:alert(1)",
      ],
      ...[
        `https://${name}.evil.test/`,
        `https://${name}@evil.test/`,
        `https://evil.test/${name}`,
        "/../\\/evil.test",
      ],
    ];
    const answers = await askedAll(
      elsewhere.flatMap((rd) =>
        ["sign_out", "start", "sign_in"].map((word) => ({
          path: `/oauth2/${word}?rd=${encodeURIComponent(rd)}`,
        })),
      ),
    );
    for (const [index, rd] of elsewhere.entries()) {
      const [out, start, page] = answers.slice(3 * index);
      expect(["/", `${home}/`], rd).toContain(out?.headers?.location);
      const leads = new URL(start?.headers?.location ?? "");
      expect(leads.origin).toBe(issuer);
      expect(["/", `${home}/`], rd).toContain(leads.searchParams.get("state")?.replace(/^[^:]*:/, ""));
      expect(leads.searchParams.get("redirect_uri")).toBe(`${home}/oauth2/callback`);
      expect(leads.searchParams.get("code_challenge_method")).toBe("S256");
      expect(leads.searchParams.get("nonce")).toBeTruthy();
      expect(page?.body).not.toContain("evil.test");
    }
    // A callback that this browser did not begin.
    expect(await asked("/oauth2/callback?code=a&state=b%3A%2F")).toMatchObject({ status: 403 });
  });
}
