import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** What `start` says: "started", or its failure. */
function start(): string {
  const script = `
import sys
sys.path.insert(0, ${JSON.stringify(folder)})
bundle = {}
import detached
detached.FOLDER = ${JSON.stringify(folder)}
try:
    detached.start("one", "verb", {}, 5)
    print("started")
except detached.Failure as failure:
    print("failed:", failure)
`;
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  return execFileSync("python3", ["-c", script], { env, encoding: "utf8" }).trim();
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
