import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout } from "../../../bench/lab";
import { run } from "../../../bench/run";
import { dashboards } from "../../../components/topology/model";
import { LineProgram } from "../support/lines";
import { keyOf, People, type Seen } from "../support/people";
import { type HttpAnswer, Trial, until } from "../support/trial";
import { attacks, type Question } from "./auth-attacks";
import { dashboardName, publishedDashboards } from "./auth-dashboards";
import { guildMembers } from "./auth-discord";

/** A closed site: a real browser, a certified provider, and what somebody tries who is not let in. */

const trial = new Trial("auth");
const name = "www.dev.test";
const home = `https://${name}`;
const names = [name, ...dashboards.map(dashboardName)];
/** Where the provider is, as machines and visitors reach it: in the lab's namespace "outside". */
const issuer = { url: "https://192.0.2.10:9443", address: "192.0.2.10", port: 9443 };
const client = { id: "hashistack", secret: randomBytes(24).toString("base64url") };
const shown = "Kept in Vault for www.dev.test.";
const deep = `${home}/?deep=${encodeURIComponent("a/b&c")}&x=1`;

type Users = Record<string, { email: string; groups: string[]; guilds?: Record<string, string[]> }>;
const users = (more: Users = {}): Users => ({
  ada: { email: "ada@dev.test", groups: ["staff"] },
  bob: { email: "bob@dev.test", groups: ["guests"] },
  cyd: { email: "cyd@dev.test", groups: ["staff"] },
  dan: { email: "dan@dev.test", groups: ["guests", "staff"] },
  ...more,
});

async function certificate(): Promise<{ cert: string; key: string }> {
  const folder = mkdtempSync(join(tmpdir(), "hashistack-issuer-"));
  try {
    const [cert, key] = ["cert.pem", "key.pem"].map((file) => join(folder, file)) as [string, string];
    const made = [
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      key,
      "-out",
      cert,
    ];
    const named = ["-subj", "/CN=issuer", "-addext", `subjectAltName=IP:${issuer.address}`, "-days", "2"];
    await run(["openssl", "req", "-x509", ...made, ...named], { what: "making a certificate" });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function provide(tls: { cert: string; key: string }): Promise<LineProgram> {
  await until("the lab", 120, async () => ((await trial.lab.exists()) ? true : undefined));
  const program = join(__dirname, "../support/oidc.mjs");
  const argv = trial.lab.argv("exec", "outside", "--", process.execPath, program);
  return until("the provider", 60, async () => {
    // The lab is named before its namespaces stand.
    const started = new LineProgram("the provider", argv);
    const known = { ...client, redirectUris: names.map((one) => `https://${one}/oauth2/callback`) };
    return started
      .tell({ issuer: issuer.url, port: issuer.port, ...tls, client: known, users: users() })
      .then(() => started)
      .catch(() => undefined);
  });
}

describe("a closed site", () => {
  let tls: { cert: string; key: string };
  let provider: LineProgram;
  let people: People;
  let edge: string;
  let siteCa: string;

  beforeAll(async () => {
    tls = await certificate();
    await trial.open();
    // The page says what came with the request: so it is seen what a service behind the proxy is told.
    const page = join(trial.folder, "components/jobs/site/index.html");
    const told = "<pre>{{range $name, $values := .Req.Header}}{{$name}}={{$values}};{{end}}</pre></body>";
    writeFileSync(page, readFileSync(page, "utf8").replace("</body>", told));
    trial.configure((config) => {
      const groups = config["hashistack:groups"];
      for (const [group, keys] of Object.entries({ control: ["a"], client: ["a", "b"], edge: ["a"] })) {
        Object.assign(groups[group] ?? {}, { keys });
      }
      config["hashistack:site"] = { ingress: "traefik" };
      config["hashistack:auth"] = {
        issuer: issuer.url,
        issuerCa: tls.cert,
        clientId: client.id,
        clientSecret: client.secret,
        scopes: ["openid", "email", "groups", "offline_access"],
        refreshMinutes: 1,
        services: { website: ["staff", "owners"] },
        dashboards: Object.fromEntries(dashboards.map((one) => [one, ["staff"]])),
      };
    });
    const [{ code, stderr }, started] = await Promise.all([trial.cli("up", "--json"), provide(tls)]);
    provider = started;
    if (code !== 0) throw new Error(`the first up: ${stderr}`);
    const { ca, loadBalancers } = await trial.outputs();
    siteCa = ca.site ?? "";
    edge = (await trial.machine("edge-a")).publicIpv4;
    const leaf = await leafOf(loadBalancers[0]?.address ?? "", siteCa);
    const hosts = Object.fromEntries([...names.map((one) => [one, edge]), [issuer.address, issuer.address]]);
    people = await People.start(trial, "stranger", hosts, [keyOf(leaf), keyOf(tls.cert)]);
  });
  afterAll(async () => {
    await people?.end();
    await provider?.end();
    await trial.close();
  });

  /** From the page that asks who one is, through the provider's pages. */
  async function signIn(person: string): Promise<Seen> {
    let seen = await people.submit(person, "button");
    // Who has a session at the provider is not asked again.
    if (seen.text.includes("and password") || seen.title === "Sign-in") {
      seen = await people.submit(person, "button", { "[name=login]": person, "[name=password]": "any" });
    }
    return seen.url.startsWith(issuer.url) ? people.submit(person, "button") : seen;
  }

  async function session(person: string, at = name): Promise<string> {
    const cookies = await people.cookies(person);
    const own = cookies.filter(({ name, domain }) => domain === at && /^__Host-hashistack(_\d)?$/.test(name));
    return own.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  /** What somebody gets who asks the load balancer from the internet, all at the same time. */
  function askedAll(questions: readonly Question[]): Promise<HttpAnswer[]> {
    return trial.request(
      "stranger",
      questions.map(({ headers, ...question }) => ({
        ...{ host: edge, port: 443, ca: siteCa, serverName: name, headers: { host: name, ...headers } },
        ...question,
      })),
    );
  }

  async function asked(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    const [answer] = await askedAll([{ path, headers }]);
    return answer as HttpAnswer;
  }

  const picture = async (person: string, file: string) => {
    const folder = process.env.HASHISTACK_PICTURES;
    if (folder) await people.picture(person, join(folder, file));
  };

  it("a stranger is asked who he is, and comes back to where he wanted to go", async () => {
    const stranger = await people.go("ada", deep);
    expect(stranger).toMatchObject({ status: 401, title: "Sign in" });
    expect(stranger.text).not.toContain(shown);
    await picture("ada", "auth-sign-in.png");
    const seen = await signIn("ada");
    expect(seen).toMatchObject({ status: 200, url: deep, text: expect.stringContaining(shown) });
  });

  it("a session's cookie is bound to the name, sent by HTTPS alone, and no script reads it", async () => {
    const cookies = await people.cookies("ada");
    const own = cookies.filter(({ name }) => name.startsWith("__Host-hashistack"));
    expect(own.length).toBeGreaterThan(0);
    for (const cookie of own) {
      expect(cookie).toMatchObject({
        domain: name,
        path: "/",
        secure: true,
        httpOnly: true,
        sameSite: "Lax",
      });
      expect(cookie.expires).toBeLessThanOrEqual(Date.now() / 1000 + 8 * 3600);
      expect(Buffer.from(cookie.value, "base64url").toString("latin1")).not.toContain("ada@dev.test");
    }
  });

  let signedIn = 0;
  it("others sign in, too; one of them loses his role meanwhile, and goes on until the provider is asked", async () => {
    for (const person of ["cyd", "dan"]) {
      await people.go(person, home);
      expect(await signIn(person)).toMatchObject({ status: 200 });
    }
    signedIn = Date.now();
    await provider.tell({ users: users({ dan: { email: "dan@dev.test", groups: ["guests"] } }) });
    expect(await people.go("dan", deep)).toMatchObject({ status: 200 });
  });

  it("who is in none of the groups is told so, and may sign out", async () => {
    await people.go("bob", deep);
    const refused = await signIn("bob");
    expect(refused).toMatchObject({ status: 403, url: deep, title: "Not for you" });
    expect(refused.text).not.toContain(shown);
    await picture("bob", "auth-forbidden.png");
    // His own session, with whatever groups he claims to be in.
    const cookie = await session("bob");
    const claims = await asked("/", {
      cookie,
      "x-auth-request-groups": "staff",
      "x-forwarded-groups": "staff",
    });
    expect(claims).toMatchObject({ status: 403, body: expect.not.stringContaining(shown) });
    const out = await people.submit("bob", "a.button");
    expect(out).toMatchObject({ status: 401, url: `${home}/`, title: "Sign in" });
    expect(await session("bob")).toBe("");
  });

  it("a service is told who its visitor is, by the proxy alone", async () => {
    const cookie = await session("ada");
    const told = await asked("/", { cookie });
    expect(told).toMatchObject({
      status: 200,
      body: expect.stringContaining("X-Auth-Request-Groups=[staff]"),
    });
    expect(told.body).toContain("X-Auth-Request-Email=[ada@dev.test]");
    const forged = await asked("/", {
      ...{ cookie, "x-auth-request-user": "eve", "x-auth-request-groups": "eve", "x-forwarded-user": "eve" },
      ...{ x_auth_request_user: "eve", "x-auth_request-groups": "eve", x_forwarded_groups: "eve" },
      ...{ "x-forwarded-email": "eve", "x-forwarded-access-token": "eve", "x-auth-request-redirect": "eve" },
    });
    expect(forged).toMatchObject({ status: 200, body: expect.not.stringContaining("eve") });
    expect(forged.body).toContain("X-Auth-Request-Groups=[staff]");
  });

  attacks({ name, home, shown, issuer: issuer.url, edge: () => edge, session, asked, askedAll });

  publishedDashboards({
    ...{ trial, signIn, session },
    people: () => people,
    edge: () => ({ host: edge, ca: siteCa }),
  });

  it("an instance of the website answers the ingress and nobody else, from wherever", async () => {
    const services = await trial.ask<{ Service: { Address: string; Port: number } }[]>(
      "consul",
      "/v1/health/service/website?passing",
    );
    expect(services).toHaveLength(2);
    for (const { Service } of services) {
      const place = { host: Service.Address, port: Service.Port };
      expect(await trial.knock("stranger", [{ kind: "tcp", ...place }])).not.toEqual(["open"]);
      const request = { ...place, ca: siteCa, serverName: "website.service.consul" };
      for (const machine of ["client-a", "client-b", "edge-a"]) {
        const [page, health] = await trial.request(machine, [request, { ...request, path: "/health" }]);
        expect(page, machine).toMatchObject({ status: 403, body: expect.not.stringContaining(shown) });
        expect(health, machine).toMatchObject({ status: 200 });
      }
    }
  });

  it("its secrets are in no job, argument or environment", async () => {
    const job = await trial.ask<object>("nomad", "/v1/job/auth-proxy?namespace=auth");
    expect(JSON.stringify(job)).not.toContain(client.secret);
    const [pid = ""] = (await trial.inside("client-a", "pgrep", "--exact", "oauth2-proxy"))
      .trim()
      .split("\n");
    for (const file of ["cmdline", "environ"]) {
      const text = await trial.inside("client-a", "cat", `/proc/${pid}/${file}`);
      expect(text).toMatch(file === "cmdline" ? /--config=/ : /NOMAD_/);
      expect(text).not.toContain(client.secret);
    }
  });

  it("an instance of the proxy that dies is missed by nobody", async () => {
    const cookie = await session("ada");
    const [pid = ""] = (await trial.inside("client-a", "pgrep", "--exact", "oauth2-proxy"))
      .trim()
      .split("\n");
    await trial.inside("client-a", "kill", "-KILL", pid);
    for (let visit = 0; visit < 10; visit++)
      expect(await asked("/", { cookie })).toMatchObject({ status: 200 });
  });

  it("a role that was taken away, and a session that the provider has forgotten, end when it is asked again", async () => {
    const refused = await until("dan's end", 90, async () => {
      const seen = await people.go("dan", deep);
      return seen.status === 200 ? undefined : seen;
    });
    expect(refused).toMatchObject({ status: 403, title: "Not for you" });
    expect(Date.now() - signedIn).toBeGreaterThan(50_000);
    // ada, whom the provider still knows, was asked nothing.
    expect(await people.go("ada", deep)).toMatchObject({ status: 200 });
    await provider.end();
    provider = await provide(tls);
    const expired = await people.go("cyd", deep);
    expect(expired).toMatchObject({ status: 401, title: "Sign in" });
    expect(await signIn("cyd")).toMatchObject({ status: 200, url: deep });
  });

  it("who signs out is out", async () => {
    expect(await people.go("ada", `${home}/oauth2/sign_out`)).toMatchObject({ status: 401, url: `${home}/` });
    expect(await session("ada")).toBe("");
    expect(await people.go("ada", deep)).toMatchObject({ status: 401, title: "Sign in" });
  });

  guildMembers({
    ...{ trial, home, deep, shown, signIn, session, asked, people: () => people },
    client: () => ({
      issuerCa: tls.cert,
      issuer: issuer.url,
      clientId: client.id,
      clientSecret: client.secret,
    }),
    tell: (users: Users) => provider.tell({ users }),
  });

  it("the client's secret lies encrypted in the stack's file, and a second up changes nothing", async () => {
    const program = join(checkout(), "cli/bin/hashistack.js");
    const set = ["pulumi", "config", "set", "--secret", "--path", "hashistack:auth.clientSecret"];
    await run([process.execPath, program, "exec", "--", ...set, "--stack", "dev"], {
      what: "the secret's encryption",
      input: client.secret,
      cwd: trial.folder,
      env: trial.project.env,
    });
    const settings = readFileSync(join(trial.folder, "Pulumi.dev.yaml"), "utf8");
    expect(settings).toMatch(/clientSecret:\s+secure: v1:/);
    expect(settings).not.toContain(client.secret);
    expect((await trial.up()).changed).toEqual([]);
  });
});

/** The certificate that a load balancer shows, PEM. */
function leafOf(host: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: 443, ca, servername: name }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? "");
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
