import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, type Asked, run, Stage } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** Nomad's ACLs and namespaces, as far as the program uses them. */
class FakeNomad {
  /** The management token, once somebody made one. */
  secret: string | undefined;
  leaderAfter = 0;
  readonly namespaces: unknown[] = [];

  readonly answer = ({ method, path, token, body }: Asked): Answer => {
    if (path === "/v1/status/leader") return [200, this.leaderAfter-- > 0 ? '""' : '"[::1]:4647"'];
    if (path === "/v1/acl/bootstrap") {
      if (this.secret) return [400, "ACL bootstrap already done (reset index: 5)"];
      this.secret = (body as { BootstrapSecret: string }).BootstrapSecret;
      return [200, {}];
    }
    if (!this.secret || token !== this.secret) return [403, "Permission denied"];
    if (path === "/v1/acl/token/self") return [200, {}];
    if (path === "/v1/operator/raft/configuration") {
      return [200, { Servers: [1, 2, 3].map((n) => ({ Node: `n${n}`, Leader: n === 1, Voter: true })) }];
    }
    if (path === "/v1/namespace") {
      this.namespaces.push(body);
      return [200];
    }
    return [404, `no route ${method} ${path}`];
  };
}

const own = "11111111-1111-4111-8111-111111111111";

async function bootstrap(nomad: FakeNomad, token = own) {
  const { address, asked } = await stage.service(nomad.answer);
  const input = {
    nomad: stage.access([address], token),
    voters: ["n1", "n2", "n3"],
    timeoutSeconds: 1,
    namespaces: [{ Name: "website", Description: "w" }],
  };
  return { ran: await run("nomad_bootstrap", input), asked };
}

test("a new Nomad gets the token that the stack knows and its namespaces", async () => {
  const nomad = new FakeNomad();
  nomad.leaderAfter = 2;
  const { ran } = await bootstrap(nomad);
  expect(ran).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(nomad).toMatchObject({ secret: own, namespaces: [{ Name: "website" }] });
});

test("a second run makes no token", async () => {
  const nomad = new FakeNomad();
  await bootstrap(nomad);
  const { ran, asked } = await bootstrap(nomad);
  expect(ran.status).toBe(0);
  expect(asked.map((a) => a.path)).not.toContain("/v1/acl/bootstrap");
});

test("a Nomad that was bootstrapped by somebody else is an error at once, that shows no token", async () => {
  const nomad = new FakeNomad();
  nomad.secret = "22222222-2222-4222-8222-222222222222";
  const { ran } = await bootstrap(nomad);
  expect(ran.status).toBe(1);
  expect(ran.stderr).toContain("its ACLs were bootstrapped with another token");
  expect(ran.stderr).not.toContain(own);
});

test("without a leader it says so when its time is over", async () => {
  const nomad = new FakeNomad();
  nomad.leaderAfter = 1000;
  const { ran } = await bootstrap(nomad);
  expect(ran.stderr).toContain("Nomad: ACLs bootstrapped: not so after 1 s; last seen: no leader");
});
