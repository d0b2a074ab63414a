import { expect, it } from "vitest";
import { vaultLogin } from "../../../cli/toolEnv";
import { type Dashboard, dashboards } from "../../../components/topology/model";
import { dashboardPorts } from "../../../components/topology/ports";
import type { People, Seen } from "../support/people";
import { type HttpAnswer, type HttpRequest, type Trial, until } from "../support/trial";

/** A closed site that publishes all dashboards for the group "staff", and how it is asked from the internet. */
export interface PublishedSite {
  readonly trial: Trial;
  readonly people: () => People;
  /** From the page that asks who one is, through the provider's pages. */
  readonly signIn: (person: string) => Promise<Seen>;
  /** The cookies that somebody's browser has for a name. */
  readonly session: (person: string, name: string) => Promise<string>;
  /** The load balancer's address, and by whose certificate it is verified. */
  readonly edge: () => { readonly host: string; readonly ca: string };
}

/** The name of a dashboard of the tests' site. */
export const dashboardName = (one: Dashboard): string => `${one}.www.dev.test`;

/** What tells anybody who reaches an API something, or would let him change it, without a token of its own. */
const open: Readonly<Record<Dashboard, readonly string[]>> = {
  nomad: ["/", "/ui/", "/v1/status/leader", "/v1/agent/health", "/v1/jobs", "/v1/agent/self", "/v1/regions"],
  consul: ["/", "/ui/", "/v1/status/leader", "/v1/status/peers", "/v1/agent/self", "/v1/catalog/services"],
  vault: [
    "/",
    "/ui/",
    "/v1/sys/health",
    "/v1/sys/seal-status",
    "/v1/sys/init",
    "/v1/sys/generate-root/attempt",
  ],
};

/** "ada" is of the staff and has a session at the provider; "bob" is a guest, and has none. */
export function publishedDashboards({ trial, people, signIn, session, edge }: PublishedSite): void {
  const ask = (one: Dashboard, questions: readonly Partial<HttpRequest>[]): Promise<HttpAnswer[]> =>
    trial.request(
      "stranger",
      questions.map(({ headers, ...question }) => ({
        ...{ ...edge(), port: 443, serverName: dashboardName(one), ...question },
        headers: { host: dashboardName(one), ...headers },
      })),
    );
  const statuses = async (one: Dashboard, questions: readonly Partial<HttpRequest>[]) =>
    (await ask(one, questions)).map(({ status }) => status);

  it("a stranger gets nothing of the dashboards' APIs, whatever he asks and claims", async () => {
    const { nomadToken, consulToken } = await trial.outputs();
    // A token of the service's own opens nothing here.
    const lies = {
      ...{ "x-nomad-token": nomadToken, "x-consul-token": consulToken, "x-auth-request-groups": "staff" },
      ...{
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-uri": "/oauth2/sign_in",
        "x-forwarded-host": "www.dev.test",
      },
    };
    for (const one of dashboards) {
      const paths = [
        ...open[one],
        "/oauth2/auth",
        "/oauth2/../v1/jobs",
        "//v1/sys/health",
        "/oauth2/sign_in/../../ui/",
      ];
      const answers = await ask(one, [
        ...paths.flatMap((path) => [{ path }, { path, headers: lies }]),
        { path: "/v1/sys/generate-root/attempt", method: "PUT", body: "{}" },
        { path: "/v1/jobs", method: "POST", body: "{}", headers: lies },
      ]);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
      for (const { body } of answers) expect(body).toContain("<title>Sign in</title>");
    }
  });

  it("one of the staff signs in at Nomad's name, and sees Nomad's pages with a token of Nomad's", async () => {
    const name = dashboardName("nomad");
    const home = `https://${name}/ui/jobs`;
    expect(await people().go("ada", home)).toMatchObject({ status: 401, title: "Sign in" });
    expect(await signIn("ada")).toMatchObject({ status: 200, url: home });
    const anonymous = await people().wait("ada", "text=Not Authorized");
    expect(anonymous.title).toBe("Jobs - Nomad");
    const cookie = await session("ada", name);
    const { nomadToken } = await trial.outputs();
    // As `nomad ui -authenticate` signs in.
    const [once] = await ask("nomad", [
      { path: "/v1/acl/token/onetime", method: "POST", headers: { cookie, "x-nomad-token": nomadToken } },
    ]);
    const { OneTimeToken } = JSON.parse(once?.body ?? "") as { OneTimeToken: { OneTimeSecretID: string } };
    await people().go("ada", `${home}?ott=${OneTimeToken.OneTimeSecretID}`);
    expect((await people().wait("ada", "text=auth-proxy")).text).toContain("website");
  });

  it("Nomad's exec and its long polls pass", async () => {
    const { nomadToken } = await trial.outputs();
    const allocations = await trial.ask<{ ID: string; ClientStatus: string }[]>(
      "nomad",
      "/v1/job/website/allocations?namespace=website",
    );
    const id = allocations.find(({ ClientStatus }) => ClientStatus === "running")?.ID;
    const command = encodeURIComponent(JSON.stringify(["/bin/sh", "-c", "echo from the task"]));
    const place = `/v1/client/allocation/${id}/exec?namespace=website&task=website&tty=false&ws_handshake=true`;
    const frames = await people().run<string[]>(
      "ada",
      `new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(`wss://${dashboardName("nomad")}${place}&command=${command}`)});
        const frames = [];
        const say = (frame) => socket.send(JSON.stringify(frame));
        socket.onopen = () => {
          say({ version: 1, auth_token: ${JSON.stringify(nomadToken)} });
          say({ stdin: { close: true } });
        };
        socket.onmessage = ({ data }) => frames.push(data) && JSON.parse(data).exited && resolve(frames);
        socket.onclose = socket.onerror = ({ code }) => resolve([...frames, "closed " + code]);
        setTimeout(() => resolve([...frames, "silent"]), 10000);
      })`,
    );
    const said = frames.map((frame) => JSON.parse(frame) as { stdout?: { data?: string }; exited?: boolean });
    expect(Buffer.from(said.map(({ stdout }) => stdout?.data ?? "").join(""), "base64").toString()).toBe(
      "from the task\n",
    );
    expect(said.at(-1)).toMatchObject({ exited: true });
    // Nothing changes there: it is answered when the time is over.
    const [status, seconds] = await people().run<[number, number]>(
      "ada",
      `(async () => {
        const get = (query) => fetch("/v1/namespaces?" + query, {
          headers: { "X-Nomad-Token": ${JSON.stringify(nomadToken)} },
        });
        const index = (await get("")).headers.get("X-Nomad-Index");
        const begun = Date.now();
        const { status } = await get("wait=3s&index=" + index);
        return [status, (Date.now() - begun) / 1000];
      })()`,
    );
    expect(status).toBe(200);
    expect(seconds).toBeGreaterThan(2.9);
  });

  it("at Consul's and Vault's names the provider asks nothing again, and each asks for a token of its own", async () => {
    for (const one of ["consul", "vault"] as const) {
      const home = `https://${dashboardName(one)}/ui/`;
      expect(await people().go("ada", home)).toMatchObject({ status: 401, title: "Sign in" });
      expect(await people().submit("ada", "button")).toMatchObject({ status: 200, url: home });
    }
    expect(await people().go("ada", `https://${dashboardName("consul")}/ui/`)).toMatchObject({
      title: "Consul",
    });

    const outputs = await trial.outputs();
    const [consul, vault] = await Promise.all(
      (["consul", "vault"] as const).map(async (one) => ({
        cookie: await session("ada", dashboardName(one)),
      })),
    );
    const self = "/v1/agent/self";
    const token = { "x-consul-token": outputs.consulToken };
    expect(
      await statuses("consul", [
        { path: self, headers: consul },
        { path: self, headers: { ...consul, ...token } },
        { path: self, headers: token },
      ]),
    ).toEqual([403, 200, 401]);

    // The stack's own token is for support's address, so nobody uses it here; people have logins of their own.
    const made = [
      { path: "/v1/sys/auth/people", body: { type: "userpass" } },
      { path: "/v1/auth/people/users/ada", body: { password: "of ada" } },
    ];
    for (const { path, body } of made)
      expect(await trial.api("vault", path, { method: "POST", body })).toMatchObject({ status: 204 });
    const login = { path: "/v1/auth/people/login/ada", method: "POST", body: '{"password":"of ada"}' };
    const [stranger, staff] = await ask("vault", [login, { ...login, headers: vault }]);
    expect(stranger).toMatchObject({ status: 401, body: expect.not.stringContaining("client_token") });
    const { auth } = JSON.parse(staff?.body ?? "") as { auth: { client_token: string } };
    const lookup = (headers: Record<string, string>) => ({ path: "/v1/auth/token/lookup-self", headers });
    expect(
      await statuses("vault", [
        lookup({ ...vault }),
        lookup({ ...vault, "x-vault-token": await vaultLogin(outputs) }),
        lookup({ ...vault, "x-vault-token": auth.client_token }),
        lookup({ "x-vault-token": auth.client_token }),
      ]),
    ).toEqual([403, 403, 200, 401]);
    expect(await trial.api("vault", "/v1/sys/auth/people", { method: "DELETE" })).toMatchObject({
      status: 204,
    });
  });

  it("another page of the site may lead to a dashboard, and not use it in a visitor's name", async () => {
    const name = dashboardName("consul");
    const cookie = await session("ada", name);
    const fetched = (site: string, mode: string, method = "GET") => ({
      ...{ path: "/v1/status/leader", method },
      headers: { cookie, "sec-fetch-site": site, "sec-fetch-mode": mode },
    });
    expect(
      await statuses("consul", [
        fetched("same-origin", "cors"),
        fetched("same-site", "navigate"),
        fetched("same-site", "navigate", "POST"),
        fetched("same-site", "no-cors"),
        fetched("same-site", "cors"),
      ]),
    ).toEqual([200, 200, 404, 404, 404]);
    // The browser says so by itself, and the page is told nothing; the ingress's log tells what was answered.
    await people().go("ada", "https://www.dev.test/");
    await people().run(
      "ada",
      `fetch("https://${name}/v1/status/leader?of=page", { credentials: "include", mode: "no-cors" }).then(() => 1)`,
    );
    const log = "grep --no-filename of=page /var/lib/nomad/alloc/*/alloc/logs/traefik.stdout.*";
    const line = await until("the visit in the log", 60, () =>
      trial.inside("edge-a", "sh", "-c", log).catch(() => undefined),
    );
    expect(JSON.parse(line)).toMatchObject({ RequestHost: name, DownstreamStatus: 404 });
  });

  it("who is in none of a dashboard's groups is told so, with whatever token", async () => {
    await people().go("bob", `https://${dashboardName("vault")}/ui/`);
    expect(await signIn("bob")).toMatchObject({ status: 403, title: "Not for you" });
    const cookie = await session("bob", dashboardName("vault"));
    const { nomadToken, consulToken } = await trial.outputs();
    const headers = { cookie, "x-nomad-token": nomadToken, "x-consul-token": consulToken };
    for (const one of dashboards) {
      const refused = await statuses(
        one,
        open[one].map((path) => ({ path, headers })),
      );
      expect(refused).toEqual(refused.map(() => 403));
    }
  });

  it("of the clients' tasks the ingress alone reaches what is published", async () => {
    const { privateIpv4, privateIpv6 } = await trial.machine("control-a");
    const tries = [privateIpv4, privateIpv6].flatMap((host) =>
      (["nomad", "consul"] as const).map((one) => ({
        kind: "tcp" as const,
        host,
        port: dashboardPorts[one],
      })),
    );
    const as = (machine: string, job: string, task: string) =>
      trial.python<string[]>(machine, "refusals/as_task.py", { job, task, tries });
    expect(await as("edge-a", "ingress", "traefik")).toEqual(tries.map(() => "open"));
    for (const came of await as("client-a", "website", "website")) {
      expect(["EHOSTUNREACH", "EACCES", "EPERM", "ECONNREFUSED"]).toContain(came);
    }
    // The ingress reaches nothing of the clients' own agents.
    const client = (await trial.machine("client-a")).privateIpv6;
    const agents = tries.slice(0, 2).map((one) => ({ ...one, host: client }));
    expect(
      await trial.python("edge-a", "refusals/as_task.py", { job: "ingress", task: "traefik", tries: agents }),
    ).toEqual(agents.map(() => "silent"));
  });
}
