import { describe, expect, it } from "vitest";
import type { AcmeRun } from "../../../cli/acme";
import { expectedOf, judge, lacking } from "../../../cli/status/judge";
import type { ConsulView, JobView, NomadView, Observation, VaultView } from "../../../cli/status/observe";
import { statusJson, statusText } from "../../../cli/status/print";
import { outputsFixture } from "./outputs.fixture";

const expected = expectedOf(outputsFixture());
const at = Date.parse("2026-11-23T06:00:00Z");
const DAY = 86_400_000;
const names = ["control-a", "control-b", "control-c"];
const peers = names.map((name, index) => ({ name, voter: true, leader: index === 1 }));

const consul: ConsulView = {
  leader: "[fd00:1ab::4]:8300",
  peers,
  members: [...names, "client-a", "edge-a"].map((name) => ({
    name,
    status: "alive",
    server: name.startsWith("control"),
  })),
  checks: [],
};
const website: JobView = {
  namespace: "web",
  id: "website",
  type: "service",
  status: "running",
  stopped: false,
  desired: 2,
  running: 2,
  healthy: 2,
  deployment: "successful",
};
const node = (name: string) => ({
  name,
  status: "ready",
  eligible: true,
  draining: false,
  nodeClass: "general",
});
const nomad: NomadView = {
  leader: "[fd00:1ab::5]:4647",
  peers,
  servers: names.map((name) => ({ name, status: "alive" })),
  nodes: [node("client-a"), node("edge-a")],
  jobs: [website],
};
const vault: VaultView = {
  ...{ initialized: true, sealed: false, version: "1.21.1", peers, unsealed: names, removed: false },
};
const certificate = (name: string, days: number, life = 30) => ({
  name,
  certificate: {
    value: { notBefore: at + (days - life) * DAY, notAfter: at + days * DAY, subject: name },
  },
});

function observation(part: Partial<Observation> = {}): Observation {
  return {
    consul: { value: consul },
    nomad: { value: nomad },
    vault: { value: vault },
    certificates: [certificate("consul", 29)],
    at,
    ...part,
  };
}

const problemsOf = (part: Partial<Observation>): readonly string[] =>
  judge(observation(part), expected).problems;

describe("expectedOf", () => {
  it("counts by role; support has no Consul agent of the members' kind", () => {
    expect(expected).toEqual({
      consulServers: names,
      vaultServers: names,
      nomadServers: names,
      nomadClients: ["client-a", "edge-a"],
      consulMembers: ["client-a", ...names, "edge-a"],
    });
  });
});

describe("lacking", () => {
  it("knows a daemon by the machine's name in the cloud, with or without region", () => {
    const seen = ["dev-control-a-1f2e3d4c", "dev-control-b-00ff00ff.global", "edge-a"];
    expect(lacking(["control-a", "control-b", "edge-a"], seen)).toEqual([]);
    expect(lacking(["control-a", "edge-b"], ["dev-control-a-x-1f2e3d4c"])).toEqual(["control-a", "edge-b"]);
  });
});

describe("judge", () => {
  it("finds nothing wrong with a healthy cluster", () => {
    expect(judge(observation(), expected)).toEqual({ problems: [], unseen: [], exitCode: 0 });
  });

  it("sees a lost leader and a lost vote", () => {
    const without = peers.map((peer, index) => ({ ...peer, leader: false, voter: index !== 0 }));
    expect(problemsOf({ consul: { value: { ...consul, peers: without } } })).toEqual([
      "Consul has no leader.",
      "Consul has 2 voters instead of 3.",
      "Consul: control-a in the quorum without a vote.",
    ]);
  });

  it("sees a voter too many: a replaced server that was not removed", () => {
    const more = [...peers, { name: "control-old", voter: true, leader: false }];
    expect(problemsOf({ nomad: { value: { ...nomad, peers: more } } })).toEqual([
      "Nomad has 4 voters instead of 3.",
    ]);
  });

  it("names a failed member and a critical check", () => {
    const members = consul.members.map((member, index) =>
      index === 4 ? { ...member, status: "failed" } : member,
    );
    const check = { node: "client-a", service: "website", status: "critical" };
    const checks = [
      { ...check, check: "alive", ran: true },
      { ...check, check: "new", ran: false },
    ];
    expect(problemsOf({ consul: { value: { ...consul, members, checks } } })).toEqual([
      "Consul member edge-a is failed.",
      "Consul's living members: edge-a is missing.",
      'Consul check "alive" of website on client-a is critical.',
    ]);
  });

  it("tells why no public certificate could be had, and when nobody has looked for long", () => {
    const run = (hoursAgo: number, result: AcmeRun["result"], message = "why") => ({
      acme: { value: { at: new Date(at - hoursAgo * 3_600_000).toISOString(), result, message } },
    });
    expect(problemsOf(run(12, "kept"))).toEqual([]);
    expect(problemsOf(run(12, "issued"))).toEqual([]);
    expect(problemsOf(run(0, "running"))).toEqual([]);
    expect(problemsOf(run(1, "failed", "[401] Invalid Token"))).toEqual([
      "No public certificate at 2026-11-23T05:00:00.000Z: [401] Invalid Token",
    ]);
    expect(problemsOf(run(30, "kept"))).toEqual([
      "Nobody has looked since 2026-11-22T00:00:00.000Z whether a public certificate is due.",
    ]);
    expect(problemsOf({ acme: { value: undefined } })).toEqual(["No public certificate was asked for yet."]);
    const blind = judge(observation({ acme: { why: "Vault secret/data/x: no answer" } }), expected);
    expect(blind).toMatchObject({ problems: ["Vault secret/data/x: no answer"], exitCode: 1 });
    expect(
      statusText(observation(run(1, "kept", "nothing is due before June")), judge(observation(), expected)),
    ).toContain("\nPublic        last run 2026-11-23T05:00:00.000Z: nothing is due before June\n");
  });

  it("does not mind a member that has left", () => {
    const members = [...consul.members, { name: "client-old", status: "left", server: false }];
    expect(problemsOf({ consul: { value: { ...consul, members } } })).toEqual([]);
  });

  it("names nodes that are down, drained or take no work", () => {
    const nodes = [
      { ...node("client-a"), status: "down" },
      { ...node("client-b"), status: "initializing" },
      { ...node("edge-a"), draining: true },
      { ...node("edge-b"), eligible: false },
    ];
    expect(problemsOf({ nomad: { value: { ...nomad, nodes } } })).toEqual([
      "Nomad node client-a is down.",
      "Nomad node client-b is initializing: if it stays so, Nomad waits for news of a task there (docs/operations.md).",
      "Nomad node edge-a is being drained.",
      "Nomad node edge-b takes no new work (it is ineligible).",
    ]);
  });

  it.each<[string, Partial<JobView>, string[]]>([
    ["too few", { running: 1, healthy: 1 }, ["Job web/website runs 1 of 2 instances."]],
    ["unhealthy", { healthy: 0 }, ["Job web/website has 2 unhealthy instances."]],
    ["failed deployment", { deployment: "failed" }, ["Job web/website: its last deployment failed."]],
    ["nowhere", { type: "system", desired: 0, running: 0, healthy: 0 }, ["Job web/website runs nowhere."]],
    ["stopped", { stopped: true, running: 0, healthy: 0 }, []],
    ["batch", { type: "batch", desired: undefined, running: 0, healthy: 0 }, []],
  ])("judges a job: %s", (_what, part, sentences) => {
    expect(problemsOf({ nomad: { value: { ...nomad, jobs: [{ ...website, ...part }] } } })).toEqual(
      sentences,
    );
  });

  it("sees a sealed Vault, and a server that is not unsealed", () => {
    expect(problemsOf({ vault: { value: { ...vault, sealed: true } } })).toEqual(["Vault is sealed."]);
    expect(problemsOf({ vault: { value: { ...vault, initialized: false } } })).toEqual([
      "Vault is not initialised.",
    ]);
    expect(problemsOf({ vault: { value: { ...vault, unsealed: ["control-c", "control-a"] } } })).toEqual([
      "Vault's unsealed servers: control-b is missing.",
    ]);
  });

  it("sees a Vault server that takes itself for removed, sealed or not", () => {
    for (const sealed of [false, true]) {
      expect(problemsOf({ vault: { value: { ...vault, sealed, removed: true } } })).toEqual([
        "One of Vault's servers takes itself for removed from the cluster: npx hashistack up --repair makes it join anew.",
      ]);
    }
  });

  it("sees certificates that are over, or should have been renewed", () => {
    const certificates = [certificate("consul", -1), certificate("nomad", 3.5), certificate("vault", 9)];
    expect(problemsOf({ certificates })).toEqual([
      "The certificate of consul has expired.",
      "The certificate of nomad ends in 3 days and should have been renewed.",
    ]);
  });

  it("finds no fault with a short life of which a third is left", () => {
    const certificates = [
      certificate("consul", 2.4, 7),
      certificate("nomad", 1.5, 7),
      certificate("site", 9, 90),
    ];
    expect(problemsOf({ certificates })).toEqual([
      "The certificate of nomad ends in 1 days and should have been renewed.",
    ]);
  });

  it("calls one service that does not answer wrong, and none that answers not seen", () => {
    const gone = { why: "Vault /v1/sys/health: no answer within 10 s" };
    expect(judge(observation({ vault: gone }), expected)).toEqual({
      problems: [gone.why],
      unseen: [gone.why],
      exitCode: 1,
    });
    const blind = { why: "x" };
    expect(judge(observation({ consul: blind, nomad: blind, vault: blind }), expected).exitCode).toBe(2);
  });
});

describe("print", () => {
  it("shows what is there", () => {
    const seen = observation();
    expect(statusText(seen, judge(seen, expected))).toBe(
      [
        "Consul        leader control-b, 3 voters, 5 members alive",
        "Nomad         leader control-b, 3 voters, 2 nodes ready",
        "Vault         leader control-b, 3 voters, 3 unsealed, version 1.21.1",
        "Jobs          web/website (service): 2 of 2 running, 2 healthy",
        "Certificates  consul: 29 days left, until 2026-12-22T06:00:00.000Z",
        "",
        "Everything is as it should be.",
      ].join("\n"),
    );
  });
  it("ends with what is wrong", () => {
    const seen = observation({ vault: { value: { ...vault, sealed: true, peers: [], unsealed: [] } } });
    expect(statusText(seen, judge(seen, expected))).toMatch(/Something is wrong:\n {2}- Vault is sealed\.$/);
  });
  it("is the same for programs", () => {
    const seen = observation({ nomad: { why: "gone" } });
    expect(JSON.parse(statusJson(seen, judge(seen, expected)))).toMatchObject({
      healthy: false,
      problems: ["gone"],
      consul: { value: { leader: "[fd00:1ab::4]:8300" } },
      nomad: { why: "gone" },
      certificates: [{ name: "consul", notAfter: "2026-12-22T06:00:00.000Z" }],
    });
  });
});
