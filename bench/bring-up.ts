/** A stack brought up for a bench or for drills, by the engine alone. */
import { EngineError, type EngineOptions, type EngineResult, runEngine } from "../cli/engine";
import { type Outputs, parseOutputs } from "../cli/outputs";
import { failureText } from "../cli/report";
import { BenchError, Interrupted } from "./errors";
import { type Project, stack } from "./project";

/** No `up` here takes this long unless it hangs. */
const limitMinutes = 15;

/** How long an engine that was told to stop may finish what is under way. */
const graceMs = 5000;

/**
 * The two signals of an engine of which nothing is kept: to stop, and a little later to drop what is under way. Two of them, for
 * the engine is told by each once.
 */
export function ends(stop: AbortSignal): Required<Pick<EngineOptions, "signal" | "hardSignal">> {
  const hard = new AbortController();
  stop.addEventListener("abort", () => setTimeout(() => hard.abort(), graceMs).unref(), { once: true });
  return { signal: stop, hardSignal: hard.signal };
}

/**
 * One `up` of a project.
 * @param signal drops it
 * @throws Interrupted when it was dropped; BenchError of one sentence when it failed or took longer than 15 minutes
 */
export async function runUp(
  project: Project,
  signal: AbortSignal,
  onEvent?: EngineOptions["onEvent"],
): Promise<EngineResult> {
  const limit = AbortSignal.timeout(limitMinutes * 60_000);
  try {
    return await runEngine({
      ...{ verb: "up", stack, cwd: project.workspace.root, env: project.env, onEvent },
      ...ends(AbortSignal.any([signal, limit])),
    });
  } catch (error) {
    if (signal.aborted) throw new Interrupted();
    if (limit.aborted)
      throw new BenchError(`an up of the dev stack did not end within ${limitMinutes} minutes`);
    throw error instanceof EngineError ? new BenchError(failureText(error)) : error;
  }
}

/** One `up` of a project. Gives the stack's outputs. Throws as runUp does. */
export async function bringUp(project: Project, signal: AbortSignal): Promise<Outputs> {
  const { outputs } = await runUp(project, signal);
  return parseOutputs(outputs, stack);
}
