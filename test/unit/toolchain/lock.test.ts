import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterEach, beforeEach, expect, test } from "vitest";
import { projectRoot } from "../../../lab/toolchain/goModule";
import { withLock } from "../../../lab/toolchain/lock";
import { scratch } from "./support";

let place: ReturnType<typeof scratch>;
const children: ChildProcess[] = [];

beforeEach(() => {
  place = scratch();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  place.dispose();
});

/** Another process that holds the lock until it is killed. */
async function holder(path: string): Promise<ChildProcess> {
  const source = join(projectRoot(), "lab", "toolchain", "lock.ts");
  const code = ts.transpileModule(readFileSync(source, "utf8"), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const script = join(place.folder, "lock.cjs");
  writeFileSync(script, code.outputText);
  const main = `require(${JSON.stringify(script)}).withLock(${JSON.stringify(path)}, { limitSeconds: 5 },
    () => new Promise(() => { console.log("held"); setInterval(() => {}, 1000); }))`;
  const child = spawn(process.execPath, ["-e", main], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

test("keeps others out and says who holds it", async () => {
  const path = join(place.folder, "locks", "tool");
  const child = await holder(path);
  const waits: string[] = [];
  const late = withLock(path, { limitSeconds: 1, onWait: (pid) => waits.push(pid) }, async () => "in");
  await expect(late).rejects.toThrow(`another run has held ${path} for 1 s`);
  expect(waits).toEqual([String(child.pid)]);
});

test("of a killed process is taken over", async () => {
  const path = join(place.folder, "locks", "tool");
  const child = await holder(path);
  let entered = false;
  let next: Promise<void> | undefined;
  await new Promise<void>((waits) => {
    next = withLock(path, { limitSeconds: 10, onWait: () => waits() }, async () => {
      entered = true;
    });
  });
  expect(entered).toBe(false);
  child.kill("SIGKILL");
  await next;
  expect(entered).toBe(true);
});

test("is given up when its holder fails", async () => {
  const path = join(place.folder, "tool");
  const failing = withLock(path, { limitSeconds: 5 }, async () => {
    throw new Error("broken");
  });
  await expect(failing).rejects.toThrow("broken");
  expect(await withLock(path, { limitSeconds: 5 }, async () => "in")).toBe("in");
});

test("waiting ends by the signal", async () => {
  const path = join(place.folder, "tool");
  await holder(path);
  const stop = new AbortController();
  const waiting = withLock(path, { limitSeconds: 10, signal: stop.signal }, async () => "in");
  stop.abort();
  await expect(waiting).rejects.toThrow("stopped while waiting");
});
