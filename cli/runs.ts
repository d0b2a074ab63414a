/** How long the last run of each kind took, so that the next one can say about how long it will take. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineResult, Verb } from "./engine";
import { unchanged } from "./report";
import { checkpointFile, type Workspace, writePrivate } from "./workspace";

type Runs = Record<string, number>;

function read(workspace: Workspace): Runs {
  const file = join(workspace.directory, "runs.json");
  if (!existsSync(file)) return {};
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof found === "object" && found !== null ? (found as Runs) : {};
  } catch {
    // An estimate is worth no error.
    return {};
  }
}

/** A first `up`, one of a stack that is there, and a `destroy` are runs of different lengths. */
function kind(stack: string, verb: Verb, first: boolean): string {
  return `${stack} ${verb}${first ? " first" : ""}`;
}

/** Seconds of the last like run, or undefined. */
export function lastSeconds(workspace: Workspace, stack: string, verb: Verb): number | undefined {
  const seconds =
    read(workspace)[kind(stack, verb, verb === "up" && !existsSync(checkpointFile(workspace, stack)))];
  return typeof seconds === "number" && Number.isFinite(seconds) ? seconds : undefined;
}

/** Keeps the time of a run that did something. */
export function recordSeconds(workspace: Workspace, stack: string, verb: Verb, result: EngineResult): void {
  if (unchanged(result.summary)) return;
  const first = verb === "up" && !result.summary.same && !result.summary.update;
  const runs = { ...read(workspace), [kind(stack, verb, first)]: Math.round(result.seconds) };
  writePrivate(join(workspace.directory, "runs.json"), `${JSON.stringify(runs, null, 2)}\n`);
}
