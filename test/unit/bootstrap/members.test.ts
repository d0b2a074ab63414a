import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAsset } from "../../../components/provisioning/assets";
import { type Answer, type Asked, atOnce, run, Stage } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const gone = "dev-control-a-1f";
const login = { path: "approle", roleId: "r", secretId: "s" };

/** Three servers' Consul, Nomad and Vault, and one client, as far as a departure sees them. */
class FakeCluster {
  readonly events: string[] = [];
  voters = [gone, "b", "c"];
  vaultVoters = [gone, "b", "c"];
  leader = { consul: gone, nomad: gone, vault: gone };
  alive = 3;
  nomadAlive = 2;
  nodes = [{ ID: "n1", Name: gone, Status: "ready", SchedulingEligibility: "eligible" }];
  attributes: Record<string, string> = {};
  left = [{ Name: "site.web[0]", ClientStatus: "running" }];
  voting = true;
  /** Voters that are not well. */
  sick: string[] = [];
  /** What nobody was asked for yet, where each question is answered first that there is no leader. */
  leaderless: Set<string> | undefined;
  /** How often the leader's autopilot is asked before it has looked for the first time. */
  unseen = 0;

  private servers(service: "consul" | "nomad") {
    const name = (node: string) => (service === "nomad" ? `${node}.global` : node);
    return this.voters.map((node) => ({
      ID: `id-${node}`,
      Node: name(node),
      Leader: this.leader[service] === node,
      Voter: true,
    }));
  }

  readonly answer =
    (service: "consul" | "nomad" | "vault") =>
    ({ method, path, body }: Asked): Answer => {
      const at = path.split("?")[0] as string;
      const question = `${service} ${method} ${at}`;
      if (this.leaderless && !this.leaderless.has(question)) {
        this.leaderless.add(question);
        return [500, "No cluster leader"];
      }
      if (method !== "GET") this.events.push(`${service} ${method} ${path}`);
      if (service === "vault") return this.vault(method, at);
      if (at === "/v1/operator/autopilot/health") {
        if (this.unseen-- > 0) return [429, { Healthy: false, Servers: null }];
        const Servers = this.servers(service).map(({ Node: Name, Voter }) => ({
          ...{ Name, Voter, Healthy: !this.sick.some((node) => Name.startsWith(node)) },
        }));
        return [this.sick.length > 0 ? 429 : 200, { Servers }];
      }
      if (at === "/v1/operator/raft/configuration") return [200, { Servers: this.servers(service) }];
      if (at.startsWith("/v1/operator/raft/transfer-leader")) {
        this.leader[service] = "b";
        return [200, {}];
      }
      if (at === "/v1/operator/raft/peer") {
        this.voters = this.voters.filter((node) => node !== gone);
        return [200];
      }
      if (at === "/v1/agent/members") {
        const Status = this.alive-- > 0 ? 1 : 4;
        return [
          200,
          service === "consul"
            ? [{ Name: gone, Status }]
            : { Members: [{ Name: `${gone}.global`, Status: this.nomadAlive-- > 0 ? "alive" : "failed" }] },
        ];
      }
      if (at === "/v1/nodes") return [200, this.nodes];
      if (at === "/v1/node/n1/allocations") {
        const now = this.left;
        this.left = [];
        return [200, now];
      }
      if (at === "/v1/node/n1") return [200, { ...this.nodes[0], Attributes: this.attributes }];
      if (at === "/v1/node/n1/drain") {
        const { Deadline } = (body as { DrainSpec: { Deadline: number } }).DrainSpec;
        return Deadline > 1e9 ? [200, {}] : [400, "a deadline is in nanoseconds"];
      }
      return method === "GET" ? [404] : [200, {}];
    };

  private vault(method: string, at: string): Answer {
    if (at.endsWith("/login")) return [200, { auth: { client_token: "t" } }];
    if (at === "/v1/sys/storage/raft/configuration") {
      const leads = (node: string) => this.leader.vault === node;
      const servers = this.vaultVoters.map((node_id) => ({
        node_id,
        voter: this.voting,
        leader: leads(node_id),
      }));
      return [200, { data: { config: { servers } } }];
    }
    if (at === "/v1/sys/storage/raft/autopilot/state") {
      if (this.unseen-- > 0) return [404, { errors: [] }];
      const states = this.vaultVoters.map((node) => [node, { healthy: !this.sick.includes(node) }]);
      return [200, { data: { voters: this.vaultVoters, servers: Object.fromEntries(states) } }];
    }
    if (at === "/v1/sys/step-down") this.leader.vault = "c";
    if (at.endsWith("/remove-peer")) this.vaultVoters = this.vaultVoters.filter((node) => node !== gone);
    return method === "GET" ? [404] : [204];
  }

  async access() {
    const made = { consul: "", nomad: "", vault: "" };
    for (const service of ["consul", "nomad", "vault"] as const) {
      made[service] = (await stage.service(this.answer(service))).address;
    }
    return {
      consul: stage.access([made.consul], "c"),
      nomad: stage.access([made.nomad], "n"),
      vault: stage.access([made.vault]),
    };
  }
}

async function member(
  cluster: FakeCluster,
  verb: string,
  roles: string[],
  more: object = {},
  detached = atOnce,
) {
  const { consul, nomad, vault } = await cluster.access();
  const input = {
    ...{ node: gone, region: "global", roles, consul, nomad, vault, vaultLogin: login },
    tokens: [{ AccessorID: "accessor-1", SecretID: "secret-1" }],
    ...{ timeoutSeconds: 2, drainSeconds: 2, farewellSeconds: 5 },
    ...more,
  };
  const own = readAsset("bootstrap/machine/member.py")
    .replace('"/run/hashistack"', JSON.stringify(stage.folder))
    .replace("seconds=150", "seconds=0");
  return run("member", input, { verb, modules: { detached, member: own } });
}

test("a client is drained, and the rest is left to a unit that waits for its end", async () => {
  const cluster = new FakeCluster();
  const ran = await member(cluster, "delete", ["nomad-client"]);
  expect(ran).toMatchObject({ status: 0, stderr: `started hashistack-farewell-${gone} farewell\n` });
  expect(cluster.events).toEqual(["nomad POST /v1/node/n1/eligibility", "nomad POST /v1/node/n1/drain"]);
});

test("work that does not move is told of by name", async () => {
  const cluster = new FakeCluster();
  Object.defineProperty(cluster, "left", {
    get: () => [{ Name: "site.web[0]", ClientStatus: "running" }],
    set: () => {},
  });
  const ran = await member(cluster, "delete", ["nomad-client"]);
  expect(ran.stderr).toContain(
    `Nomad: ${gone} drained: not so after 2 s; last seen: 1 allocations: site.web[0]`,
  );
});

test("a client that is down already is not waited for", async () => {
  const cluster = new FakeCluster();
  cluster.nodes = [{ ID: "n1", Name: gone, Status: "down", SchedulingEligibility: "eligible" }];
  expect((await member(cluster, "delete", ["nomad-client"])).status).toBe(0);
  expect(cluster.events).toEqual(["nomad POST /v1/node/n1/eligibility"]);
});

test("a server hands over what it leads and leaves Vault's quorum; its agents leave when they are silent", async () => {
  const cluster = new FakeCluster();
  const ran = await member(cluster, "delete", ["consul-server", "vault-server", "nomad-server"]);
  expect(ran.stderr).toBe(`started hashistack-farewell-${gone} farewell\n`);
  expect(cluster.leader).toEqual({ consul: "b", nomad: "b", vault: "c" });
  expect(cluster.vaultVoters).toEqual(["b", "c"]);
  expect(cluster.voters).toContain(gone);
});

test.each(["vault", "consul", "nomad"])(
  "a server without which %s has no quorum stays, in the others too",
  async (service) => {
    const cluster = new FakeCluster();
    cluster.sick = ["c"];
    if (service === "vault") cluster.voters = [gone, "b"];
    else cluster.vaultVoters = [gone, "b"];
    const ran = await member(cluster, "delete", ["vault-server", `${service}-server`]);
    const title = service.replace(/^./, (letter) => letter.toUpperCase());
    expect(ran.stderr).toContain(
      `${title}: the others a quorum when ${gone} is gone: not so after 2 s; last seen: `,
    );
    expect(ran.stderr).toMatch(/1 of [23] voters would be left; not well: c(\.global)?\n/);
    expect(cluster.vaultVoters).toContain(gone);
    expect(ran.stderr).not.toContain("started");
  },
);

test.each(["consul", "nomad", "vault"])(
  "a new leader of %s is waited for until it has looked",
  async (service) => {
    const cluster = new FakeCluster();
    cluster.unseen = 2;
    const ran = await member(cluster, "delete", [`${service}-server`]);
    expect(ran).toMatchObject({ status: 0, stderr: `started hashistack-farewell-${gone} farewell\n` });
    const other = new FakeCluster();
    other.unseen = 1000;
    const blind = await member(other, "delete", [`${service}-server`]);
    expect(blind.stderr).toMatch(/ is gone: not so after 2 s; last seen: no leader has looked yet/);
  },
);

const leaving = (node: string) =>
  atOnce.replace("return False", `return unit == "hashistack-farewell-${node}"`);

test.each<[string, string[], string[], string | undefined, string | undefined]>([
  ["two of three are enough", [gone, "b", "c"], [], undefined, undefined],
  ["of two one is none", [gone, "b"], [], undefined, "1 of 2 voters would be left\n"],
  ["half is none", [gone, "b", "c", "d"], ["d"], undefined, "2 of 4 voters would be left; not well: d"],
  ["who leaves does not count", [gone, "b", "c"], [], "c", "1 of 3 voters would be left; leaving: c"],
  ["of five two may leave", [gone, "b", "c", "d", "e"], [], "c", undefined],
])("until it is forgotten a server of Consul or Nomad is a voter that is silent: %s", async (...told) => {
  const [, voters, sick, also, refusal] = told;
  for (const role of ["consul-server", "nomad-server"]) {
    const cluster = new FakeCluster();
    Object.assign(cluster, { voters, sick, vaultVoters: [] });
    const ran = await member(cluster, "delete", [role], { timeoutSeconds: 0 }, also && leaving(also));
    const words = role === "nomad-server" ? refusal?.replace(/: ([cd])$/, ": $1.global") : refusal;
    if (words) expect(ran.stderr).toContain(words);
    else expect(ran.stderr).toBe(`started hashistack-farewell-${gone} farewell\n`);
  }
});

test("servers leave one after another; a client needs no turn", async () => {
  const held = `${atOnce}
import fcntl
other = open(${JSON.stringify(join(stage.folder, "leaving.lock"))}, "w")
fcntl.flock(other, fcntl.LOCK_EX)
`;
  const late = await member(new FakeCluster(), "delete", ["consul-server"], {}, held);
  expect(late.stderr).toContain(
    "the turn to leave: not so after 0 s; last seen: another server is about to leave",
  );
  const client = await member(new FakeCluster(), "delete", ["nomad-client"], {}, held);
  expect(client.status).toBe(0);
});

test("a machine that is silent is forgotten everywhere, its tokens last", async () => {
  const cluster = new FakeCluster();
  cluster.leader = { consul: "b", nomad: "b", vault: "b" };
  cluster.nodes = [{ ID: "n1", Name: gone, Status: "down", SchedulingEligibility: "ineligible" }];
  const ran = await member(cluster, "farewell", ["nomad-client"]);
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(cluster.events).toEqual([
    `consul PUT /v1/agent/force-leave/${gone}?prune=1`,
    `consul DELETE /v1/operator/raft/peer?id=id-${gone}`,
    `nomad PUT /v1/agent/force-leave?prune=true&node=${gone}.global`,
    "nomad PUT /v1/node/n1/purge",
    "consul DELETE /v1/acl/token/accessor-1",
  ]);
});

test("a machine is forgotten though an election is under way: what forgets it asks again", async () => {
  const cluster = new FakeCluster();
  cluster.leaderless = new Set();
  cluster.leader = { consul: "b", nomad: "b", vault: "b" };
  cluster.nodes = [{ ID: "n1", Name: gone, Status: "down", SchedulingEligibility: "ineligible" }];
  const ran = await member(cluster, "farewell", ["nomad-client"], { farewellSeconds: 60 });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(cluster.events).toEqual([
    `consul PUT /v1/agent/force-leave/${gone}?prune=1`,
    `consul DELETE /v1/operator/raft/peer?id=id-${gone}`,
    `nomad PUT /v1/agent/force-leave?prune=true&node=${gone}.global`,
    "nomad PUT /v1/node/n1/purge",
    "consul DELETE /v1/acl/token/accessor-1",
  ]);
});

test("a machine that lives on is not forgotten", async () => {
  const cluster = new FakeCluster();
  cluster.alive = 1000;
  const ran = await member(cluster, "farewell", ["nomad-client"], { farewellSeconds: 1 });
  expect(ran.stderr).toContain(`Consul: ${gone} is silent: not so after 1 s; last seen: it is alive`);
  expect(cluster.events).toEqual([]);
});

async function gate(cluster: FakeCluster, more: object) {
  return run("gate", { timeoutSeconds: 0, ...(await cluster.access()), ...more });
}

test("a gate opens when the nodes are ready and know their surroundings", async () => {
  const cluster = new FakeCluster();
  expect((await gate(cluster, { nodes: [gone] })).status).toBe(0);
  const blind = await gate(cluster, { nodes: [gone], attributes: ["vault.version"] });
  expect(blind.stderr).toContain(`last seen: 1 of 1 ready; ${gone} does not know vault.version`);
  cluster.attributes = { "vault.version": "1.21.1" };
  expect((await gate(cluster, { nodes: [gone], attributes: ["vault.version"] })).status).toBe(0);
  const missing = await gate(cluster, { nodes: [gone, "dev-client-b"] });
  expect(missing.stderr).toContain("last seen: 1 of 2 ready; dev-client-b is unknown");
});

test("a gate stays shut while a Vault server has no vote", async () => {
  const cluster = new FakeCluster();
  cluster.voting = false;
  cluster.leader.vault = "b";
  const voteless = await gate(cluster, { vaultVoters: ["b", "c"], vaultLogin: login });
  expect(voteless.stderr).toContain("Vault: 2 voters: not so after 0 s; last seen: not voting: b, c");
});

test("a Vault server that leaves hands over first, for its successor is out of its reach", async () => {
  const cluster = new FakeCluster();
  cluster.leader.vault = gone;
  const waits = await gate(cluster, { vaultVoters: ["b", "new"], vaultLogin: login });
  expect(waits.stderr).toContain(`last seen: ${gone} was told to let another lead`);
  expect(cluster.leader.vault).toBe("c");
  // One that stays is left alone.
  cluster.leader.vault = "b";
  await gate(cluster, { vaultVoters: ["b", "new"], vaultLogin: login });
  expect(cluster.leader.vault).toBe("b");
});
