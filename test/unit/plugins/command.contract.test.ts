import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { containsUnknown, plain, secret, UNKNOWN } from "../../../lab/plugins/common/values";
import { PluginUnderTest, secretIn, type Values } from "./plugin-under-test";

const LOCAL = "command:local:Command";

let plugin: PluginUnderTest;
let folder: string;
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "command-contract-"));
  plugin = await PluginUnderTest.start("command");
});
afterAll(async () => {
  await plugin?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

function outputs(properties: Values): { stdout?: string; stderr?: string } {
  return plain(properties) as { stdout?: string; stderr?: string };
}

/** A process that ended may stay as a zombie where nothing reaps orphans. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function change(news: Values, olds: Values) {
  const old = await plugin.make(LOCAL, olds);
  return plugin.diff(LOCAL, old.id, old.properties, old.inputs, await plugin.checked(LOCAL, news));
}

describe("local.Command", () => {
  it("runs create, takes stdin, and keeps both outputs without the last newline", async () => {
    const made = await plugin.make(LOCAL, { create: "cat; echo two >&2", stdin: "one\n\n" });
    expect(outputs(made.properties)).toMatchObject({ stdout: "one\n", stderr: "two" });
    expect(made.id).toMatch(/^subject[0-9a-f]{8}$/);
  });

  it("runs in dir, with environment, by interpreter", async () => {
    const made = await plugin.make(LOCAL, {
      create: 'printf "%s %s" "$PWD" "$GREETING"; printf %s "$PATH" >&2',
      dir: folder,
      environment: { GREETING: "hello" },
      interpreter: ["/bin/sh", "-c"],
    });
    expect(outputs(made.properties).stdout).toBe(`${folder} hello`);
    expect(outputs(made.properties).stderr).not.toBe("");
    const cat = await plugin.make(LOCAL, { create: "not a shell line", interpreter: ["/bin/echo", "-n"] });
    expect(outputs(cat.properties).stdout).toBe("not a shell line");
  });

  it("does nothing without create", async () => {
    const made = await plugin.make(LOCAL, { delete: "true" });
    expect(outputs(made.properties)).toMatchObject({ stdout: "", stderr: "" });
  });

  it("updates with update, else with create, and hands over what the last run printed", async () => {
    const show = 'printf "%s/%s" "$PULUMI_COMMAND_STDOUT" "$PULUMI_COMMAND_STDERR"';
    const old = await plugin.make(LOCAL, { create: "printf a; printf b >&2" });
    const both = await plugin.checked(LOCAL, { create: "echo no", update: show });
    expect(outputs(await plugin.update(LOCAL, old, both)).stdout).toBe("a/b");
    const createOnly = await plugin.checked(LOCAL, { create: show });
    expect(outputs(await plugin.update(LOCAL, old, createOnly)).stdout).toBe("a/b");
    const without = await plugin.checked(LOCAL, { create: show, addPreviousOutputInEnv: false });
    expect(outputs(await plugin.update(LOCAL, old, without)).stdout).toBe("/");
    const nothing = await plugin.checked(LOCAL, { delete: "true" });
    expect(outputs(await plugin.update(LOCAL, old, nothing))).toMatchObject({ stdout: "a", stderr: "b" });
  });

  it("runs delete with what the last run printed, and deletes without one", async () => {
    const mark = path.join(folder, "deleted");
    const made = await plugin.make(LOCAL, {
      create: "printf made",
      delete: `printf %s "$PULUMI_COMMAND_STDOUT" > ${mark}`,
    });
    await plugin.delete(LOCAL, made);
    expect(fs.readFileSync(mark, "utf8")).toBe("made");
    await plugin.delete(LOCAL, await plugin.make(LOCAL, { create: "true" }));
  });

  it("reads as the state has it", async () => {
    const made = await plugin.make(LOCAL, { create: "echo kept" });
    const read = await plugin.read(LOCAL, made.id, made.properties, made.inputs);
    expect([read.id, outputs(read.properties).stdout]).toEqual([made.id, "kept"]);
  });

  it("fails with status, stderr and stdout", async () => {
    const failing = plugin.make(LOCAL, { create: "echo the result; echo the cause >&2; exit 3" });
    await expect(failing).rejects.toThrow(/status 3[\s\S]*the cause/);
    await expect(failing).rejects.toThrow(/the result/);
    await expect(plugin.make(LOCAL, { create: "true", interpreter: ["/no/such"] })).rejects.toThrow(
      /no\/such/,
    );
    await expect(plugin.make(LOCAL, { create: "true", dir: "/no/such" })).rejects.toThrow(/no\/such/);
  });

  it("streams its output to the log as status, and only what logging allows", async () => {
    const lines = async (create: string, logging?: string) => {
      plugin.logs.length = 0;
      await plugin.make(LOCAL, logging === undefined ? { create } : { create, logging });
      return plugin.logs.map((line) => line.message);
    };
    const both = "echo out; echo err >&2";
    expect((await lines(both)).sort()).toEqual(["err", "out"]);
    expect(plugin.logs.every((line) => line.status && line.urn.endsWith("::subject"))).toBe(true);
    expect((await lines(both, "stdoutAndStderr")).sort()).toEqual(["err", "out"]);
    expect(await lines(both, "stdout")).toEqual(["out"]);
    expect(await lines(both, "stderr")).toEqual(["err"]);
    expect(await lines(both, "none")).toEqual([]);
    expect(await lines("printf 'a\\nb\\nc'")).toEqual(["a", "b", "c"]);
  });

  it("is updated by any change, and says which path changed", async () => {
    const base = { create: "true", environment: { A: "1", B: "2" }, triggers: ["x"] };
    expect(await change(base, base)).toEqual({ changed: false, replaces: [], detailed: {} });
    const changed = await change({ ...base, create: "echo", environment: { A: "1", B: "3" } }, base);
    expect(changed).toMatchObject({ changed: true, replaces: [] });
    expect(changed.detailed).toEqual({ create: "UPDATE", "environment.B": "UPDATE" });
    expect((await change({ ...base, stdin: "new" }, base)).detailed).toEqual({ stdin: "ADD" });
    expect((await change({ create: "true", triggers: ["x"] }, base)).detailed).toEqual({
      environment: "DELETE",
    });
  });

  it("shows a changed trigger, and is replaced by new triggers", async () => {
    // A changed element is replaced by the SDK's own replaceOnChanges: triggers[*].
    const one = await change({ create: "true", triggers: ["b"] }, { create: "true", triggers: ["a"] });
    expect(Object.keys(one.detailed)).toEqual(["triggers[0]"]);
    const added = await change({ create: "true", triggers: ["b"] }, { create: "true" });
    expect(added.replaces).toEqual(["triggers"]);
  });

  it("counts an unknown as a change", async () => {
    const diff = await change({ create: "true", stdin: UNKNOWN }, { create: "true", stdin: "x" });
    expect(diff.detailed).toEqual({ stdin: "UPDATE" });
  });

  it("runs nothing at preview, and leaves both outputs unknown", async () => {
    const mark = path.join(folder, "previewed");
    const inputs = await plugin.checked(LOCAL, { create: `touch ${mark}`, stdin: UNKNOWN });
    const { properties } = await plugin.create(LOCAL, inputs, { preview: true });
    expect(containsUnknown(properties.stdout)).toBe(true);
    expect(containsUnknown(properties.stdin)).toBe(true);
    expect(properties.create).toBe(`touch ${mark}`);
    const old = await plugin.make(LOCAL, { create: "echo old" });
    const updated = await plugin.update(LOCAL, old, inputs, { preview: true });
    expect(containsUnknown(updated.stdout)).toBe(true);
    expect(fs.existsSync(mark)).toBe(false);
  });

  it("keeps secret what came as a secret, and only that", async () => {
    const made = await plugin.make(LOCAL, {
      create: "cat",
      stdin: secret("quiet"),
      environment: { KEY: secret("k") },
    });
    expect(secretIn(made.properties, "stdin")).toBe(true);
    expect(secretIn(made.properties.environment as Values, "KEY")).toBe(true);
    expect(made.properties.stdout).toBe("quiet");
  });

  it("refuses properties that it does not know, and wrong types", async () => {
    const reason = async (inputs: Values) => (await plugin.check(LOCAL, inputs)).failures[0]?.reason;
    expect(await reason({ create: "true", shell: "bash" })).toContain("shell");
    expect((await plugin.check(LOCAL, { create: ["true"] })).failures[0].property).toBe("create");
    expect((await plugin.check(LOCAL, { environment: "A=1" })).failures[0].property).toBe("environment");
    if (plugin.official) return;
    // The engine prints the value of a property that a failure names.
    expect((await plugin.check(LOCAL, { stdin: secret(5) })).failures).toEqual([
      { property: "", reason: "command:local:Command: stdin must be a string" },
    ]);
    expect(await reason({ logging: "everything" })).toContain("stdoutAndStderr");
    expect(await reason({ create: "true", assetPaths: ["*"] })).toMatch(/does not implement assetPaths/);
    expect(await reason({ create: "true", archivePaths: ["*"] })).toMatch(/does not implement archivePaths/);
    await expect(plugin.make("command:remote:CopyToRemote", {})).rejects.toThrow(/CopyToRemote/);
  });

  it("does not print to an error what logging keeps quiet", async (context) => {
    if (plugin.official) context.skip();
    const failing = plugin.make(LOCAL, { create: "echo hidden; echo cause >&2; exit 1", logging: "none" });
    const message = await failing.catch((error: Error) => error.message);
    expect(message).toContain("cause");
    expect(message).not.toContain("hidden");
  });

  it("ends a command and its children when its time is over", async () => {
    const begun = Date.now();
    const late = plugin.make(LOCAL, { create: "sleep 60 & echo $! >&2; wait" }, { timeout: 1 });
    const message = await late.then(
      () => "",
      (error: Error) => error.message,
    );
    expect(Date.now() - begun).toBeLessThan(6_000);
    if (plugin.official) return;
    expect(message).toMatch(/timed out after 1 s/);
    const child = Number(/stderr:\n(\d+)/.exec(message)?.[1]);
    expect(child).toBeGreaterThan(1);
    await expect.poll(() => isRunning(child), { timeout: 5_000 }).toBe(false);
  });

  it("ends a command when the engine cancels, and starts no other", async () => {
    const second = await PluginUnderTest.start("command");
    const mark = path.join(folder, "started");
    const running = second.make(LOCAL, { create: `touch ${mark}; exec sleep 60` });
    const ended = expect(running).rejects.toThrow();
    await expect.poll(() => fs.existsSync(mark), { timeout: 5_000 }).toBe(true);
    await second.cancel();
    await ended;
    await expect(second.make(LOCAL, { create: "true" })).rejects.toThrow();
    await second.stop();
  });
});
