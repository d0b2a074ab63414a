/** The commands that look at a stack and use it, and change nothing: each a plain function of its options. */
import { spawn } from "node:child_process";
import { rootCertificates } from "node:tls";
import { engineEnv } from "./engine";
import { CliError } from "./errors";
import { openWorkspace, type RunOptions, type StackOptions } from "./options";
import { loadOutputs } from "./outputs";
import { stackFlag } from "./report";
import { pickMachine, remoteCommand, writeSshFiles } from "./ssh";
import { expectedOf, judge } from "./status/judge";
import { observe } from "./status/observe";
import { statusJson, statusText } from "./status/print";
import { prepend, TOOLS, toolPathEntries } from "./toolchain";
import { renderExports, shellQuote, toolVariables, vaultLogin, writeCaFiles, writeCurlHome } from "./toolEnv";
import { choosePages, forward, uiText } from "./ui";
import { prepareWorkspace, type Workspace } from "./workspace";

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
  const { set, unset } = await toolEnvironment(options, openWorkspace(options));
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
  const workspace = openWorkspace(options);
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
  const workspace = openWorkspace(options);
  const outputs = await loadOutputs(workspace, options.stack);
  const name = pickMachine([...new Set([outputs.support.name, ...Object.keys(outputs.machines)])], machine);
  const files = writeSshFiles(workspace, options.stack, outputs);
  return passThrough("ssh", ["-F", files.config, name, ...remoteCommand(words, shellQuote)], process.env);
}

/** `hashistack status`: 0 healthy, 1 something is wrong, 2 could not look. */
export async function status(options: RunOptions): Promise<number> {
  const outputs = await loadOutputs(openWorkspace(options), options.stack);
  const seen = await observe(outputs);
  const verdict = judge(seen, expectedOf(outputs));
  process.stdout.write(`${options.json ? statusJson(seen, verdict) : statusText(seen, verdict)}\n`);
  return verdict.exitCode;
}

/** `hashistack ui`: forwards to the web pages until Ctrl-C. With `json` the pages are one JSON line. */
export async function ui(options: RunOptions): Promise<number> {
  const workspace = openWorkspace(options);
  const outputs = await loadOutputs(workspace, options.stack);
  const ssh = writeSshFiles(workspace, options.stack, outputs);
  const ca = writeCaFiles(workspace, options.stack, outputs.ca);
  const pages = await choosePages(outputs);
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  const flag = stackFlag(options.stack);
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
