/**
 * What the stack runs on its machines, as the state keeps it: each of the programs with its input. A command can run one
 * again with another verb, by the way that `ssh` goes. What a program holds is secret and stays in memory.
 */
import { spawn } from "node:child_process";
import { z } from "zod";
import { runPulumi } from "./engine";
import { CliError } from "./errors";
import { parseUrn } from "./events";
import type { SshFiles } from "./ssh";
import type { Workspace } from "./workspace";

/** One program: the line that starts it, and what it reads. */
export interface MachineProgram {
  /** Ends with the verb that makes it so. */
  readonly commandLine: string;
  /** Secret. */
  readonly stdin: string;
}

/** The engine's mark of a value that is secret; with --show-secrets its text stands beside it. */
const secretText = z.object({ plaintext: z.string() }).transform(({ plaintext }, context) => {
  const value: unknown = JSON.parse(plaintext);
  if (typeof value === "string") return value;
  context.addIssue({ code: "custom", message: "a secret that is no text" });
  return z.NEVER;
});
const command = z.object({
  urn: z.string(),
  delete: z.boolean().optional(),
  inputs: z.object({ create: z.string(), stdin: z.union([z.string(), secretText]) }),
});
const exported = z.object({
  deployment: z.object({
    resources: z.array(z.object({ urn: z.string(), type: z.string() }).loose()).optional(),
  }),
});

/**
 * The stack's remote programs by their resource's name. Example: "control-a-apply".
 *
 * @param state what `pulumi stack export --show-secrets` gives, parsed
 */
export function programsOf(state: unknown): Map<string, MachineProgram> {
  const parsed = exported.safeParse(state);
  if (!parsed.success) throw new CliError("the engine's export of the stack is not as expected");
  const found = new Map<string, MachineProgram>();
  for (const resource of parsed.data.deployment.resources ?? []) {
    if (resource.type !== "command:remote:Command") continue;
    const known = command.safeParse(resource);
    // What is only still to be deleted belongs to a machine that was replaced.
    if (!known.success || known.data.delete) continue;
    const { create, stdin } = known.data.inputs;
    found.set(parseUrn(known.data.urn).name, { commandLine: create, stdin });
  }
  return found;
}

/** Reads them from the state, secrets in clear, in memory alone. */
export async function loadPrograms(
  workspace: Workspace,
  stack: string,
): Promise<Map<string, MachineProgram>> {
  const words = ["stack", "export", "--show-secrets", "--non-interactive", "--stack", stack];
  return programsOf(JSON.parse(await runPulumi(workspace, words, { timeoutSeconds: 120 })));
}

/** The same line with another verb. Example: "… create" and "check" give "… check". */
export function withVerb(commandLine: string, verb: string): string {
  if (!/ create$/.test(commandLine)) throw new CliError("a program of the state does not end with its verb");
  return commandLine.replace(/create$/, verb);
}

/** Why a program gave no answer, in words that can follow the machine's name. */
export class NoAnswer extends Error {
  constructor(
    message: string,
    /** The machine was not reached, so nothing was done there. */
    readonly unreached: boolean,
  ) {
    super(message);
  }
}

/**
 * Runs a program on a machine and gives its answer.
 *
 * @param limitSeconds for all of it, the way there included
 * @returns its answer; undefined when the program does not know the verb: it was made by an earlier version
 * @throws NoAnswer when the machine is not reached, the program fails, or the limit is over
 */
export function runOn(
  ssh: SshFiles,
  machine: string,
  program: MachineProgram,
  verb: string,
  limitSeconds: number,
): Promise<unknown> {
  const line = withVerb(program.commandLine, verb);
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", ["-F", ssh.config, "-o", "BatchMode=yes", "-T", machine, line], {
      stdio: "pipe",
      timeout: limitSeconds * 1000,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      stdout += part;
    });
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      stderr = (stderr + part).slice(-8000);
    });
    // One that ends without reading is told by its exit status.
    child.stdin.on("error", () => undefined);
    child.stdin.end(program.stdin);
    child.once("error", (error) => reject(new NoAnswer(`ssh does not start: ${error.message}`, true)));
    child.once("close", (code, signal) => {
      const said = stderr.trim();
      if (signal) return reject(new NoAnswer(`no answer within ${limitSeconds} s`, true));
      if (code === 255) return reject(new NoAnswer(`cannot be reached: ${said.split("\n").at(-1)}`, true));
      if (code !== 0) return reject(new NoAnswer(said || `the program ended with ${code}`, false));
      if (stdout.trim() === "") return resolve(undefined);
      try {
        resolve(JSON.parse(stdout));
      } catch {
        reject(new NoAnswer("answered with something else than JSON", false));
      }
    });
  });
}
