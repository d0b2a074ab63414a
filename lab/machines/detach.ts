import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";

/** A process that lives on when its caller is gone, and holds none of the caller's pipes open. */
export function detach(argv: readonly string[], log: string, env: Record<string, string> = {}) {
  const out = openSync(log, "a", 0o600);
  try {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: "/",
      detached: true,
      stdio: ["ignore", out, out],
      env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8", ...env },
    });
    child.unref();
    return child;
  } finally {
    closeSync(out);
  }
}

/** The end of a log, on one line. */
export const lastWords = (log: string): string =>
  (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-3).join(" / ") : "") ||
  "it said nothing.";
