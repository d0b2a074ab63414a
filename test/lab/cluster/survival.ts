import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Drill, drills, powerEdge } from "../../../bench/drills/cases";
import { doDrill, type Outcome } from "../../../bench/drills/drill";
import { Ground } from "../../../bench/drills/ground";
import { Loads } from "../../../bench/drills/loads";
import type { Trial } from "../support/trial";

/** A lean choice of the drills: what one kill, one power cut and a power cut of everything must not do. */
export function survival(trial: Trial): void {
  describe("deaths under load", () => {
    let ground: Ground;
    let loads: Loads;

    beforeAll(async () => {
      ground = new Ground(trial.lab, await trial.outputs());
      const member = ground.machines("nomad-client").find((name) => name.startsWith("client-"));
      loads = await Loads.start(ground, member ?? "");
    });
    afterAll(() => loads?.stop());

    const drilled = (drill: Drill): Promise<Outcome> => doDrill(drill, ground, loads);
    const named = (name: string): Drill => {
      const drill = drills.find((one) => one.name === name);
      if (!drill) throw new Error(`there is no drill ${name}`);
      return drill;
    };

    it("the three leaders killed at once: nobody who tries again fails, nothing acknowledged is lost", async () => {
      const outcome = await drilled(named("kill-all-leaders"));
      expect(outcome.misses).toEqual([]);
      expect(outcome.visitors.sent).toBeGreaterThan(50);
      expect(outcome.writes.sent).toBeGreaterThan(10);
    });

    it("a load balancer without power: who knows both addresses does not notice, who knows one does", async () => {
      const outcome = await drilled(powerEdge(10));
      expect(outcome.misses).toEqual([]);
      // Beside it those who fail, or the load would have missed the dead one.
      expect(outcome.once.failed).toBeGreaterThan(0);
    });

    it("all machines halted and started: the whole returns by itself, with all that was acknowledged", async () => {
      const outcome = await drilled(named("stop-all"));
      expect(outcome.misses).toEqual([]);
      expect(outcome.healthySeconds).toBeLessThan(120);
    });
  });
}
