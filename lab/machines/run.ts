import { spawn } from "node:child_process";
import { LabError } from "./errors.js";

export interface RunOptions {
  /** Written to the program's standard input. */
  readonly input?: string;
  /** Limit in milliseconds; default 60 s. */
  readonly timeoutMs?: number;
  /** Descriptors the program inherits from 3 on. */
  readonly fds?: readonly number[];
  /** What the operator reads before the program's own last line. Default: the program's name. */
  readonly what?: string;
  readonly env?: Record<string, string>;
  /** Called with each line of standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs a program and answers its standard output. Throws a LabError with its last words when it fails. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, timeoutMs = 60_000, fds = [], what = argv[0], onLine } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      stdio: ["pipe", "pipe", "pipe", ...fds],
      env: { ...process.env, LC_ALL: "C.UTF-8", ...options.env },
    });
    let out = "";
    let err = "";
    let rest = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.stdout?.on("data", (chunk: Buffer) => {
      out += chunk;
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      err = (err + chunk).slice(-4000);
      if (!onLine) return;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const why = error.code === "ENOENT" ? `the program ${argv[0]} is not installed` : error.message;
      reject(new LabError(`${what}: ${why}.`));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(out);
      const words = late
        ? `no end after ${timeoutMs / 1000} s`
        : lastLine(err) || lastLine(out) || `ended with ${code ?? signal}`;
      reject(new LabError(`${what}: ${words.replace(/\.?$/, ".")}`));
    });
    // A program that ends without reading is told by its exit status, not by the broken pipe.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input ?? "");
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

/**
 * Waits until the condition holds, looking every few milliseconds. Throws a LabError with `what` after the limit.
 */
export async function until(
  what: string,
  limitMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = Date.now() + limitMs;
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 100)) {
    if (await condition()) return;
    if (Date.now() > end) throw new LabError(`${what} did not come within ${limitMs / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
