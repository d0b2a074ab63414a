/**
 * Runs the real Pulumi engine and reads its events: the one place that starts `pulumi`. Used by the commands, by the
 * lab's tests and by the bench, for any folder with a Pulumi.yaml.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CliError } from "./errors";
import { type EngineEvent, type Failure, RunReducer, type RunState } from "./events";
import { clusterPhases } from "./phases";
import { withEngine } from "./toolchain";
import {
  checkpointFile,
  checkStackName,
  findWorkspace,
  prepareWorkspace,
  privateDirectory,
  pulumiEnvironment,
  topLevelScalar,
  type Workspace,
  writePrivate,
} from "./workspace";

export type Verb = "up" | "destroy" | "preview" | "refresh";

export interface EngineOptions {
  verb: Verb;
  /** Example: "dev". */
  stack: string;
  /** The project's folder, or one below it. Default: the working directory. */
  cwd?: string;
  /** Called for every event with the state after it. */
  onEvent?: (event: EngineEvent, state: RunState) => void;
  /** Environment to start from. Default: this process's. */
  env?: NodeJS.ProcessEnv;
  /** Resources worked on at once. Default 32: they wait for machines, not for this host's cores. */
  parallel?: number;
  /** Aborted once: the engine finishes what is under way and stops. */
  signal?: AbortSignal;
  /** Aborted after `signal`: the engine drops what is under way. Its lock and half-made resources stay. */
  hardSignal?: AbortSignal;
  /** Whether to read the stack's outputs afterwards, secrets included. Default true for "up". */
  readOutputs?: boolean;
  /** More arguments for `pulumi`, before the end. Example: ["--target", urn]. */
  args?: readonly string[];
}

export interface EngineResult {
  /** Counts by operation. Example: {create: 12, same: 3}. */
  summary: Record<string, number>;
  /** Wall clock of the whole, outputs included. */
  seconds: number;
  /** The stack's outputs in clear; empty where they were not read. */
  outputs: Record<string, unknown>;
  warnings: readonly string[];
}

/** The engine ended with an error: what failed, and where. */
export class EngineError extends CliError {
  constructor(
    message: string,
    readonly failures: readonly Failure[],
    readonly state: RunState,
    exitCode: number,
  ) {
    super(message, exitCode);
  }
}

const MAX_ERROR_TEXT = 64 * 1024;

/**
 * Runs `pulumi <verb>` of a stack without a question, and makes the stack if there is none ("up" and "preview").
 * @throws EngineError when it fails or is cancelled; CliError when it cannot start.
 */
export async function runEngine(options: EngineOptions): Promise<EngineResult> {
  const begun = performance.now();
  const base = options.env ?? process.env;
  const workspace = findWorkspace(options.cwd ?? process.cwd(), base);
  checkStackName(options.stack);
  prepareWorkspace(workspace);
  const env = await engineEnv(workspace, base);
  if (options.verb === "up" || options.verb === "preview") await ensureStack(workspace, options.stack, env);
  const settings = stackSettings(workspace, options.stack);
  const args = [
    options.verb,
    ...["--stack", options.stack, "--non-interactive", "--json"],
    ...["--parallel", String(options.parallel ?? 32)],
    ...(options.verb === "preview" ? [] : ["--yes", "--skip-preview"]),
    ...(settings ? ["--config-file", settings] : []),
    ...(options.args ?? []),
  ];
  const reducer = new RunReducer(clusterPhases);
  const ended = await stream(
    args,
    workspace,
    { ...env, PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true" },
    options,
    reducer,
  );
  const state = reducer.state;
  if (ended.code !== 0) throw engineError(options, state, ended, options.signal?.aborted ?? false);
  const outputs =
    (options.readOutputs ?? options.verb === "up") ? await readOutputs(workspace, options.stack, base) : {};
  return {
    summary: { ...state.summary },
    seconds: (performance.now() - begun) / 1000,
    outputs,
    warnings: state.warnings,
  };
}

/** The environment in which `pulumi` runs for a workspace. */
export async function engineEnv(workspace: Workspace, base: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  return { ...(await withEngine(base)), ...pulumiEnvironment(workspace, base) };
}

/** Reads the stack's outputs, secrets in clear. Throws when the stack has no state. */
export async function readOutputs(
  workspace: Workspace,
  stack: string,
  base: NodeJS.ProcessEnv = process.env,
): Promise<Record<string, unknown>> {
  checkStackName(stack);
  if (workspace.ownBackend && !existsSync(checkpointFile(workspace, stack))) {
    throw new CliError(
      `there is no stack "${stack}" in ${workspace.root} yet: run "npx hashistack up" first`,
    );
  }
  const args = ["stack", "output", "--json", "--show-secrets", "--non-interactive", "--stack", stack];
  const text = await runPulumi(workspace, args, { base });
  return JSON.parse(text) as Record<string, unknown>;
}

/**
 * Runs one short `pulumi` command to its end and gives its standard output.
 * @throws CliError with the command's own words when it fails.
 */
export async function runPulumi(
  workspace: Workspace,
  args: readonly string[],
  options: { base?: NodeJS.ProcessEnv; cwd?: string; input?: string; timeoutSeconds?: number } = {},
): Promise<string> {
  const env = await engineEnv(workspace, options.base ?? process.env);
  const child = spawn("pulumi", args, {
    cwd: options.cwd ?? workspace.root,
    env,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    timeout: (options.timeoutSeconds ?? 60) * 1000,
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input);
  const [stdout, stderr, ended] = await Promise.all([text(child.stdout), text(child.stderr), exit(child)]);
  if (ended.code === 0) return stdout;
  const why = ended.signal ? `ended by ${ended.signal}` : stderr.trim().replace(/^error: /, "");
  throw new CliError(
    `pulumi ${args.slice(0, 2).join(" ")}: ${why || stdout.trim() || `exit code ${ended.code}`}`,
  );
}

/**
 * The settings file that the engine is given, or undefined for its own choice. The engine writes its salt into the
 * settings file; so that the checkout's own, which is under version control, stays as it is, the engine gets a copy.
 * A file that has a salt or a secrets provider of its own is the user's and used as it is.
 */
export function stackSettings(workspace: Workspace, stack: string): string | undefined {
  const source = join(workspace.root, `Pulumi.${stack}.yaml`);
  const text = existsSync(source) ? readFileSync(source, "utf8") : "";
  if (!workspace.ownBackend || hasSecretsProvider(text)) return undefined;
  const salt = readSalt(workspace, stack);
  if (!salt) return undefined;
  const copy = join(workspace.directory, "settings", `Pulumi.${stack}.yaml`);
  writePrivate(copy, mergeSettings(text, salt));
  return copy;
}

/** Settings with the engine's salt added. */
export function mergeSettings(settings: string, salt: string): string {
  const body = settings === "" || settings.endsWith("\n") ? settings : `${settings}\n`;
  return `${body}encryptionsalt: ${salt}\n`;
}

function hasSecretsProvider(settings: string): boolean {
  return ["encryptionsalt", "secretsprovider", "encryptedkey"].some((key) => topLevelScalar(settings, key));
}

function saltProject(workspace: Workspace, stack: string): string {
  return join(workspace.directory, "settings", stack);
}

function readSalt(workspace: Workspace, stack: string): string | undefined {
  const file = join(saltProject(workspace, stack), `Pulumi.${stack}.yaml`);
  return existsSync(file) ? topLevelScalar(readFileSync(file, "utf8"), "encryptionsalt") : undefined;
}

/** Makes the stack where the backend has none. */
async function ensureStack(workspace: Workspace, stack: string, base: NodeJS.ProcessEnv): Promise<void> {
  if (!workspace.ownBackend) {
    await runPulumi(workspace, ["stack", "select", "--create", "--non-interactive", "--stack", stack], {
      base,
    });
    return;
  }
  if (existsSync(checkpointFile(workspace, stack))) return;
  const source = join(workspace.root, `Pulumi.${stack}.yaml`);
  const init = ["stack", "init", "--non-interactive", "--no-select", "--stack", stack];
  if (existsSync(source) && hasSecretsProvider(readFileSync(source, "utf8"))) {
    await runPulumi(workspace, init, { base });
    return;
  }
  // `stack init` writes the salt beside the Pulumi.yaml that it finds: give it one of the same name elsewhere.
  const project = saltProject(workspace, stack);
  rmSync(project, { recursive: true, force: true });
  privateDirectory(project);
  writePrivate(join(project, "Pulumi.yaml"), `name: ${workspace.project}\nruntime: nodejs\n`);
  await runPulumi(workspace, init, { base, cwd: project });
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
  other: string;
}

async function stream(
  args: readonly string[],
  workspace: Workspace,
  env: NodeJS.ProcessEnv,
  options: EngineOptions,
  reducer: RunReducer,
): Promise<Ended> {
  // A process group of its own: a Ctrl-C in the terminal reaches the engine once, through us, and its plugins never.
  // A second one would make it drop what is under way.
  const child = spawn("pulumi", args, {
    cwd: workspace.root,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const interrupt = (): void => void child.kill("SIGINT");
  options.signal?.addEventListener("abort", interrupt);
  options.hardSignal?.addEventListener("abort", interrupt);
  if (options.signal?.aborted) interrupt();
  let other = "";
  const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on("line", (line) => {
    const event = parseEvent(line);
    if (!event) {
      other = `${other}${line}\n`.slice(-MAX_ERROR_TEXT);
      return;
    }
    reducer.take(event);
    options.onEvent?.(event, reducer.state);
  });
  const drained = new Promise<void>((resolve) => lines.once("close", resolve));
  try {
    const [stderr, ended] = await Promise.all([text(child.stderr), exit(child), drained]);
    return { ...ended, stderr, other };
  } finally {
    options.signal?.removeEventListener("abort", interrupt);
    options.hardSignal?.removeEventListener("abort", interrupt);
  }
}

/** One line of the engine's output; undefined when it is no event. */
export function parseEvent(line: string): EngineEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as EngineEvent;
  } catch {
    return undefined;
  }
}

function engineError(options: EngineOptions, state: RunState, ended: Ended, cancelled: boolean): EngineError {
  const what = `${options.verb} of stack "${options.stack}"`;
  if (cancelled) return new EngineError(`${what} was cancelled`, state.failures, state, 130);
  const failures =
    state.failures.length > 0
      ? state.failures
      : [{ message: plainError(ended.stderr) || plainError(ended.other) }];
  const killed = ended.signal ? ` (the engine was ended by ${ended.signal})` : "";
  return new EngineError(`${what} failed${killed}`, failures, state, 1);
}

/** What `pulumi` said of itself, without its warnings and prefixes. */
function plainError(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^warning: /.test(line))
    .join("\n")
    .replace(/^error: /gm, "")
    .trim();
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  let all = "";
  if (!stream) return all;
  stream.setEncoding("utf8");
  for await (const chunk of stream) all += chunk as string;
  return all;
}

function exit(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      const why =
        error.code === "ENOENT"
          ? 'was not found: run "npm run toolchain"'
          : `did not start: ${error.message}`;
      reject(new CliError(`the program pulumi ${why}`));
    });
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}
