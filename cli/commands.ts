/** The commands that change a stack, each a plain function of its options. `main.ts` reads the words that the user typed. */
import { existsSync } from "node:fs";
import { repairBeforeUp } from "./doctor";
import { EngineError, type EngineOptions, type EngineResult, runEngine, type Verb } from "./engine";
import { CliError } from "./errors";
import { resumeMachines } from "./lab";
import { openWorkspace, type RunOptions, type StackOptions } from "./options";
import type { Outputs } from "./outputs";
import { announce, outdatedMachines } from "./plan";
import { Progress } from "./progress";
import { refuseProtected } from "./protection";
import { recover } from "./recover";
import {
  knownMachines,
  lostMachines,
  pickMachines,
  replaceArgs,
  rotation,
  type Turn,
  turnsOf,
} from "./replace";
import { failureText, summaryText, upText } from "./report";
import { runAsRoot } from "./root";
import { lastSeconds, recordSeconds } from "./runs";
import { writeCaFiles } from "./toolEnv";
import { checkpointFile, giveBack, prepareWorkspace, type Workspace } from "./workspace";

/** `hashistack up`. Gives the exit code. */
export async function up(options: RunOptions): Promise<number> {
  return bringUp(options, ["up", ...flags(options)], async (workspace) =>
    turnsOf(await lostMachines(workspace, options.stack)),
  );
}

/**
 * `hashistack replace <machine…>`: each of them by a new one, then as `up`. With `outdated` also all those that are not
 * what the settings say, and cannot become it: another image, another size.
 */
export async function replace(
  options: RunOptions & { outdated?: boolean },
  names: readonly string[],
): Promise<number> {
  if (names.length === 0 && !options.outdated)
    throw new CliError("nothing to replace: name machines, or say --outdated");
  const words = ["replace", ...flags(options), ...(options.outdated ? ["--outdated"] : []), ...names];
  return bringUp(options, words, async (workspace) => {
    const known = await knownMachines(workspace, options.stack);
    const old = options.outdated ? await outdatedMachines(workspace, options.stack) : [];
    const asked = pickMachines(known, [...names, ...old]);
    const lost = await lostMachines(workspace, options.stack);
    return turnsOf([...asked, ...lost.filter((one) => !asked.some(({ name }) => name === one.name))]);
  });
}

/** `hashistack rotate <service…>`: other issuing authorities under the same roots, and all leaves by them. */
export async function rotate(options: RunOptions, services: readonly string[]): Promise<number> {
  return bringUp(options, ["rotate", ...flags(options), ...services], async (workspace) => [
    ...turnsOf(await lostMachines(workspace, options.stack)),
    await rotation(workspace, options.stack, services),
  ]);
}

/** Recovers, resumes, makes things anew turn by turn, and brings up all the rest with the last one. */
async function bringUp(
  options: RunOptions,
  words: readonly string[],
  turnsIn: (workspace: Workspace) => Promise<Turn[]>,
): Promise<number> {
  const workspace = openWorkspace(options);
  prepareWorkspace(workspace);
  const asRoot = await runAsRoot(workspace, options.stack, words);
  if (asRoot !== undefined) return asRoot;
  try {
    const before = [
      ...(await recover(workspace, options.stack)),
      ...(await resumeMachines(workspace, options.stack)),
    ];
    for (const line of before) process.stderr.write(`${line}\n`);
    await announce(workspace, options.stack, (line) => process.stderr.write(`${line}\n`));
    if (options.repair) {
      await repairBeforeUp(workspace, options.stack, (line) => process.stderr.write(`${line}\n`));
    }
    const turns = await turnsIn(workspace);
    const last = turns.pop();
    for (const turn of turns) {
      process.stderr.write(`${turn.say}\n`);
      await watched("up", options, workspace, replaceArgs(turn));
    }
    if (last) process.stderr.write(`${last.say}\n`);
    const result = await watched("up", options, workspace, replaceArgs(last));
    const ca = result.outputs.ca as Outputs["ca"] | undefined;
    const files = ca ? writeCaFiles(workspace, options.stack, ca) : undefined;
    process.stdout.write(
      `${options.json ? publicJson(result) : upText(result, options.stack, files?.site)}\n`,
    );
    return 0;
  } finally {
    giveBack(workspace);
  }
}

/** `hashistack destroy`: the stack's machines and what lies on them; the state stays, empty. */
export async function destroy(options: RunOptions): Promise<number> {
  const workspace = openWorkspace(options);
  if (workspace.ownBackend && !existsSync(checkpointFile(workspace, options.stack))) {
    process.stderr.write(`There is no stack "${options.stack}" to destroy.\n`);
    return 0;
  }
  const asRoot = await runAsRoot(workspace, options.stack, ["destroy", ...flags(options)]);
  if (asRoot !== undefined) return asRoot;
  try {
    await refuseProtected(workspace, options.stack);
    for (const line of await recover(workspace, options.stack)) process.stderr.write(`${line}\n`);
    const result = await watched("destroy", options, workspace);
    const text = `Stack "${options.stack}" is destroyed: ${summaryText(result.summary)}.`;
    process.stdout.write(`${options.json ? publicJson(result) : text}\n`);
    return 0;
  } finally {
    giveBack(workspace);
  }
}

function flags(options: RunOptions): string[] {
  return [
    "--stack",
    options.stack,
    ...(options.json ? ["--json"] : []),
    ...(options.repair ? ["--repair"] : []),
  ];
}

/** Never the outputs: half of them are secrets. */
function publicJson(result: EngineResult): string {
  return JSON.stringify({ summary: result.summary, seconds: result.seconds, warnings: result.warnings });
}

/** Runs the engine with progress on standard error, and Ctrl-C handed on: once to finish, twice to drop everything. */
async function watched(
  verb: Verb,
  options: RunOptions,
  workspace: Workspace,
  args: readonly string[] = [],
): Promise<EngineResult> {
  const progress = new Progress(process.stderr, lastSeconds(workspace, options.stack, verb));
  const soft = new AbortController();
  const hard = new AbortController();
  const interrupted = (): void => {
    if (soft.signal.aborted) {
      hard.abort();
      return;
    }
    soft.abort();
    progress.say("Stopping: what is under way is finished first. Press Ctrl-C again to drop it at once.");
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  const engine: EngineOptions = {
    verb,
    stack: options.stack,
    cwd: workspace.root,
    signal: soft.signal,
    hardSignal: hard.signal,
    onEvent: (_event, state) => progress.update(state),
    args,
  };
  try {
    const result = await runEngine(engine);
    recordSeconds(workspace, options.stack, verb, result);
    return result;
  } catch (error) {
    progress.stop();
    if (error instanceof EngineError) throw new CliError(failureText(error), error.exitCode);
    throw error;
  } finally {
    progress.stop();
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  }
}

/** `hashistack recover`. */
export async function recoverCommand(options: StackOptions): Promise<number> {
  const workspace = openWorkspace(options);
  const asRoot = await runAsRoot(workspace, options.stack, ["recover", "--stack", options.stack]);
  if (asRoot !== undefined) return asRoot;
  try {
    const lines = await recover(workspace, options.stack);
    process.stdout.write(`${lines.length > 0 ? lines.join("\n") : "Nothing to recover."}\n`);
    return 0;
  } finally {
    giveBack(workspace);
  }
}
