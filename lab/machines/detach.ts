import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";

/** A process that was detached. */
export interface Detached {
  readonly pid: number | undefined;
  /** Why it has ended, or could not be started: the end of its log; undefined while it runs. */
  over(): string | undefined;
}

/** Starts a process that lives on when its caller is gone, and holds none of the caller's pipes open. */
export function detach(argv: readonly string[], log: string, env: Record<string, string> = {}): Detached {
  const out = openSync(log, "a", 0o600);
  try {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: "/",
      detached: true,
      stdio: ["ignore", out, out],
      env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8", ...env },
    });
    let ended = false;
    let refused: string | undefined;
    child.on("exit", () => {
      ended = true;
    });
    child.on("error", ({ message }) => {
      refused = message;
    });
    child.unref();
    return { pid: child.pid, over: () => refused ?? (ended ? lastWords(log) : undefined) };
  } finally {
    closeSync(out);
  }
}

/** The end of a log, on one line. */
const lastWords = (log: string): string =>
  (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-3).join(" / ") : "") ||
  "it said nothing.";
