import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAsset } from "../../../components/provisioning/assets";

/** A program that goes on as a unit of systemd's, with a systemd that refuses: what is said then, and what is left. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  writeFileSync(join(folder, "detached.py"), readAsset("bootstrap/machine/detached.py"));
  writeFileSync(join(folder, "hashistack.py"), "class Failure(Exception):\n    pass\n");
  program("systemctl", "echo inactive");
});
afterEach(() => rmSync(folder, { recursive: true }));

const program = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
const input = () => join(folder, "one.json");

const env = () => ({ ...process.env, PATH: `${folder}:${process.env.PATH}` });
const script = () => `
import os, sys, time
sys.path.insert(0, ${JSON.stringify(folder)})
bundle = {}
import detached
detached.FOLDER = ${JSON.stringify(folder)}
while time.time() * 1000 < float(os.environ.get("AT", "0")):
    pass
try:
    detached.start("one", "verb", {}, 5)
    print("started")
except detached.Failure as failure:
    print("failed:", failure)
`;

/** What `start` says: "started", or its failure. */
function start(): string {
  return execFileSync("python3", ["-c", script()], { env: env(), encoding: "utf8" }).trim();
}

test("a unit that systemd did not start is told of, and its input is gone", () => {
  program("systemd-run", "exit 1");
  expect(start()).toMatch(/^failed: .*systemd did not start one/);
  expect(existsSync(input())).toBe(false);
});

test("a unit that read its input and ended before systemd had told so has begun", () => {
  program("systemd-run", `rm ${input()}; exit 1`);
  expect(start()).toBe("started");
});

test("of several at once one starts it, and what it reads is whole", async () => {
  const [active, read] = [join(folder, "active"), join(folder, "read")];
  program("systemctl", `test -e ${active} && echo active || echo inactive`);
  // As systemd: a name is taken once; what is read was there when the unit began.
  program(
    "systemd-run",
    `mkdir ${active} || exit 1; cat ${input()} >> ${read} || echo nothing >> ${read}; rm -f ${input()}`,
  );
  const run = promisify(execFile);
  for (let round = 0; round < 8; round++) {
    rmSync(active, { recursive: true, force: true });
    rmSync(read, { force: true });
    const at = { ...env(), AT: `${Date.now() + 500}` };
    const all = Array.from({ length: 6 }, () => run("python3", ["-c", script()], { env: at }));
    expect((await Promise.all(all)).map(({ stdout }) => stdout.trim())).toEqual(all.map(() => "started"));
    expect(JSON.parse(readFileSync(read, "utf8"))).toEqual({ input: {}, timeoutSeconds: 5 });
    expect(existsSync(input())).toBe(false);
  }
});
