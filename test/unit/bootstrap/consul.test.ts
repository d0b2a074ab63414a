import { afterEach, beforeEach, expect, test } from "vitest";
import {
  consulObjects,
  consulSecret,
  consulWorkloadObjects,
  nodeTokens,
} from "../../../components/bootstrap/consul";
import { fabioFinds } from "../../../components/jobs/fabio";
import { type Answer, type Asked, run, Stage } from "./programs";

const seed = Buffer.alloc(32, 7).toString("base64");
const server = {
  name: "dev-control-a-1f",
  roles: ["consul-server", "vault-server", "nomad-server"] as const,
};
const client = { name: "dev-client-a-2e", roles: ["nomad-client"] as const };

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

interface Token {
  AccessorID: string;
  SecretID: string;
}

/** Consul's ACL endpoints, as far as the program uses them; errors in Consul's own words. */
class FakeConsul {
  readonly tokens = new Map<string, Token>();
  readonly named = { policy: new Map<string, object>(), role: new Map<string, object>() };
  readonly rules = new Map<string, object>();
  readonly puts: { at: string; sent: unknown }[] = [];
  method: object | undefined;
  jwksFailures = 0;
  synced = false;
  private last = 0;

  readonly answer = ({ method, path, body }: Asked): Answer => {
    const at = path.split("?")[0] as string;
    const sent = body as Record<string, string>;
    if (at === "/v1/operator/raft/configuration") {
      return [200, { Servers: [{ ID: "1", Node: server.name, Leader: true, Voter: true }] }];
    }
    for (const kind of ["policy", "role"] as const) {
      const known = this.named[kind];
      if (at === (kind === "policy" ? "/v1/acl/policies" : "/v1/acl/roles")) {
        return [200, [...known].map(([ID, item]) => ({ ...item, ID }))];
      }
      if (at.startsWith(`/v1/acl/${kind}`) && method === "PUT") {
        const id = at.split("/")[4] ?? `${kind}-${++this.last}`;
        if (!at.split("/")[4] && [...known.values()].some((k) => (k as typeof sent).Name === sent.Name)) {
          return [500, `Invalid ${kind}: A ${kind} with Name "${sent.Name}" already exists`];
        }
        known.set(id, sent);
        return [200, { ID: id }];
      }
    }
    if (at === "/v1/acl/token") {
      const token = body as Token;
      if (this.tokens.has(token.AccessorID)) return [500, "Invalid Token: AccessorID is already in use"];
      this.tokens.set(token.AccessorID, token);
      return [200, token];
    }
    if (at.startsWith("/v1/acl/token/")) {
      const present = this.tokens.get(at.slice("/v1/acl/token/".length)) as Token;
      if (present.SecretID !== sent.SecretID) {
        return [500, "Changing a token's SecretID is not permitted"];
      }
      this.tokens.set(present.AccessorID, body as Token);
      return [200, body];
    }
    if (at.startsWith("/v1/acl/auth-method")) {
      if (method === "GET") return this.method ? [200, this.method] : [404, "ACL not found"];
      if (this.jwksFailures-- > 0) return [500, "Invalid Auth Method: error checking JWKSURL: no such host"];
      this.method = body as object;
      return [200, body];
    }
    if (at === "/v1/acl/binding-rules") return [200, [...this.rules].map(([ID, rule]) => ({ ...rule, ID }))];
    if (at === "/v1/acl/binding-rule") {
      this.rules.set(`rule-${++this.last}`, body as object);
      return [200, body];
    }
    if (at.startsWith("/v1/acl/binding-rule/")) {
      this.rules.delete(at.slice("/v1/acl/binding-rule/".length));
      return [200, true];
    }
    if (at.startsWith("/v1/catalog/node/")) {
      return [200, { Node: this.synced ? { TaggedAddresses: { lan: "::1" } } : {} }];
    }
    if (at === "/v1/agent/token/agent") return [200];
    if (at === "/v1/catalog/register" || at === "/v1/txn") {
      this.puts.push({ at, sent: body });
      return [200, true];
    }
    return [404, `no route ${method} ${at}`];
  };
}

async function bootstrap(consul: FakeConsul, objects: object) {
  const { address, asked } = await stage.service(consul.answer);
  const token = consulSecret(seed, { use: "agent", node: server.name });
  const agents = [{ node: server.name, address, token }];
  const input = { consul: stage.access([address], "mgmt"), voters: [], timeoutSeconds: 5, objects, agents };
  return { ran: await run("consul_bootstrap", input), asked, token };
}

const workloads = (jobs: { namespace: string; job: string; rules: string }[]) =>
  consulWorkloadObjects({
    jwksUrl: "https://nomad.service.consul:4646/x",
    jwksCaPem: "pem",
    namespaces: ["site"],
    jobs,
  });

test("what was put before is brought to what is asked for, and nothing is there twice", async () => {
  const consul = new FakeConsul();
  const first = await bootstrap(consul, consulObjects(seed, "dc1", [server]));
  expect(first.ran).toMatchObject({ status: 0, stdout: "", stderr: "" });
  const tokens = consul.tokens.size;
  const policies = consul.named.policy.size;
  const [name, policy] = [...consul.named.policy][0] as [string, { Rules: string }];
  consul.named.policy.set(name, { ...policy, Rules: "something else" });
  expect((await bootstrap(consul, consulObjects(seed, "dc1", [server]))).ran.status).toBe(0);
  expect([consul.tokens.size, consul.named.policy.size]).toEqual([tokens, policies]);
  expect(consul.named.policy.get(name)).toMatchObject({ Rules: policy.Rules });
});

test("an agent that was refused is made to try again; one that is registered is left alone", async () => {
  const consul = new FakeConsul();
  const { asked, token } = await bootstrap(consul, { policies: [], roles: [], tokens: [] });
  expect(asked.filter((a) => a.path === "/v1/agent/token/agent").map((a) => a.body)).toEqual([
    { Token: "" },
    { Token: token },
  ]);
  consul.synced = true;
  const again = await bootstrap(consul, { policies: [], roles: [], tokens: [] });
  expect(again.asked.some((a) => a.path.startsWith("/v1/agent"))).toBe(false);
});

test("a token that somebody else made under our accessor is an error, without its secret", async () => {
  const consul = new FakeConsul();
  const [token] = nodeTokens(seed, "dc1", server);
  consul.tokens.set(token?.AccessorID ?? "", { AccessorID: token?.AccessorID ?? "", SecretID: "other" });
  const { ran } = await bootstrap(consul, { tokens: [token] });
  expect(ran.stderr).toContain(`the token ${token?.AccessorID} (Consul agent of ${server.name})`);
  expect(ran.stderr).not.toContain(token?.SecretID);
});

test("the auth method waits until its keys can be fetched, and rules that nobody asks for go", async () => {
  const consul = new FakeConsul();
  consul.jwksFailures = 3;
  expect(
    (await bootstrap(consul, workloads([{ namespace: "ingress", job: "fabio", rules: "" }]))).ran.status,
  ).toBe(0);
  expect(consul.rules.size).toBe(3);
  expect((await bootstrap(consul, workloads([]))).ran.status).toBe(0);
  const left = [...consul.rules.values()].map((rule) => (rule as { BindName: string }).BindName);
  expect(left.sort()).toEqual(
    ["$" + "{value.nomad_service}", "nomad-$" + "{value.nomad_namespace}-tasks"].sort(),
  );
});

test("what Fabio finds is put into catalog and keys: its table needs what the catalog always has", async () => {
  const consul = new FakeConsul();
  const objects = consulWorkloadObjects({
    ...{ jwksUrl: "https://x", jwksCaPem: "pem", namespaces: [], jobs: [], finds: fabioFinds },
  });
  expect((await bootstrap(consul, objects)).ran.status).toBe(0);
  const [entry, key] = consul.puts;
  expect(entry).toEqual({ at: "/v1/catalog/register", sent: fabioFinds.catalog?.[0] });
  const KV = (key?.sent as { KV: { Verb: string; Key: string; Value: string } }[] | undefined)?.[0]?.KV;
  expect([key?.at, KV?.Verb, KV?.Key]).toEqual(["/v1/txn", "set", "fabio/config"]);
  const [, , service, route] = Buffer.from(KV?.Value ?? "", "base64")
    .toString()
    .split(" ");
  const { Service } = (entry?.sent ?? {}) as { Service?: { Service: string; Tags: string[] } };
  expect([service, `urlprefix-${route}`]).toEqual([Service?.Service, Service?.Tags[0]]);
});

test("tokens follow from the seed, and differ by machine and use", () => {
  const secrets = [server, client]
    .flatMap((node) => nodeTokens(seed, "dc1", node))
    .flatMap((t) => [t.SecretID, t.AccessorID]);
  expect(new Set(secrets).size).toBe(secrets.length);
  expect(nodeTokens(seed, "dc1", server)).toEqual(nodeTokens(seed, "dc1", server));
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  for (const secret of secrets) expect(secret).toMatch(uuid);
});

test("a machine's tokens are those of its roles", () => {
  const uses = (node: typeof server | typeof client) =>
    nodeTokens(seed, "dc1", node).map((t) => t.Policies?.[0] ?? t.NodeIdentities?.[0]);
  expect(uses(server)).toEqual([
    { NodeName: server.name, Datacenter: "dc1" },
    { Name: "vault-server" },
    { Name: "nomad-server" },
  ]);
  expect(uses(client)).toEqual([{ NodeName: client.name, Datacenter: "dc1" }, { Name: "nomad-client" }]);
});

test("every policy and role that something names is there", () => {
  const base = consulObjects(seed, "dc1", [server]);
  const more = workloads([{ namespace: "ingress", job: "fabio", rules: "x" }]);
  const policies = new Set([...base.policies, ...more.policies].map((p) => p.Name));
  for (const token of [...base.tokens, ...nodeTokens(seed, "dc1", client)]) {
    for (const policy of token.Policies ?? []) if ("Name" in policy) expect(policies).toContain(policy.Name);
  }
  for (const role of more.roles) for (const policy of role.Policies) expect(policies).toContain(policy.Name);
  const roles = more.roles.map((role) => role.Name);
  expect(
    more.bindingRules
      .filter((r) => r.BindType === "role" && !r.BindName.includes("$"))
      .map((r) => r.BindName),
  ).toEqual(roles.filter((name) => name.includes("-job-")));
});

test("no daemon's token may write ACLs, and no workload may register under a daemon's name", () => {
  for (const { Rules } of consulObjects(seed, "dc1", [server]).policies) {
    expect(Rules).not.toMatch(/acl\s*=|operator\s*=/);
  }
  const rule = workloads([]).bindingRules.find((r) => r.BindType === "service");
  const refused = /not matches "(.*)"$/.exec(rule?.Selector ?? "")?.[1] as string;
  for (const name of ["consul", "vault", "nomad", "nomad-client"]) expect(name).toMatch(new RegExp(refused));
  expect("vault-exporter").not.toMatch(new RegExp(refused));
});
