/** command:local:Command of pulumi-command v1.2.1 (provider/pkg/provider/local). */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import type { ResourceKind } from "../common/kinds";
import { COMMON_INPUTS, type Ended, lifecycle, outputFor, previousOutput, type Run } from "./shared";

/** How long a command that was told to end may take before it is killed. */
const GRACE_MS = 5_000;

const run: Run = async (command, properties, previous, call): Promise<Ended> => {
  const interpreter = properties.interpreter as string[] | undefined;
  const [program, ...args] = interpreter && interpreter.length > 0 ? interpreter : ["/bin/sh", "-c"];
  const stdin = (properties.stdin as string | undefined) ?? "";
  const cwd = properties.dir as string | undefined;
  const output = outputFor(properties, call);
  call.signal.throwIfAborted();
  if (cwd !== undefined && !fs.existsSync(cwd))
    throw new Error(`${call.name}: the directory ${cwd} does not exist`);
  const child = spawn(program, [...args, command], {
    cwd,
    env: {
      ...process.env,
      ...(properties.environment as Record<string, string>),
      ...previousOutput(properties, previous),
    },
    stdio: [stdin === "" ? "ignore" : "pipe", "pipe", "pipe"],
    // A process group of its own, so that all of it can be ended.
    detached: true,
  });
  child.stdout?.on("data", (data: Buffer) => output.take("stdout", data));
  child.stderr?.on("data", (data: Buffer) => output.take("stderr", data));
  // A command need not read all of its input.
  child.stdin?.on("error", () => {});
  child.stdin?.end(stdin);
  const how = await ended(child, call.signal);
  output.finish();
  if (call.signal.aborted) {
    throw new Error(
      `${call.name}: the local command was ended: ${(call.signal.reason as Error).message}; ${output.tail()}`,
    );
  }
  if (how !== "status 0")
    throw new Error(`${call.name}: the local command ended with ${how}; ${output.tail()}`);
  return { stdout: output.text("stdout"), stderr: output.text("stderr") };
};

/** Waits for a process; when the signal aborts, its whole group is told to end, then killed. */
function ended(child: ChildProcess, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    let killer: NodeJS.Timeout | undefined;
    const abort = () => {
      killGroup(child, "SIGTERM");
      killer = setTimeout(() => killGroup(child, "SIGKILL"), GRACE_MS);
    };
    const finish = (how: string) => {
      clearTimeout(killer);
      signal.removeEventListener("abort", abort);
      resolve(how);
    };
    signal.addEventListener("abort", abort, { once: true });
    child.once("error", (error) => finish(`the error "${error.message}"`));
    child.once("close", (code, killedBy) => finish(killedBy ? `signal ${killedBy}` : `status ${code}`));
  });
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // It is gone already.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export const localCommand: ResourceKind = {
  token: "command:local:Command",
  inputs: {
    ...COMMON_INPUTS,
    interpreter: { type: "list", of: { type: "string" } },
    dir: { type: "string" },
    environment: { type: "map", of: { type: "string" } },
    assetPaths: {
      type: "list",
      unimplemented: "read the files in the program, or print them from the command",
    },
    archivePaths: {
      type: "list",
      unimplemented: "read the files in the program, or print them from the command",
    },
  },
  outputs: { stdout: {}, stderr: {} },
  ...lifecycle(run),
};
