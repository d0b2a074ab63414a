/** The commands, each a plain function of its options. `main.ts` reads the words that the user typed. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { repairBeforeUp } from "./doctor";
import {
  EngineError,
  type EngineOptions,
  type EngineResult,
  engineEnv,
  runEngine,
  type Verb,
} from "./engine";
import { CliError } from "./errors";
import { resumeMachines } from "./lab";
import { loadOutputs, type Outputs } from "./outputs";
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
import { pickMachine, remoteCommand, writeSshFiles } from "./ssh";
import { expectedOf, judge } from "./status/judge";
import { observe } from "./status/observe";
import { statusJson, statusText } from "./status/print";
import { prepend, TOOLS, toolPathEntries } from "./toolchain";
import { renderExports, shellQuote, toolVariables, vaultLogin, writeCaFiles, writeCurlHome } from "./toolEnv";
import { choosePages, forward, uiText } from "./ui";
import {
  checkpointFile,
  checkStackName,
  findWorkspace,
  giveBack,
  prepareWorkspace,
  type Workspace,
} from "./workspace";

export interface StackOptions {
  stack: string;
  /** Folder of the project, or one below it. */
  cwd: string;
}

export interface RunOptions extends StackOptions {
  json: boolean;
  /** Heal first what was changed by hand. */
  repair?: boolean;
}

function open(options: StackOptions): Workspace {
  checkStackName(options.stack);
  return findWorkspace(options.cwd);
}

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
  const workspace = open(options);
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
  const workspace = open(options);
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
  const workspace = open(options);
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

interface ToolEnvironment {
  set: Record<string, string>;
  /** For curl alone: in a shell of the user's own it also speaks with the rest of the world. */
  curl: Record<string, string>;
  unset: readonly string[];
}

/** Vault may be away while Consul and Nomad are looked at to find out why: then its token is left out, and said. */
async function toolEnvironment(options: StackOptions, workspace: Workspace): Promise<ToolEnvironment> {
  const outputs = await loadOutputs(workspace, options.stack);
  const files = writeCaFiles(workspace, options.stack, outputs.ca, outputs.acme ? rootCertificates : []);
  let token: string | undefined;
  try {
    token = await vaultLogin(outputs);
  } catch (error) {
    process.stderr.write(`hashistack: ${(error as Error).message}; VAULT_TOKEN is left out\n`);
  }
  const { set, unset } = toolVariables(outputs, files, token);
  const curl = { CURL_CA_BUNDLE: files.all, CURL_HOME: writeCurlHome(workspace, options.stack, outputs) };
  return { set, curl, unset: token ? unset : [...unset, "VAULT_TOKEN"] };
}

/** `hashistack env`: lines for `eval`. */
export async function env(options: StackOptions): Promise<number> {
  const { set, unset } = await toolEnvironment(options, open(options));
  process.stdout.write(renderExports(set, unset, await toolPathEntries()));
  return 0;
}

/** `hashistack exec -- program …`: gives the program's exit code. */
export async function exec(options: StackOptions, words: readonly string[]): Promise<number> {
  const [program, ...args] = words;
  if (!program)
    throw new CliError(
      "exec: name a program after --, for example: npx hashistack exec -- nomad node status",
    );
  const workspace = open(options);
  // Pulumi itself is also wanted when the cluster is not there, and in a project that has no stack yet.
  if (program === "pulumi") prepareWorkspace(workspace);
  const base = await engineEnv(workspace, process.env);
  const tools =
    program === "pulumi" ? { set: {}, curl: {}, unset: [] } : await toolEnvironment(options, workspace);
  const wanted = TOOLS.some((tool) => tool === program) ? [program] : program === "pulumi" ? [] : TOOLS;
  const PATH = prepend(wanted.length > 0 ? await toolPathEntries(wanted) : [], base.PATH);
  const environment: NodeJS.ProcessEnv = {
    ...base,
    PULUMI_STACK: options.stack,
    ...tools.set,
    ...tools.curl,
    PATH,
  };
  for (const name of tools.unset) delete environment[name];
  return passThrough(program, args, environment);
}

/** `hashistack ssh <machine> [-- command]`: gives the exit code of ssh, which is the command's. */
export async function ssh(options: StackOptions, machine: string, words: readonly string[]): Promise<number> {
  const workspace = open(options);
  const outputs = await loadOutputs(workspace, options.stack);
  const name = pickMachine([...new Set([outputs.support.name, ...Object.keys(outputs.machines)])], machine);
  const files = writeSshFiles(workspace, options.stack, outputs);
  return passThrough("ssh", ["-F", files.config, name, ...remoteCommand(words, shellQuote)], process.env);
}

/** `hashistack status`: 0 healthy, 1 something is wrong, 2 could not look. */
export async function status(options: RunOptions): Promise<number> {
  const outputs = await loadOutputs(open(options), options.stack);
  const seen = await observe(outputs);
  const verdict = judge(seen, expectedOf(outputs));
  process.stdout.write(`${options.json ? statusJson(seen, verdict) : statusText(seen, verdict)}\n`);
  return verdict.exitCode;
}

/** `hashistack ui`: forwards to the web pages until Ctrl-C. With `json` the pages are one JSON line. */
export async function ui(options: RunOptions): Promise<number> {
  const workspace = open(options);
  const outputs = await loadOutputs(workspace, options.stack);
  const ssh = writeSshFiles(workspace, options.stack, outputs);
  const ca = writeCaFiles(workspace, options.stack, outputs.ca);
  const pages = await choosePages(outputs);
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  const flag = options.stack === "dev" ? "" : ` --stack ${options.stack}`;
  try {
    await forward(pages, ssh, outputs.support.name, stop.signal, () => {
      const json = JSON.stringify(
        Object.fromEntries(pages.map(({ name, url }) => [name.toLowerCase(), url])),
      );
      process.stdout.write(`${options.json ? json : uiText(pages, ca, flag)}\n`);
    });
    return 0;
  } finally {
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  }
}

/** Runs a program in the user's own terminal; its exit code, or 128 + the signal's number as a shell would say. */
function passThrough(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  // The terminal sends Ctrl-C to the program as well: it decides.
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env: environment });
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on("SIGTERM", forward);
    child.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "ENOENT" ? "was not found on PATH or in the toolchain" : error.message;
      reject(new CliError(`${program} ${why}`, 127));
    });
    child.once("close", (code, signal) => {
      process.off("SIGTERM", forward);
      resolve(code ?? 128 + (signal === "SIGINT" ? 2 : signal === "SIGTERM" ? 15 : 9));
    });
  }).finally(() => process.off("SIGINT", ignore));
}
