import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seal, unseal } from "../../../cli/archive";
import { type Backup, checkBackup, collect, objection, putBack } from "../../../cli/backup";
import { labOf } from "../../../cli/lab";
import { main } from "../../../cli/main";
import { getPassphrase } from "../../../cli/passphrase";
import { checkpointFile, findWorkspace, type Workspace } from "../../../cli/workspace";

// The form is the same at any cost; the real one would make these tests slow.
const cheap = { N: 2 ** 14, r: 8, p: 1 };
const words = "correct horse battery";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-backup-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function project(name: string, more: { project?: string; yaml?: string } = {}): Workspace {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "Pulumi.yaml"),
    `name: ${more.project ?? "trial"}\nruntime: nodejs\n${more.yaml ?? ""}`,
  );
  return findWorkspace(folder, {});
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function stateText(time: string): string {
  const latest = { manifest: { time, version: "v3.250.0" }, resources: [{ urn: "a" }, { urn: "b" }] };
  return JSON.stringify({ version: 3, checkpoint: { stack: "x", latest } });
}

/** A folder with a stack, as `up` leaves it. */
function withStack(name: string, time = "2026-11-23T08:00:00Z", passphrase = "the-passphrase\n"): Workspace {
  const workspace = project(name);
  write(checkpointFile(workspace, "dev"), stateText(time));
  write(join(workspace.directory, "passphrase"), passphrase);
  write(join(workspace.directory, "settings", "dev", "Pulumi.dev.yaml"), "encryptionsalt: v1:a\n");
  write(join(workspace.root, "Pulumi.dev.yaml"), `config:\n  hashistack:name: ${name}\n`);
  return workspace;
}

describe("a sealed file", () => {
  const sealed = () => seal({ secret: "very" }, words, cheap);

  it("opens with its passphrase alone, however its letters are composed", async () => {
    expect(await unseal(await sealed(), words, "x")).toEqual({ secret: "very" });
    expect(await unseal(await seal(1, "Schl\u00fcssel", cheap), "Schlu\u0308ssel", "x")).toBe(1);
    await expect(unseal(await sealed(), `${words} `, "x")).rejects.toThrow("this is not the passphrase of x");
  });

  it("shows nothing, and is never the same twice", async () => {
    const [one, two] = [await sealed(), await sealed()];
    expect(one.includes("very")).toBe(false);
    expect(one.equals(two)).toBe(false);
  });

  it("says when it is cut, wherever", async () => {
    const whole = await sealed();
    for (const length of [whole.length - 1, whole.length - 20, Math.floor(whole.length / 2)]) {
      await expect(unseal(whole.subarray(0, length), words, "x")).rejects.toThrow(
        /^x is (cut|damaged or cut)/,
      );
    }
    await expect(unseal(whole.subarray(0, 10), words, "x")).rejects.toThrow("x is no backup");
    await expect(unseal(Buffer.alloc(0), words, "x")).rejects.toThrow("x is no backup");
  });

  it("is refused when a byte was changed, wherever, or one was added", async () => {
    const whole = await sealed();
    for (let at = 0; at < whole.length; at += 5) {
      const bad = Buffer.from(whole);
      bad[at] = (bad[at] as number) ^ 1;
      await expect(unseal(bad, words, "x"), `byte ${at}`).rejects.toThrow(
        /^(x |this is not the passphrase of x)/,
      );
    }
    await expect(unseal(Buffer.concat([whole, Buffer.from("\n")]), words, "x")).rejects.toThrow(
      "x is damaged",
    );
  }, 120_000);

  it("of another form, or one that asks for all memory, is refused before any work", async () => {
    await expect(unseal(Buffer.from("hashistack-backup 2\n{}\n"), words, "x")).rejects.toThrow(
      /x has form 2/,
    );
    const greedy = Buffer.from(
      (await sealed()).toString("latin1").replace('"N":16384', '"N":1073741824'),
      "latin1",
    );
    await expect(unseal(greedy, words, "x")).rejects.toThrow(/its head cannot be read/);
  });
});

describe("what is collected", () => {
  it("is the state, the passphrase, the salt and the settings, with a manifest", () => {
    const workspace = withStack("a");
    const { manifest, content } = collect(workspace, "dev", {});
    expect(manifest).toMatchObject({
      ...{ project: "trial", stack: "dev", stateTime: "2026-11-23T08:00:00Z", resources: 2 },
      versions: { engine: "v3.250.0", node: process.version },
      lab: labOf(workspace, {}),
    });
    expect(Object.keys(manifest.files).sort()).toEqual(["passphrase", "salt", "settings", "state"]);
    expect(content.passphrase).toBe("the-passphrase\n");
    expect(() => checkBackup({ manifest, content }, "x")).not.toThrow();
  });

  it("has the passphrase and the lab that the user's environment names", () => {
    const { manifest, content } = collect(withStack("a"), "dev", {
      ...{ PULUMI_CONFIG_PASSPHRASE: "of-the-user", HASHISTACK_LAB: "mine" },
    });
    expect([content.passphrase, manifest.lab]).toEqual(["of-the-user", "mine"]);
  });

  it("is refused where there is no stack, a run is at work, or the backend is the user's", () => {
    expect(() => collect(project("none"), "dev", {})).toThrow(/there is no stack "dev"/);
    const locked = withStack("locked");
    write(join(locked.directory, "state/.pulumi/locks/organization/trial/dev/1.json"), "{}");
    expect(() => collect(locked, "dev", {})).toThrow(/is locked: wait until the run has ended/);
    expect(() => collect(project("own", { yaml: "backend:\n  url: s3://x\n" }), "dev", {})).toThrow(
      /backend of your own/,
    );
  });

  it("must be what the manifest says", () => {
    const backup = collect(withStack("a"), "dev", {});
    const changed = { ...backup, content: { ...backup.content, settings: "other" } };
    expect(() => checkBackup(changed, "x")).toThrow(
      "x is damaged: its settings is not what its manifest says",
    );
    const { state: _, ...rest } = backup.content;
    expect(() => checkBackup({ ...backup, content: rest }, "x")).toThrow(/x is damaged/);
    const evil = { ...backup, manifest: { ...backup.manifest, stack: "../../etc" } };
    expect(() => checkBackup(evil, "x")).toThrow(/cannot be a stack's name/);
  });
});

describe("a restore", () => {
  let backup: Backup;
  beforeEach(() => {
    backup = collect(withStack("origin"), "dev", {});
  });

  it("makes an empty folder manage the cluster; its files are the owner's alone; the lab is the first folder's", () => {
    const target = project("target");
    expect(objection(target, backup, false)).toBeUndefined();
    expect(putBack(target, backup)).toBeUndefined();
    const again = collect(target, "dev", {});
    expect(again.content).toEqual(backup.content);
    expect(again.manifest.lab).toBe(backup.manifest.lab);
    for (const entry of readdirSync(target.directory, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect([entry.name, mode]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600]);
    }
    expect(readFileSync(join(target.directory, "state/.pulumi/meta.yaml"), "utf8")).toBe("version: 1\n");
  });

  it("replaces an older state of the same stack, and keeps it aside with the settings", () => {
    const target = withStack("target", "2026-11-22T08:00:00Z");
    write(`${checkpointFile(target, "dev")}.attrs`, "{}");
    expect(objection(target, backup, false)).toBeUndefined();
    const aside = putBack(target, backup) as string;
    expect(readFileSync(join(aside, "dev.json"), "utf8")).toContain("2026-11-22");
    expect(readFileSync(join(aside, "Pulumi.dev.yaml"), "utf8")).toContain("name: target");
    expect(existsSync(`${checkpointFile(target, "dev")}.attrs`)).toBe(false);
    expect(collect(target, "dev", {}).content).toEqual(backup.content);
  });

  it("is refused over a newer state, and over another stack of that name, but for --force", () => {
    const newer = withStack("newer", "2026-11-24T08:00:00Z");
    expect(objection(newer, backup, false)).toMatch(/is newer than the backup's of 2026-11-23T08:00:00Z/);
    expect(objection(newer, backup, true)).toBeUndefined();
    const other = withStack("other", "2026-11-20T08:00:00Z", "another\n");
    expect(objection(other, backup, false)).toMatch(/has another stack "dev"/);
    expect(objection(other, backup, true)).toBeUndefined();
    expect(objection(withStack("same"), backup, false)).toBeUndefined();
  });

  it("is refused for another project, and where other stacks would lose their passphrase", () => {
    expect(objection(project("p", { project: "b" }), backup, true)).toMatch(/is of project "trial"/);
    const shared = project("shared");
    write(checkpointFile(shared, "prod"), stateText("2026-11-20T08:00:00Z"));
    write(join(shared.directory, "passphrase"), "another\n");
    expect(objection(shared, backup, true)).toMatch(/^prod in .* another passphrase, which would be lost/);
  });
});

describe("the passphrase", () => {
  it("is the first line of a file or a descriptor", async () => {
    const file = join(root, "pw");
    writeFileSync(file, `${words}\nmore\n`);
    expect(await getPassphrase({ file }, true)).toBe(words);
    const descriptor = openSync(file, "r");
    expect(await getPassphrase({ descriptor }, true)).toBe(words);
    closeSync(descriptor);
  });

  it("is refused when it is empty, short for a new one, twice given or not to be had", async () => {
    const file = join(root, "pw");
    writeFileSync(file, "short\n");
    await expect(getPassphrase({ file }, true)).rejects.toThrow(/shorter than 12/);
    expect(await getPassphrase({ file }, false)).toBe("short");
    writeFileSync(file, "\n");
    await expect(getPassphrase({ file }, false)).rejects.toThrow(/is empty/);
    await expect(getPassphrase({ file, descriptor: 0 }, false)).rejects.toThrow(/not both/);
    await expect(getPassphrase({ descriptor: 999 }, false)).rejects.toThrow(/no open descriptor/);
    await expect(getPassphrase({ file: join(root, "none") }, false)).rejects.toThrow(/cannot be read from/);
    await expect(main(["backup-state", "--to", join(root, "b"), "--passphrase-fd", "three"])).rejects.toThrow(
      '--passphrase-fd: "three" is no number of a descriptor',
    );
  });
});
