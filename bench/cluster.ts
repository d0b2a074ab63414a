/** The dev stack, measured as a user sees it: first `up`, second `up`, one client more. */
import type { EngineResult } from "../cli/engine";
import { clusterPhases } from "../cli/phases";
import { unchanged } from "../cli/report";
import { onOwnCluster, runUp } from "./bring-up";
import { outputsOf, schedulable, siteAnswers } from "./ends";
import type { Lab } from "./lab";
import { PhaseClock, type PhaseShare } from "./phases";
import { addMachine, type Project } from "./project";
import { until } from "./run";

/** One `up`. */
export interface UpRun {
  /** Seconds until `end`. */
  readonly seconds: number;
  /** What it ended with. */
  readonly end: string;
  /** Seconds until the engine was done and the outputs were read. */
  readonly engineSeconds: number;
  /** Counts by operation. */
  readonly summary: Readonly<Record<string, number>>;
  readonly phases: readonly PhaseShare[];
  /** Logins by SSH that each machine saw until the end, those of a jump included. */
  readonly logins: Readonly<Record<string, number>>;
}

export interface ClusterRun {
  readonly first: UpRun;
  readonly second: UpRun;
  readonly client: UpRun;
}

export const siteEnd = "the site answers over HTTPS on each load balancer";
export const unchangedEnd = "the engine is done, with nothing changed";
export const clientEnd = "Nomad gives the new client work";
const engineEnd = "the engine is done";

/** Measures it once, in a project and a lab of its own. Takes both down unless `keep`. */
export async function measureCluster(
  signal: AbortSignal,
  keep: boolean,
  say: (words: string) => void,
): Promise<ClusterRun> {
  return onOwnCluster({ what: "cluster", signal, keep, say }, (project, lab) =>
    measure(project, lab, signal, say),
  );
}

async function measure(
  project: Project,
  lab: Lab,
  signal: AbortSignal,
  say: (words: string) => void,
): Promise<ClusterRun> {
  say("first up");
  const first = await up(project, lab, signal, async (result) => {
    const read = outputsOf(result.outputs);
    if ("why" in read) return `${engineEnd}; ${read.why}`;
    if (!read.outputs.siteUrl) return `${engineEnd}; there is no site yet`;
    await siteAnswers(read.outputs, signal);
    return siteEnd;
  });
  say("second up");
  const second = await up(project, lab, signal, async ({ summary }) =>
    unchanged(summary) ? unchangedEnd : `${engineEnd}, but it changed something`,
  );
  say("one client more");
  const client = await addClient(project, lab, signal, first.outputs);
  return { first: first.run, second: second.run, client };
}

async function addClient(
  project: Project,
  lab: Lab,
  signal: AbortSignal,
  raw: Record<string, unknown>,
): Promise<UpRun> {
  const name = await addMachine(project, "client");
  const read = outputsOf(raw);
  if ("why" in read) return (await up(project, lab, signal, async () => `${engineEnd}; ${read.why}`)).run;
  const before = (await schedulable(read.outputs)).length;
  const watch = new AbortController();
  const over = AbortSignal.any([signal, watch.signal]);
  const begun = performance.now();
  const seen = until(
    `the new client ${name}`,
    300,
    async () => ((await schedulable(read.outputs)).length > before ? performance.now() : undefined),
    { everyMs: 250, signal: over },
  );
  const ran = up(project, lab, over, async () => clientEnd);
  try {
    const [{ run }, at] = await Promise.all([ran, seen]);
    return { ...run, seconds: (at - begun) / 1000 };
  } finally {
    // Neither outlives the other: an engine that goes on would make machines in a lab that is being ended.
    watch.abort();
    await Promise.allSettled([ran, seen]);
  }
}

/** One `up`, its phases and its logins. `end` waits for what it shall end with and says what that was. */
async function up(
  project: Project,
  lab: Lab,
  signal: AbortSignal,
  end: (result: EngineResult) => Promise<string>,
): Promise<{ run: UpRun; outputs: Record<string, unknown> }> {
  const clock = new PhaseClock(clusterPhases);
  const before = await logins(lab);
  const begun = performance.now();
  const now = (): number => (performance.now() - begun) / 1000;
  const result = await runUp(project, signal, (event) => clock.take(event, now()));
  const engineSeconds = now();
  const phases = clock.shares(engineSeconds);
  const reached = await end(result);
  const seconds = now();
  const after = await logins(lab);
  const run = {
    seconds,
    end: reached,
    engineSeconds,
    summary: result.summary,
    phases,
    logins: Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
    ),
  };
  return { run, outputs: result.outputs };
}

/** Logins by SSH that each machine's journal knows of. */
async function logins(lab: Lab): Promise<Record<string, number>> {
  const names = await lab.machines();
  const counts = await Promise.all(names.map((name) => lab.logins(name)));
  return Object.fromEntries(names.map((name, index) => [name, counts[index] as number]));
}
