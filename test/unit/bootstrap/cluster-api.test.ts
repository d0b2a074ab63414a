import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Authority } from "../provisioning/authority";
import { type Handler, run, Stage } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** An address where nobody listens. */
async function deadAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
}

/** Runs a few lines of Python that have the input as `given`; what they return comes on stdout. */
function call(lines: string, input: object) {
  const body = lines.split("\n").map((line) => `    ${line}`);
  const probe = ["from cluster_api import *", "def create(given):", ...body, ""].join("\n");
  // run() sends the library's own files; the lines take the place of one.
  return run("gate", input, { modules: { gate: probe } });
}

const ok: Handler = () => [200, { well: true }];

test("a call carries the token, and passes over an address where nobody listens", async () => {
  const { address, asked } = await stage.service(ok);
  const access = stage.access([await deadAddress(), address], "secret");
  const ran = await call('return Api("consul", given).get("/v1/x?y=1")', access);
  expect(ran).toMatchObject({ status: 0, stdout: '{"well": true}', stderr: "" });
  expect(asked).toMatchObject([{ method: "GET", path: "/v1/x?y=1", token: "secret" }]);
});

test("nobody gets a token whose certificate is of another authority or another name", async () => {
  const { address, asked } = await stage.service(ok);
  const other = new Authority(`${stage.folder}/other`, "other");
  const foreign = await call('return Api("consul", given).get("/v1/x")', {
    ...stage.access([address], "secret"),
    caPem: other.rootPem,
  });
  expect(foreign.stderr).toMatch(/Consul did not answer GET \/v1\/x \(.*certificate refused: /);
  const named = await call('return Api("consul", given).get("/v1/x")', {
    ...stage.access([address], "secret"),
    serverName: "server.dc2.consul",
  });
  expect(named.stderr).toMatch(/certificate refused: .*server\.dc2\.consul/);
  expect([foreign.status, named.status, asked.length]).toEqual([1, 1, 0]);
});

test("what was sent and not answered goes to the next server, unless that could do it twice", async () => {
  const first = await stage.service(() => "hang up");
  const second = await stage.service(ok);
  const access = stage.access([first.address, second.address]);
  expect((await call('return Api("nomad", given).put("/v1/x", {"a": 1})', access)).stdout).toBe(
    '{"well": true}',
  );
  const post = await call('return Api("nomad", given).request("POST", "/v1/x", {"a": 1})', access);
  expect(post.stderr).toContain("Nomad did not answer POST /v1/x");
  expect(first.asked.map((a) => a.method)).toEqual(["PUT", "POST"]);
  expect(second.asked.map((a) => a.method)).toEqual(["PUT"]);
});

test("a server that is not able to answer is passed over, for a login too", async () => {
  const sealed = await stage.service(() => [503, { errors: ["Vault is sealed"] }]);
  const well = await stage.service(({ path }) =>
    path.endsWith("/login") ? [200, { auth: { client_token: "t" } }] : [200, { well: true }],
  );
  const login = { path: "approle", roleId: "r", secretId: "s" };
  const input = { access: stage.access([sealed.address, well.address]), login };
  const ask = 'v = vault_login(given["access"], given["login"])\nreturn v.get("/v1/x")';
  expect((await call(ask, input)).stdout).toBe('{"well": true}');
  expect(well.asked.at(-1)?.token).toBe("t");
  const none = await call(ask, { ...input, access: stage.access([sealed.address]) });
  expect(none.stderr).toContain("answered POST /v1/auth/approle/login with 503");
});

test("an answer that was not expected is told with server, path and text, and never with the query", async () => {
  const { address } = await stage.service(() => [400, "no\nsuch thing"]);
  const ran = await call('return Api("vault", given).get("/v1/x?secret=1")', stage.access([address]));
  expect(ran.stderr.trim()).toBe(
    `support-a: gate: Vault at ${address} answered GET /v1/x with 400: no such thing`,
  );
});

test("waiting bears what a starting cluster says, and tells what it saw last", async () => {
  let answers = 0;
  const { address } = await stage.service(() => {
    answers += 1;
    return answers < 3
      ? [500, "No cluster leader"]
      : answers < 5
        ? [403, "ACL not found"]
        : [200, { at: answers }];
  });
  const look =
    'c = Api("consul", given)\nreturn wait("Consul: there", lambda: c.get("/v1/x"), given["seconds"])';
  const came = await call(look, { ...stage.access([address]), seconds: 10 });
  expect(came.stdout).toBe('{"at": 5}');
  answers = -1000;
  const late = await call(look, { ...stage.access([address]), seconds: 1 });
  expect(late.stderr).toMatch(/Consul: there: not so after 1 s; last seen: .* with 500: No cluster leader/);
});

test("waiting ends at once at an answer that will not change", async () => {
  const { address, asked } = await stage.service(() => [400, "never"]);
  const look = 'c = Api("consul", given)\nreturn wait("Consul: there", lambda: c.get("/v1/x"), 10)';
  const ran = await call(look, stage.access([address]));
  expect(ran.stderr).toContain("with 400: never");
  expect(asked).toHaveLength(1);
});

test("a quorum is a leader and a vote for each that was named", async () => {
  const server = (n: number, voter: boolean) => ({
    ID: `${n}`,
    Node: `n${n}`,
    Leader: n === 1,
    Voter: voter,
  });
  let polls = 0;
  const { address } = await stage.service(() => {
    polls += 1;
    return [200, { Servers: [server(1, true), server(2, true), server(3, polls > 3)] }];
  });
  const look =
    'c = Api("consul", given)\nreturn len(wait("quorum", lambda: raft_voters(c, given["voters"]), 1))';
  expect((await call(look, { ...stage.access([address]), voters: ["n1", "n2", "n3"] })).stdout).toBe("3");
  const late = await call(look, { ...stage.access([address]), voters: ["n1", "n4", "n5"] });
  expect(late.stderr).toContain("quorum: not so after 1 s; last seen: a leader; not voting: n4, n5");
});
