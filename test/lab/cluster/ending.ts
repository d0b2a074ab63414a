import { describe, expect, it } from "vitest";
import { traces } from "../support/traces";
import type { Trial } from "../support/trial";

/** The stack goes as it came: in one go. */
export function ending(trial: Trial): void {
  describe("destroy", () => {
    it("leaves nothing of the lab", async () => {
      expect(traces(trial.lab.name)).not.toEqual([]);
      const { code, stdout, stderr } = await trial.cli("destroy");
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      expect(stdout).toMatch(/^Stack "dev" is destroyed: \d+ deleted\.$/m);
      // The kernel lets a killed process be seen for a moment more, until its parent has taken note.
      await expect.poll(() => traces(trial.lab.name), { timeout: 10_000 }).toEqual([]);
    });
  });
}
