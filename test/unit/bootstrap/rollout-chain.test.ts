import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RolloutCluster } from "./rollout-cluster";

let cluster: RolloutCluster;
let [a, b, c]: string[] = [];
beforeEach(async () => {
  cluster = await RolloutCluster.start();
  [a, b, c] = cluster.nodes as [string, string, string];
});
afterEach(() => cluster.end());

const consul = "consul.service";
const vault = "vault.service";
const nomad = "nomad.service";

function pend(units: string[], ...nodes: (string | undefined)[]): void {
  for (const node of nodes) cluster.pending[node as string] = [...units];
}

async function restarted(input?: object): Promise<string[]> {
  const ran = await cluster.rollOut(input);
  expect(ran.stderr).not.toContain("rollout:");
  expect(ran.status).toBe(0);
  return (JSON.parse(ran.stdout) as { restarted: string[] }).restarted;
}

async function rejoined(verb: "create" | "repair" = "create"): Promise<string[]> {
  const ran = await cluster.rollOut(cluster.input(), verb);
  expect(ran.stderr).not.toContain("rollout:");
  return (JSON.parse(ran.stdout) as { rejoined: string[] }).rejoined;
}

async function failure(input?: object): Promise<string> {
  const ran = await cluster.rollOut(input);
  expect(ran.status).toBe(1);
  expect(ran.stdout).toBe("");
  return ran.stderr;
}

test("where nothing waits, Vault's servers are asked for their health, and no key is written", async () => {
  expect(await restarted()).toEqual([]);
  expect([cluster.asked.length, cluster.requests]).toEqual([0, 3]);
  expect(existsSync(cluster.run)).toBe(false);
});

describe("a server of Vault that takes itself for removed", () => {
  test("joins anew, and nobody else is touched", async () => {
    cluster.seat("vault", b as string).removed = 1;
    expect(await rejoined()).toEqual([`control-b ${vault}`]);
    expect(cluster.events).toEqual([`control-b ${vault}`]);
    expect(cluster.violations).toEqual([]);
    expect(await rejoined()).toEqual([]);
  });

  test("joins anew where it was really removed, and is sealed since", async () => {
    Object.assign(cluster.seat("vault", c as string), { removed: 1, sealed: true });
    expect(await rejoined("repair")).toEqual([`control-c ${vault}`]);
    expect(cluster.violations).toEqual([]);
  });

  test("does so again where it was wrong about itself again", async () => {
    cluster.seat("vault", b as string).removed = 3;
    expect(await rejoined()).toEqual([`control-b ${vault}`]);
    expect(cluster.events).toHaveLength(3);
  });

  test("is given up when that does not end", async () => {
    cluster.seat("vault", b as string).removed = 4;
    const words = await failure();
    expect(words).toContain("control-b: Vault joined 3 times and took itself for removed each time");
    expect(words).toContain("| last words of vault.service");
  });

  test("is healed though another is, too, one after another, who leads last and not as a leader", async () => {
    for (const node of [a, c]) cluster.seat("vault", node as string).removed = 1;
    expect(await rejoined()).toEqual([`control-c ${vault}`, `control-a ${vault}`]);
    expect(cluster.events).toEqual([
      `control-c ${vault}`,
      "vault: control-a steps down",
      `control-a ${vault}`,
    ]);
    expect(cluster.violations).toEqual([]);
  });

  test("loses nothing while the others are no quorum", async () => {
    cluster.seat("vault", b as string).removed = 1;
    cluster.seat("vault", c as string).healthy = false;
    expect(await failure(cluster.input(cluster.pending, 1))).toContain(`not healthy voters: ${c}`);
    expect(cluster.events).toEqual([]);
  });

  test("does not keep others from their restarts", async () => {
    cluster.seat("vault", b as string).removed = 1;
    pend([vault], c);
    expect(await restarted()).toEqual([`control-c ${vault}`]);
    expect(cluster.events).toEqual([`control-b ${vault}`, `control-c ${vault}`]);
  });

  test("is found by a repair, too", async () => {
    cluster.seat("vault", b as string).removed = 1;
    expect(await rejoined("repair")).toEqual([`control-b ${vault}`]);
  });
});

test("a repair asks every server, whatever their set-ups answered", async () => {
  pend([consul], b);
  const ran = await cluster.rollOut(cluster.input({}), "repair");
  expect(JSON.parse(ran.stdout)).toEqual({ restarted: [`control-b ${consul}`], rejoined: [] });
  expect(cluster.violations).toEqual([]);
});

test("followers before the leader, units in their order, each only while all others are back", async () => {
  pend([nomad, vault, consul], a, b, c);
  const units = [consul, vault, nomad];
  expect(await restarted()).toEqual(
    ["control-b", "control-c", "control-a"].flatMap((machine) => units.map((unit) => `${machine} ${unit}`)),
  );
  expect(cluster.violations).toEqual([]);
  expect(cluster.events.slice(-6)).toEqual([
    "consul: control-b leads",
    `control-a ${consul}`,
    "vault: control-a steps down",
    `control-a ${vault}`,
    "nomad: control-b leads",
    `control-a ${nomad}`,
  ]);
});

test("leadership goes to a server that has been restarted, not to one that must go itself", async () => {
  cluster.leaders.nomad = b as string;
  pend([consul], a, c);
  pend([consul, nomad], b);
  expect(await restarted()).toEqual([
    `control-c ${consul}`,
    `control-a ${consul}`,
    `control-b ${consul}`,
    `control-b ${nomad}`,
  ]);
  expect(cluster.events).toContain("consul: control-c leads");
  expect(cluster.violations).toEqual([]);
});

test("the key lies in a private folder, only while it is needed, and hosts are verified", async () => {
  pend([consul], b);
  await restarted();
  const asked = cluster.asked.find(({ words }) => words[0] === `restart ${consul}`);
  expect(asked).toMatchObject({
    address: "fd00:1ab::11",
    others: ["-F", "none", "-T", "-l", "ops"],
    key: {
      mode: 0o600,
      text: "-----BEGIN OPENSSH PRIVATE KEY-----\nthe-key\n-----END OPENSSH PRIVATE KEY-----\n",
    },
    folderMode: 0o700,
    options: { StrictHostKeyChecking: "yes", HostKeyAlias: b, GlobalKnownHostsFile: "/dev/null" },
  });
  expect(asked?.knownHosts.text.split("\n")).toContain(`${b} ssh-ed25519 host-${b}`);
  expect(existsSync(join(cluster.run, "rollout"))).toBe(false);
});

test("a server that does not come back stops the chain, with its machine, unit and last lines", async () => {
  pend([consul, nomad], a, b, c);
  cluster.broken.add(`${b} ${consul}`);
  const words = await failure(cluster.input(cluster.pending, 1));
  expect(words).toContain(
    "support-a: rollout: control-b: consul.service: back as a healthy voter: not so after 1 s; last seen: it hears no leader",
  );
  expect(words).toContain("5 more wait for their restart");
  expect(words).toContain("| last words of consul.service");
  expect(cluster.events).toEqual([`control-b ${consul}`]);
  expect(existsSync(join(cluster.run, "rollout"))).toBe(false);
});

test("a restart that fails stops the chain with what the machine said", async () => {
  pend([consul], b, c);
  cluster.stuck.add(`${b} ${consul}`);
  const words = await failure();
  expect(words).toContain("control-b: consul.service did not restart; 1 more wait for their restart");
  expect(words).toContain("| no such option");
  expect(cluster.events).toEqual([`control-b ${consul}`]);
});

test("nobody is restarted while another server is not well, and it is named", async () => {
  pend([consul], b);
  cluster.seat("consul", c as string).healthy = false;
  const words = await failure(cluster.input(cluster.pending, 1));
  expect(words).toContain("all other servers of Consul well before its restart: not so after 1 s");
  expect(words).toContain(`not healthy voters: ${c}`);
  expect(cluster.events).toEqual([]);
});

test("one that hears no leader spares nobody, though autopilot still thinks it well", async () => {
  pend([consul], b);
  cluster.seat("consul", a as string).cut = true;
  cluster.leaders.consul = c as string;
  expect(await failure(cluster.input(cluster.pending, 1))).toContain(`not healthy voters: ${a}`);
  expect(cluster.events).toEqual([]);
});

test.each([
  ["Consul", consul],
  ["Vault", vault],
] as const)("one of %s that does not keep up spares nobody", async (_, unit) => {
  pend([unit], b);
  cluster.seat(unit === consul ? "consul" : "vault", c as string).slow = true;
  expect(await failure(cluster.input(cluster.pending, 1))).toContain(`${c} is at index 99 of 100`);
  expect(cluster.events).toEqual([]);
});

test("one that is cut off goes first, whoever is asked about it", async () => {
  pend([consul], a, b, c);
  cluster.seat("consul", a as string).cut = true;
  cluster.leaders.consul = c as string;
  expect(await restarted()).toEqual([`control-a ${consul}`, `control-b ${consul}`, `control-c ${consul}`]);
  expect(cluster.violations).toEqual([]);
});

test("nobody is restarted while dead voters that nobody expects leave no quorum without it", async () => {
  pend([consul], b);
  cluster.strangers.push({ name: "dev-control-z-9e", healthy: false });
  expect(await failure(cluster.input(cluster.pending, 1))).toContain("only 2 others of 4 voters are well");
  expect(cluster.events).toEqual([]);
});

test("one that is not well anyway goes first: its restart may mend it", async () => {
  pend([consul], a, b, c);
  cluster.seat("consul", c as string).healthy = false;
  expect(await restarted()).toEqual([`control-c ${consul}`, `control-b ${consul}`, `control-a ${consul}`]);
  expect(cluster.violations).toEqual([]);
});

test("a sealed Vault is not a healthy voter", async () => {
  pend([vault], b);
  cluster.seat("vault", c as string).behind = Number.POSITIVE_INFINITY;
  expect(await failure(cluster.input(cluster.pending, 1))).toContain(`not healthy voters: ${c}`);
});

test("a run that was cut is taken up where it was: machines say what still waits", async () => {
  pend([consul], c);
  expect(await restarted(cluster.input({ [a as string]: [consul], [c as string]: [consul] }))).toEqual([
    `control-c ${consul}`,
  ]);
});

test("where all was carried out already, no quorum is asked", async () => {
  expect(await restarted(cluster.input({ [b as string]: [consul, nomad] }))).toEqual([]);
  expect(cluster.asked.map(({ words }) => words)).toEqual([["pending"]]);
  // Vault's health
  expect(cluster.requests).toBe(3);
});

test("a machine that cannot be reached is named before anything is restarted", async () => {
  pend([consul], b, c);
  cluster.silent.add(c as string);
  const words = await failure();
  expect(words).toContain("control-c cannot be reached over SSH from here");
  expect(words).toContain("| Connection refused");
  expect(cluster.events).toEqual([]);
});

test("two rollouts do not run at once", async () => {
  pend([consul], b);
  mkdirSync(cluster.run, { recursive: true });
  const hold = [
    "import fcntl,sys",
    "file = open(sys.argv[1], 'w')",
    "fcntl.flock(file, fcntl.LOCK_EX)",
    "print('held', flush=True)",
    "sys.stdin.read()",
  ].join("\n");
  const holder = spawn("python3", ["-c", hold, join(cluster.run, "rollout.lock")], { stdio: "pipe" });
  await new Promise((resolve) => holder.stdout.once("data", resolve));
  expect(await failure()).toContain("an earlier rollout is still at work on this machine");
  expect(cluster.asked).toEqual([]);
  const ended = new Promise((resolve) => holder.once("close", resolve));
  holder.stdin.end();
  await ended;
  expect(await restarted()).toEqual([`control-b ${consul}`]);
});

test("a single server is restarted though nobody can stand in for it", async () => {
  cluster.end();
  cluster = await RolloutCluster.start(1);
  pend([consul, vault, nomad], cluster.nodes[0]);
  expect(await restarted()).toEqual([consul, vault, nomad].map((unit) => `control-a ${unit}`));
});
