/**
 * A lock between processes, held by the kernel: a small `flock` child keeps it for as long as its standard input is
 * open, so it ends with us however we end, and no lock of a dead process can be left behind.
 */
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export interface LockOptions {
  /** Seconds to wait for another holder. */
  limitSeconds: number;
  /** Called once when somebody else holds it, with the holder's process id (or "unknown"). */
  onWait?: (holder: string) => void;
  signal?: AbortSignal;
}

/** Runs `work` while this process alone holds the lock file `path` (made when absent, never removed). */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const release = await acquire(path, options);
  try {
    // Only for the message of whoever waits.
    await writeFile(path, `${process.pid}\n`);
    return await work();
  } finally {
    release();
  }
}

async function acquire(path: string, options: LockOptions): Promise<() => void> {
  const child = spawn("flock", ["--exclusive", path, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
    // Its own group: an interrupt at the terminal must not drop the lock while we still clean up.
    detached: true,
  });
  const notice = setTimeout(() => {
    readFile(path, "utf8").then(
      (holder) => options.onWait?.(holder.trim() || "unknown"),
      () => options.onWait?.("unknown"),
    );
  }, 300);
  try {
    await new Promise<void>((resolve, reject) => {
      const give = (message: string) => {
        child.stdin.end();
        // Not killing the group: flock itself waits in the kernel and ends by this.
        child.kill("SIGTERM");
        reject(new Error(message));
      };
      const limit = setTimeout(
        () => give(`another run has held ${path} for ${options.limitSeconds} s; stop it or wait for it`),
        options.limitSeconds * 1000,
      );
      const aborted = () => give("stopped while waiting for another run of the toolchain");
      options.signal?.addEventListener("abort", aborted, { once: true });
      if (options.signal?.aborted) aborted();
      const settle = () => {
        clearTimeout(limit);
        options.signal?.removeEventListener("abort", aborted);
      };
      child.once("error", (error) => {
        settle();
        reject(new Error(`flock (Debian package util-linux) could not be started: ${error.message}`));
      });
      child.once("exit", (code) => {
        settle();
        reject(new Error(`flock could not lock ${path} (status ${code})`));
      });
      child.stdout.once("data", () => {
        settle();
        resolve();
      });
    });
  } finally {
    clearTimeout(notice);
  }
  // The child must not keep our own process alive, nor be missed when it goes.
  child.removeAllListeners("exit").on("error", () => {});
  child.unref();
  return () => {
    child.stdin.end();
  };
}
