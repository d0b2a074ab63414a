/** The constant load: programs in namespaces of the lab, and what they told so far. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { signal } from "../../lab/machines/groups";
import { BenchError } from "../errors";
import { checkout } from "../lab";
import { until } from "../run";
import type { Ground } from "./ground";
import { acknowledged, type Entry, type Window, within } from "./ledger";

/** What is asked of the cluster, how often in a second. */
export interface Rates {
  /** Pages by visitors who retry, and as many by visitors who do not. */
  readonly site: number;
  /** Writes to Consul and to Vault, each through support, and as many by a member. */
  readonly writes: number;
  /** Jobs that are registered. */
  readonly jobs: number;
}

const usualRates: Rates = { site: 20, writes: 2, jobs: 0.2 };

/** Names of the loads, as the entries tell them. */
export const loadNames = {
  visitors: "visitors who retry",
  once: "visitors who do not retry",
  consul: ["Consul through support", "Consul by a member"],
  vault: ["Vault through support", "Vault by a member"],
  jobs: "jobs",
} as const;

/** No load lasts longer, whatever becomes of who started it. */
const limitSeconds = 90 * 60;

const policy = 'path "secret/data/drills/*" { capabilities = ["create", "update", "read"] }\n';

/** The load of a session, from its start to its stop. */
export class Loads {
  readonly entries: Entry[] = [];
  private programs: Program[] = [];
  private ended?: string;

  private constructor(
    private readonly ground: Ground,
    private readonly rates: Rates,
    private readonly token: string,
    private member: string,
  ) {}

  /**
   * Starts it.
   * @param member the machine from whose network a member's writes come: one that no drill takes away for long
   */
  static async start(ground: Ground, member: string, rates: Rates = usualRates): Promise<Loads> {
    const token = await vaultToken(ground);
    const loads = new Loads(ground, rates, token, member);
    const outside = loads.launch("outside", [
      ...siteLoads(ground, rates),
      ...outsideWrites(ground, rates, token),
    ]);
    try {
      loads.launch(ground.id(member), memberWrites(ground, member, rates, token));
      await loads.settled(Date.now());
    } catch (error) {
      // This process would live as long as they do.
      await loads.stop();
      throw error;
    }
    ground.followers = {
      balancers: (balancers) => {
        for (const name of [loadNames.visitors, loadNames.once])
          outside.child.stdin?.write(`${JSON.stringify({ name, balancers })}\n`);
      },
      leaving: (machine) => loads.leave(machine),
    };
    return loads;
  }

  /** A member's writes come from another machine from now on, if this is theirs. */
  private async leave(machine: string): Promise<void> {
    if (machine !== this.member) return;
    const [next] = this.ground
      .machines("nomad-client")
      .filter((name) => name !== machine && name.split("-")[0] === machine.split("-")[0]);
    if (!next) throw new BenchError(`there is no other machine like ${machine} from which writes could come`);
    const before = this.programs.filter(({ where }) => where === this.ground.id(machine));
    this.launch(this.ground.id(next), memberWrites(this.ground, next, this.rates, this.token));
    this.member = next;
    await this.settled(Date.now());
    this.programs = this.programs.filter((program) => !before.includes(program));
    await Promise.all(before.map(ended));
  }

  private launch(where: string, loads: readonly object[]): Program {
    const program = join(checkout(), "bench/drills/load/main.mjs");
    const [node = "", ...args] = this.ground.lab.argv("exec", where, "--", process.execPath, program);
    // A group of its own: a Ctrl-C of the terminal is for the one who takes it all down in order.
    const child = spawn(node, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    const own: Program = { where, child, mark: 0, over: false };
    this.programs.push(own);
    let last = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      last = (last + text).slice(-1000);
    });
    child.on("error", (error) => {
      this.ended ??= `the load from ${where}: ${error.message}`;
    });
    child.on("close", (code) => {
      if (!own.over) this.ended ??= `the load from ${where} ended with ${code}: ${last.trim()}`;
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = JSON.parse(line) as Entry | { mark: number };
      if ("mark" in told) own.mark = told.mark;
      else this.entries.push(told);
    });
    // It ends with this pipe; one that ended before is told by its exit.
    child.stdin.on("error", () => undefined);
    child.stdin.write(`${JSON.stringify({ seconds: limitSeconds, loads })}\n`);
    return own;
  }

  /** Waits until all that began before a moment has ended. */
  async settled(moment: number): Promise<void> {
    await until(
      "the end of the requests that are under way",
      60,
      async () => {
        this.check();
        return this.programs.every(({ mark }) => mark >= moment) ? true : undefined;
      },
      { everyMs: 100, signal: this.ground.signal },
    );
  }

  /** Throws when a load is no more. */
  check(): void {
    if (this.ended) throw new BenchError(this.ended);
  }

  /** What one load, or several, did in a window. */
  of(names: string | readonly string[], window: Window): Entry[] {
    const own = this.entries.filter(({ load }) =>
      typeof names === "string" ? load === names : names.includes(load),
    );
    return within(own, window);
  }

  /** Which of the acknowledged writes of these entries the cluster does not have any more. */
  async lost(service: "consul" | "vault", entries: readonly Entry[]): Promise<string[]> {
    const keys = acknowledged(entries);
    const read = service === "consul" ? await readConsul(this.ground) : await readVault(this.ground, keys);
    return keys.filter((key) => read.get(key) !== `value of ${key}`);
  }

  /** Which of the accepted jobs of these entries did not run to their end within a limit. Those that did are forgotten. */
  async notRun(entries: readonly Entry[], limit = 60): Promise<string[]> {
    const ids = acknowledged(entries).map((key) => key.replaceAll("/", "-"));
    const left = new Set(ids);
    const end = Date.now() + limit * 1000;
    for (;;) {
      for (const id of left) if (await hasRun(this.ground, id)) left.delete(id);
      if (left.size === 0 || Date.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return [...left];
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.ground.followers = undefined;
    await Promise.all(this.programs.map(ended));
  }
}

interface Program {
  readonly where: string;
  readonly child: ChildProcess;
  /** All that began before this moment have ended. */
  mark: number;
  /** Whether it was asked to end. */
  over: boolean;
}

/** How long a program may take to end by itself. */
const endMs = 10_000;

/** Ends a program. */
function ended(program: Program): Promise<void> {
  const { child } = program;
  program.over = true;
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
    const { pid } = child;
    // It is the first of a group of its own.
    const timer = setTimeout(() => signal(-pid, "SIGKILL"), endMs);
    child.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    child.stdin?.end();
  });
}

/** A token for the loads alone, from whatever address: the stack's own login is bound to support's. */
async function vaultToken(ground: Ground): Promise<string> {
  await ground.patiently("vault", "/v1/sys/policies/acl/drills", { method: "PUT", body: { policy } });
  const { auth } = await ground.patiently<{ auth: { client_token: string } }>(
    "vault",
    "/v1/auth/token/create-orphan",
    {
      method: "POST",
      body: { policies: ["drills"], no_default_policy: true, ttl: `${limitSeconds}s` },
    },
  );
  return auth.client_token;
}

const cluster = (ground: Ground, service: "consul" | "vault" | "nomad") => ({
  service,
  ca: ground.outputs.ca[service],
  serverName: ground.outputs.apis[service].serverName,
  port: Number(new URL(ground.outputs.apis[service].address).port),
});

/** The site's name and what its page says. */
function siteLoads(ground: Ground, { site }: Rates): object[] {
  const { loadBalancers, machines, ca } = ground.outputs;
  const balancers = loadBalancers.map(({ name }) =>
    [machines[name]?.publicIpv6, machines[name]?.publicIpv4].filter((address) => address !== undefined),
  );
  const common = {
    kind: "site",
    perSecond: site,
    balancers,
    port: 443,
    serverName: "www.dev.test",
    text: "Kept in Vault for www.dev.test.",
    ca: ca.site,
  };
  return [
    { ...common, name: loadNames.visitors, retry: true },
    { ...common, name: loadNames.once, retry: false },
  ];
}

function outsideWrites(ground: Ground, { writes, jobs }: Rates, vault: string): object[] {
  const { consulToken: consul, nomadToken: nomad, support, machines } = ground.outputs;
  const addresses = [machines[support.name]?.publicIpv6];
  const run = Date.now().toString(36);
  const load = (service: "consul" | "vault" | "nomad", name: string, perSecond: number, token: string) =>
    perSecond > 0
      ? [
          {
            ...cluster(ground, service),
            kind: "write",
            name,
            perSecond,
            token,
            addresses,
            prefix: `drills/${run}-s`,
          },
        ]
      : [];
  return [
    ...load("consul", loadNames.consul[0], writes, consul),
    ...load("vault", loadNames.vault[0], writes, vault),
    ...load("nomad", loadNames.jobs, jobs, nomad),
  ];
}

/** As a program on the member does: Consul by the machine's own agent, Vault by the name that the agent knows. */
function memberWrites(ground: Ground, member: string, { writes }: Rates, vault: string): object[] {
  const common = { kind: "write", perSecond: writes, prefix: `drills/${Date.now().toString(36)}-m` };
  const resolve = {
    server: "127.0.0.1:8600",
    name: "active.vault.service.consul",
    family: familyOf(ground, member),
  };
  return [
    {
      ...common,
      ...cluster(ground, "consul"),
      name: loadNames.consul[1],
      serverName: "localhost",
      addresses: ["127.0.0.1"],
      token: ground.outputs.consulToken,
    },
    { ...common, ...cluster(ground, "vault"), name: loadNames.vault[1], resolve, token: vault },
  ];
}

/** The family by which members speak to each other: 6 where they have it, as the dev stack's have. */
const familyOf = (ground: Ground, member: string): number =>
  ground.outputs.machines[member]?.privateIpv6 ? 6 : 4;

async function readConsul(ground: Ground): Promise<Map<string, string>> {
  const all = await ground.patiently<{ Key: string; Value: string | null }[]>(
    "consul",
    "/v1/kv/drills/?recurse=true&consistent=true",
  );
  return new Map(all.map(({ Key, Value }) => [Key, Buffer.from(Value ?? "", "base64").toString()]));
}

async function readVault(ground: Ground, keys: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const token = await vaultToken(ground);
  const left = [...keys];
  const reader = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      const { data } = await ground.patiently<{ data?: { data?: { value?: string } } }>(
        "vault",
        `/v1/secret/data/${key}`,
        {
          accept: [404],
          token,
        },
      );
      if (data?.data?.value !== undefined) found.set(key, data.data.value);
    }
  };
  await Promise.all(Array.from({ length: 8 }, reader));
  return found;
}

/** Whether a job's one instance ended well. Then the job is forgotten. No answer is none that says so. */
async function hasRun(ground: Ground, id: string): Promise<boolean> {
  try {
    const { Summary } = await ground.ask<{ Summary: Record<string, { Complete: number }> }>(
      "nomad",
      `/v1/job/${id}/summary`,
    );
    if ((Summary.once?.Complete ?? 0) === 0) return false;
  } catch {
    return false;
  }
  // One that stays is done, and in nobody's way.
  await ground.ask("nomad", `/v1/job/${id}?purge=true`, { method: "DELETE" }).catch(() => undefined);
  return true;
}
