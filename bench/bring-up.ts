/** A stack brought up for a bench or for drills, by the engine alone. */
import { EngineError, type EngineOptions, type EngineResult, runEngine } from "../cli/engine";
import { type Outputs, parseOutputs } from "../cli/outputs";
import { failureText } from "../cli/report";
import { engineEnvironment } from "../lab/toolchain";
import { BenchError, Interrupted } from "./errors";
import { Lab, labNameOf } from "./lab";
import { makeProject, type Project, stack } from "./project";

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

export interface OwnCluster {
  /** Of what it is, by which its lab is called. */
  readonly what: Parameters<typeof labNameOf>[0];
  readonly signal: AbortSignal;
  /** Whether it stays at the end. */
  readonly keep: boolean;
  /** The settings, relative to the checkout. Default: the dev stack's own. */
  readonly settings?: string;
  readonly say: (words: string) => void;
}

/**
 * Gives `work` a project and a lab of its own, with nothing in them yet. Takes both down at the end, also after an error, unless
 * they shall be kept; what a killed run left goes first.
 */
export async function onOwnCluster<T>(
  { what, signal, keep, settings, say }: OwnCluster,
  work: (project: Project, lab: Lab) => Promise<T>,
): Promise<T> {
  const lab = new Lab(labNameOf(what), signal);
  if (await lab.exists()) await lab.down();
  await lab.image();
  await engineEnvironment();
  const project = makeProject({ lab: lab.name, settings });
  try {
    return await work(project, lab);
  } finally {
    if (keep) say(`kept: lab ${lab.name}, its stack in ${project.workspace.root}`);
    else {
      try {
        await lab.down();
      } finally {
        project.remove();
      }
    }
  }
}

/** One `up` of a project. Gives the stack's outputs. Throws as runUp does. */
export async function bringUp(project: Project, signal: AbortSignal): Promise<Outputs> {
  const { outputs } = await runUp(project, signal);
  return parseOutputs(outputs, stack);
}
