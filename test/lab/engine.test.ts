import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EngineError, runEngine } from "../../cli/engine";
import { recover } from "../../cli/recover";
import { checkpointFile, findWorkspace } from "../../cli/workspace";

/** The real engine with the real command plugin or its stand-in, on a program without machines. */

const checkout = resolve(__dirname, "../..");
const hashistack = join(checkout, "cli", "bin", "hashistack.js");
const PROGRAM = `
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
const wait = config.get("wait") ?? "0";
for (const name of ["one", "two"]) {
  new command.local.Command(name, { create: \`echo begun >> \${name}.log; sleep \${wait}; echo \${name}\` });
}
if (config.getBoolean("broken")) {
  new command.local.Command("broken", { create: "echo the reason >&2; exit 3" });
}
export const word = config.get("word") ?? "plain";
export const token = pulumi.secret("s3cret");
`;

let root: string;

function settings(values: Record<string, string>): void {
  const lines = Object.entries(values).map(([name, value]) => `  tryout:${name}: "${value}"\n`);
  writeFileSync(
    join(root, "Pulumi.dev.yaml"),
    `# The user's own comment.\nconfig:\n  hashistack:cloud: { kind: none }\n${lines.join("")}`,
  );
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-engine-"));
  writeFileSync(join(root, "Pulumi.yaml"), "name: tryout\nruntime: nodejs\nmain: index.ts\n");
  writeFileSync(join(root, "package.json"), '{ "private": true }\n');
  writeFileSync(join(root, "index.ts"), PROGRAM);
  symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const up = () => runEngine({ verb: "up", stack: "dev", cwd: root });
const locks = (): string[] => {
  const folder = join(root, ".hashistack/state/.pulumi/locks/organization/tryout/dev");
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
};

/** Waits for a condition, within a limit. */
async function until(what: string, holds: () => boolean, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await delay(50);
  }
}

function start(...args: string[]): {
  child: ChildProcess;
  ended: Promise<number | null>;
  said: () => string;
} {
  const child = spawn(process.execPath, [hashistack, ...args, "--cwd", root], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
  return { child, ended: new Promise((done) => child.once("close", done)), said: () => text };
}

/** Process ids of the engines that work on our folder. */
function engines(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return words[0] === "pulumi" && words.some((word) => word.startsWith(root));
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe("the engine", () => {
  it("makes stack and passphrase, and leaves the user's settings as they are", async () => {
    settings({ word: "hello" });
    const before = readFileSync(join(root, "Pulumi.dev.yaml"), "utf8");
    const result = await up();
    expect(result.summary).toEqual({ create: 3 });
    expect(result.outputs).toEqual({ word: "hello", token: "s3cret" });
    expect(readFileSync(join(root, "Pulumi.dev.yaml"), "utf8")).toBe(before);
    expect(readFileSync(checkpointFile(findWorkspace(root), "dev"), "utf8")).not.toContain("s3cret");
  });

  it("changes nothing the second time", async () => {
    const { summary, seconds } = await up();
    expect(summary).toEqual({ same: 3 });
    expect(seconds).toBeLessThan(60);
    expect(readFileSync(join(root, "one.log"), "utf8")).toBe("begun\n");
  });

  it("says what failed, with the resource and its own words, and exits with 1", async () => {
    settings({ broken: "true" });
    const error = await up().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EngineError);
    expect((error as EngineError).failures).toHaveLength(1);
    expect((error as EngineError).failures[0]).toMatchObject({ resource: "broken" });
    expect((error as EngineError).failures[0]?.message).toContain("the reason");
    const run = start("up");
    expect(await run.ended).toBe(1);
    expect(run.said().trim().split("\n").at(-1)).toBe('up of stack "dev" failed');
  });

  it("says an error of the program itself", async () => {
    settings({});
    writeFileSync(join(root, "index.ts"), 'throw new Error("groups.control.keys: must be odd");\n');
    const error = (await up().catch((thrown: unknown) => thrown)) as EngineError;
    writeFileSync(join(root, "index.ts"), PROGRAM);
    expect(error.failures.map(({ message }) => message).join("\n")).toContain(
      "groups.control.keys: must be odd",
    );
  });

  it("stops after Ctrl-C without a lock, and can go on", async () => {
    await runEngine({ verb: "destroy", stack: "dev", cwd: root });
    rmSync(join(root, "one.log"), { force: true });
    settings({ wait: "600" });
    const run = start("up");
    await until("the first resource is begun", () => existsSync(join(root, "one.log")));
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    expect(run.said()).toMatch(/was cancelled/);
    expect(locks()).toEqual([]);
    expect(engines()).toEqual([]);
  });

  it("takes up a run that was killed, and does not disturb one that lives", async () => {
    rmSync(join(root, "one.log"), { force: true });
    settings({ wait: "600" });
    const run = start("up");
    await until("the first resource is begun", () => existsSync(join(root, "one.log")));
    expect(locks()).toHaveLength(1);

    const second = start("up");
    expect(await second.ended).toBe(2);
    expect(second.said()).toMatch(/locked by another run: process \d+ runs since/);

    const [engine] = engines();
    process.kill(engine ?? 0, "SIGKILL");
    expect(await run.ended).toBe(1);
    expect(run.said()).toMatch(/the engine was ended by SIGKILL/);
    expect(locks()).toHaveLength(1);

    settings({});
    const workspace = findWorkspace(root);
    const said = await recover(workspace, "dev");
    expect(said[0]).toMatch(
      /^Removed the lock that a cut run left on stack "dev": its process \d+ is gone\.$/,
    );
    expect(said[1]).toMatch(/^A cut run had begun 2 operations that may be repeated \((one, two|two, one)\)/);
    expect(await recover(workspace, "dev")).toEqual([]);
    expect((await up()).summary).toMatchObject({ create: 2 });
  });

  it("runs pulumi itself on the same state, and gives its exit code", () => {
    const pulumi = (...args: string[]) =>
      spawnSync(process.execPath, [hashistack, "exec", "--cwd", root, "--", "pulumi", ...args], {
        cwd: root,
        encoding: "utf8",
      });
    expect(pulumi("stack", "output", "word", "--stack", "dev").stdout).toBe("plain\n");
    expect(pulumi("no-such-command").status).not.toBe(0);
  });

  it("destroys, and says so again when there is nothing left", async () => {
    expect((await runEngine({ verb: "destroy", stack: "dev", cwd: root })).summary).toEqual({ delete: 3 });
    const run = start("destroy");
    expect(await run.ended).toBe(0);
  });
});
