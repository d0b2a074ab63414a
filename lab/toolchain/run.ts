/** Runs one program with an argument list and a time limit; nothing goes through a shell. */
import { spawn } from "node:child_process";

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Seconds until the program is stopped. */
  limitSeconds: number;
  signal?: AbortSignal;
  /** Called with each whole line of standard error. */
  onErrorLine?: (line: string) => void;
}

export interface RunResult {
  /** Exit status; -1 when a signal ended it. */
  status: number;
  stdout: string;
  stderr: string;
}

const KEPT_CHARACTERS = 64 * 1024;

/** Resolves with status and output (the last 64 KiB of each); rejects when it cannot start, is stopped or is late. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    let partial = "";
    let ended: string | undefined;
    const stop = (why: string) => {
      ended ??= why;
      // SIGINT, not SIGKILL: go removes its work folder and keeps what it has compiled.
      child.kill("SIGINT");
      setTimeout(() => child.kill("SIGKILL"), 10_000).unref();
    };
    const limit = setTimeout(
      () => stop(`took more than ${options.limitSeconds} s`),
      options.limitSeconds * 1000,
    );
    const aborted = () => stop("was stopped");
    options.signal?.addEventListener("abort", aborted, { once: true });
    if (options.signal?.aborted) aborted();
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout = (stdout + text).slice(-KEPT_CHARACTERS);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-KEPT_CHARACTERS);
      if (!options.onErrorLine) return;
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) options.onErrorLine(line);
    });
    const finish = () => {
      clearTimeout(limit);
      options.signal?.removeEventListener("abort", aborted);
    };
    child.on("error", (error) => {
      finish();
      reject(new Error(`${program} could not be started: ${error.message}`));
    });
    child.on("close", (code) => {
      finish();
      if (ended) reject(new Error(`${program} ${args[0] ?? ""} ${ended}`));
      else resolve({ status: code ?? -1, stdout, stderr });
    });
  });
}
