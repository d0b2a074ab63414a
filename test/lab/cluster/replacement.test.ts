import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Trial } from "../support/trial";
import { ending } from "./ending";
import { replacement } from "./replacement";

/** The dev stack once more: what is made anew here would be in everybody else's way. */

const trial = new Trial("replacement");

describe("machines that are made anew", () => {
  beforeAll(async () => {
    await trial.open();
    const up = await trial.cli("up", "--json");
    if (up.code !== 0) throw new Error(`the first up: ${up.stderr}`);
  });
  afterAll(() => trial.close());

  it("a server of Vault that takes itself for removed joins anew by up --repair", async () => {
    // It keeps on its disk that it was removed: no restart brings it back.
    const node = (await trial.inside("control-c", "hostname")).trim();
    const removal = await trial.cli("exec", "--", "vault", "operator", "raft", "remove-peer", node);
    expect([removal.code, removal.stderr]).toEqual([0, ""]);
    expect((await trial.cli("status")).code).toBe(1);
    const { code, stderr } = await trial.cli("up", "--repair");
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("control-c vault.service joined its cluster anew"),
    ]);
    const { stdout } = await trial.cli("status");
    expect(stdout.trim().split("\n").at(-1)).toBe("Everything is as it should be.");
  });

  replacement(trial);
  ending(trial);
});
