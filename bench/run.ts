/** Starts programs so that a Ctrl-C of the terminal does not reach them: what they made is to be taken down in order. */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { signal } from "../lab/machines/groups";
import { BenchError, Interrupted } from "./errors";

export interface RunOptions {
  /** First words of an error. Example: "making machine floor-server-a". */
  what: string;
  input?: string;
  /** Default: this process's. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Ends the program and all it started. */
  signal?: AbortSignal;
  /** Default 120. */
  timeoutSeconds?: number;
  /** Called for each line of standard output. */
  onLine?: (line: string) => void;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  /** The last 4000 characters. */
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit status. Rejects when it cannot start, takes too long or is interrupted. */
export function runAny(argv: readonly string[], options: RunOptions): Promise<Ran> {
  const { what, signal: stop, timeoutSeconds = 120 } = options;
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    if (stop?.aborted) return reject(new Interrupted());
    const child = spawn(program, args, {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: options.env ?? process.env,
      cwd: options.cwd,
    });
    let stdout = "";
    let stderr = "";
    let rest = "";
    let late = false;
    const kill = (): void => {
      // The whole group: a program in the lab's namespace has ssh clients of its own.
      if (child.pid) signal(-child.pid, "SIGKILL");
    };
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, timeoutSeconds * 1000);
    stop?.addEventListener("abort", kill);
    const done = (): void => {
      clearTimeout(timer);
      stop?.removeEventListener("abort", kill);
    };
    child.stdout.setEncoding("utf8");
    child.stderr.setEncoding("utf8");
    child.stdout.on("data", (chunk: string) => {
      stdout += chunk;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) options.onLine?.(line);
    });
    child.stderr.on("data", (chunk: string) => {
      stderr = (stderr + chunk).slice(-4000);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      done();
      const why = error.code === "ENOENT" ? `the program ${program} is not installed` : error.message;
      reject(new BenchError(`${what}: ${why}`));
    });
    child.on("close", (code) => {
      done();
      if (stop?.aborted) return reject(new Interrupted());
      if (late) return reject(new BenchError(`${what}: no end after ${timeoutSeconds} s`));
      resolve({ code, stdout, stderr });
    });
    // A program that ends without reading is told by its exit status.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a program and gives its standard output. Rejects with its last words when it fails. */
export async function run(argv: readonly string[], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await runAny(argv, options);
  if (code === 0) return stdout;
  throw new BenchError(
    `${options.what}: ${stderr.trim() || stdout.trim().slice(-2000) || `ended with ${code}`}`,
  );
}

/**
 * Asks until there is an answer, every `everyMs` milliseconds.
 * @param ask undefined means not yet; an error too, and the last one is told when the limit is over
 */
export async function until<T>(
  what: string,
  limitSeconds: number,
  ask: () => Promise<T | undefined>,
  { everyMs = 100, signal }: { everyMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const end = performance.now() + limitSeconds * 1000;
  for (;;) {
    if (signal?.aborted) throw new Interrupted();
    let why = "";
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      why = `: ${(error as Error).message}`;
    }
    if (performance.now() > end) throw new BenchError(`${what} did not come within ${limitSeconds} s${why}`);
    await sleep(everyMs);
  }
}
