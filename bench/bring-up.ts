/** A stack brought up for a bench or for drills, by the engine alone. */
import { EngineError, runEngine } from "../cli/engine";
import { type Outputs, parseOutputs } from "../cli/outputs";
import { failureText } from "../cli/report";
import { BenchError, Interrupted } from "./errors";
import { type Project, stack } from "./project";

const limitMinutes = 15;

/** One `up` of a project. Gives the stack's outputs. */
export async function bringUp(project: Project, signal: AbortSignal): Promise<Outputs> {
  const limit = AbortSignal.timeout(limitMinutes * 60_000);
  const stop = AbortSignal.any([signal, limit]);
  try {
    const { outputs } = await runEngine({
      verb: "up",
      stack,
      cwd: project.workspace.root,
      env: project.env,
      signal: stop,
      hardSignal: stop,
    });
    return parseOutputs(outputs, stack);
  } catch (error) {
    if (signal.aborted) throw new Interrupted();
    if (limit.aborted) throw new BenchError(`the dev stack did not come up within ${limitMinutes} minutes`);
    throw error instanceof EngineError ? new BenchError(failureText(error)) : error;
  }
}
