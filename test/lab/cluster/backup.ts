import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout } from "../../../bench/lab";
import { makeProject, type Project } from "../../../bench/project";
import { type Ran, runAny } from "../../../bench/run";
import { unchanged } from "../../../cli/report";
import type { Trial } from "../support/trial";

/** A backup of what manages the cluster, put into another folder: from there it is managed as before. */
export function backup(trial: Trial): void {
  let elsewhere: Project;
  let file: string;
  let passphrase: string;
  const there = (...words: string[]): Promise<Ran> =>
    runAny([process.execPath, join(checkout(), "cli/bin/hashistack.js"), ...words], {
      what: `hashistack ${words[0]} elsewhere`,
      cwd: elsewhere.workspace.root,
      env: elsewhere.env,
      timeoutSeconds: 300,
    });

  describe("a backup", () => {
    beforeAll(() => {
      elsewhere = makeProject({});
      file = join(elsewhere.workspace.root, "kept.backup");
      passphrase = join(elsewhere.workspace.root, "passphrase");
      writeFileSync(passphrase, "correct horse battery staple\n", { mode: 0o600 });
    });
    afterAll(() => elsewhere.remove());

    it("is one file for its owner alone, and shows nothing of what is in it", async () => {
      const { code, stderr } = await trial.cli("backup-state", "--to", file, "--passphrase-file", passphrase);
      expect([code, stderr]).toEqual([0, ""]);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    });

    it("is not opened by another passphrase", async () => {
      const wrong = join(elsewhere.workspace.root, "wrong");
      writeFileSync(wrong, "another horse battery staple\n");
      const { code, stderr } = await there("restore-state", file, "--passphrase-file", wrong);
      expect([code, stderr]).toEqual([2, `hashistack: this is not the passphrase of ${file}\n`]);
    });

    it("in another folder, up has nothing to do, and the tools work", async () => {
      const restored = await there("restore-state", file, "--passphrase-file", passphrase);
      expect([restored.code, restored.stderr]).toEqual([0, ""]);
      const up = await there("up", "--json");
      expect([up.code, up.stderr]).toEqual([0, expect.any(String)]);
      expect(unchanged((JSON.parse(up.stdout) as { summary: Record<string, number> }).summary)).toBe(true);
      const nodes = await there("exec", "--", "nomad", "node", "status");
      expect(nodes.stdout).toContain(await trial.cloudName("client-a"));
      expect((await there("doctor")).code).toBe(0);
    });

    it("does not replace what is newer", async () => {
      const { code, stderr } = await there("restore-state", file, "--passphrase-file", passphrase);
      expect(code).toBe(2);
      expect(stderr).toMatch(/is newer than the backup's of .*--force replaces it/);
    });
  });
}
