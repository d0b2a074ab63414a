import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { detach } from "../../../lab/machines/detach.js";
import { statusOf } from "../../../lab/machines/exec.js";
import { installPrograms } from "../../../lab/machines/install.js";
import {
  type MachineRecord,
  machineDir,
  removeTree,
  withMachineLock,
  writeLab,
  writeMachine,
} from "../../../lab/machines/state.js";
import { resumeLab } from "../../../lab/machines/verbs.js";

const place = vi.hoisted(() => ({ root: "" }));
const booted = vi.hoisted((): string[] => []);
vi.mock("../../../lab/machines/names.js", async (original) => ({
  ...(await original<object>()),
  get stateRoot() {
    return join(place.root, "state");
  },
  get lockRoot() {
    return join(place.root, "locks");
  },
}));
vi.mock("../../../lab/machines/lab.js", async (original) => ({
  ...(await original<object>()),
  openLab: async (lab: string) => ({ lab }),
}));
vi.mock("../../../lab/machines/machine.js", async (original) => ({
  ...(await original<object>()),
  boot: async (_: unknown, { name }: MachineRecord) => {
    if (name.startsWith("broken-")) throw new Error(`Machine ${name} does not boot: no disk.`);
    booted.push(name);
  },
}));

beforeEach(() => {
  place.root = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  booted.length = 0;
});
afterEach(() => rmSync(place.root, { recursive: true }));

/** A busy host takes its time to start programs. */
const patience = { timeout: 10_000 };

test("what was detached tells why it ended, and nothing while it runs", async () => {
  const log = join(place.root, "log");
  const runs = detach(["sleep", "600"], log);
  expect(runs.over()).toBeUndefined();
  process.kill(runs.pid as number, "SIGKILL");
  await expect.poll(() => runs.over(), patience).toBe("it said nothing.");
  const fails = detach(["sh", "-c", "echo no disk >&2; exit 1"], log);
  await expect.poll(() => fails.over(), patience).toBe("no disk");
});

test("what cannot be started is told like what ended", async () => {
  const none = detach(["/nowhere/supervise.sh"], join(place.root, "log"));
  await expect.poll(() => none.over(), patience).toMatch(/^spawn \/nowhere\/supervise\.sh ENOENT/);
});

test("a program inside a machine that a signal ended has the status that a shell would give it", () => {
  expect([
    statusOf(0, null),
    statusOf(7, null),
    statusOf(null, "SIGKILL"),
    statusOf(null, "SIGTERM"),
  ]).toEqual([0, 7, 137, 143]);
});

test("programs are not got for a machine that is not there", async () => {
  const asked = installPrograms("lab", "nobody", ["traefik"], () => undefined);
  await expect(asked).rejects.toMatchObject({ message: 'The lab lab has no machine "nobody".', exitCode: 4 });
});

const record: MachineRecord = {
  ...{ id: "m.1", name: "control-a", index: 1, public: false, publicPorts: [], layers: [] },
  ...{ prepared: true, desired: "running" },
};

test("a lab is resumed as far as it can be, and what cannot is told of each", async () => {
  writeLab({ lab: "lab", network: { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" }, loopback: 1 });
  for (const [index, name] of ["broken-a", "control-a", "broken-b"].entries())
    writeMachine("lab", { ...record, name, index: index + 1 });
  await expect(resumeLab("lab", () => undefined)).rejects.toThrow(
    "Machine broken-a does not boot: no disk. Machine broken-b does not boot: no disk.",
  );
  expect(booted).toEqual(["control-a"]);
});

test("a machine that somebody removes while the lab is resumed is not made again", async () => {
  writeLab({ lab: "lab", network: { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" }, loopback: 1 });
  writeMachine("lab", record);
  writeMachine("lab", { ...record, name: "control-b", index: 2 });
  let resumed: Promise<void> | undefined;
  await withMachineLock("lab", "control-a", async () => {
    resumed = resumeLab("lab", () => undefined);
    // It has read what there is when it gets to the second one, and waits for the first.
    await expect.poll(() => booted, patience).toEqual(["control-b"]);
    await removeTree(machineDir("lab", "control-a"));
  });
  await resumed;
  expect(booted).toEqual(["control-b"]);
});
