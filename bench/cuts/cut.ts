/** One run of the engine that is cut at a point. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { EngineError, runEngine, type Verb } from "../../cli/engine";
import { type EngineEvent, parseUrn } from "../../cli/events";
import { failureText } from "../../cli/report";
import { ends } from "../bring-up";
import { type Project, stack } from "../project";
import { childrenNamed, killTree } from "./kill";
import type { Trigger } from "./points";

/** How a cut went. */
export interface Cut {
  /** Seconds since the run began. */
  readonly seconds: number;
  /** Processes that were killed. */
  readonly killed: number;
  /** Resources that were being worked on. */
  readonly running: readonly string[];
  /** Resources whose work was done. */
  readonly done: number;
}

/** Where the lab keeps its machines' files, seen from the host. */
const LABS = "/var/lib/hashistack-lab";

/** Resources of the smallest stack that a plugin makes: only for points that are a share of the work. */
const WORK = 87;

/**
 * Runs the engine and kills it with all its processes when the point comes.
 *
 * @throws Error when the run ends before
 */
export async function cutRun(project: Project, lab: string, verb: Verb, when: Trigger): Promise<Cut> {
  const begun = performance.now();
  let cut: Cut | undefined;
  let armed = false;
  let later: NodeJS.Timeout | undefined;
  let done = 0;
  let running: readonly string[] = [];
  const kill = (): void => {
    if (cut) return;
    const engines = childrenNamed(process.pid, "pulumi");
    const seconds = (performance.now() - begun) / 1000;
    cut = { seconds, running, done, killed: engines.reduce((sum, pid) => sum + killTree(pid), 0) };
  };
  const arm = (afterMs = 0): void => {
    if (armed) return;
    armed = true;
    if (afterMs === 0) kill();
    else later = setTimeout(kill, afterMs);
  };
  const poll =
    when.on === "file"
      ? setInterval(() => appeared(lab, when.machine, when.path) && arm(when.afterMs), 5)
      : undefined;
  try {
    await runEngine({
      ...{ verb, stack, cwd: project.workspace.root, env: project.env, readOutputs: false },
      ...ends(AbortSignal.timeout(600_000)),
      onEvent: (event, state) => {
        running = state.running.map(({ name }) => name);
        if (event.resOutputsEvent && isWork(event.resOutputsEvent.metadata)) done += 1;
        if (matches(when, event, done)) arm("afterMs" in when ? when.afterMs : 0);
      },
    });
  } catch (error) {
    if (!cut && !(error instanceof EngineError)) throw error;
    if (!cut) throw new Error(`the run failed before it could be cut: ${failureText(error as EngineError)}`);
  } finally {
    clearInterval(poll);
    // It would hit the next one's engine.
    clearTimeout(later);
  }
  // At the point, but there was nobody left to kill: what follows would say nothing of a cut.
  if (!cut || cut.killed === 0) throw new Error("the run ended before it could be cut");
  return cut;
}

function isWork(step: {
  op: string;
  new?: { custom?: boolean } | null;
  old?: { custom?: boolean } | null;
}): boolean {
  return step.op !== "same" && Boolean((step.new ?? step.old)?.custom);
}

/** Whether an event is the point that is waited for. Pure. */
export function matches(when: Trigger, event: EngineEvent, done: number): boolean {
  if (when.on === "share") return Boolean(event.resOutputsEvent) && done >= when.share * WORK;
  if (when.on === "file") return false;
  const step = (when.on === "begin" ? event.resourcePreEvent : event.resOutputsEvent)?.metadata;
  if (!step || !isWork(step) || parseUrn(step.urn).name !== when.resource) return false;
  // A machine and its random name are called alike.
  return /^(command|vault):/.test(step.type);
}

function appeared(lab: string, machine: string, path: string): boolean {
  const folder = join(LABS, lab, "machines");
  if (!existsSync(folder)) return false;
  return readdirSync(folder).some(
    (name) => name.includes(`-${machine}-`) && existsSync(join(folder, name, "upper", path)),
  );
}
