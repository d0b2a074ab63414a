import { describe, expect, it } from "vitest";
import { failureText, unchanged } from "../../../cli/report";
import { type Trial, until } from "../support/trial";

/**
 * Steps that cannot succeed: each must end within its limit and say machine, phase and why. All of it happens to a client
 * of a class of its own, and to one artifact; at the end one `up` must make everything right again.
 */
export function brokenSteps(trial: Trial): void {
  const victim = "batch-a";
  const newClass = (name: string) =>
    trial.configure((config) => {
      const group = config["hashistack:groups"].batch;
      if (group) group.nodeClass = name;
    });

  describe("a broken step", () => {
    it("a machine that is down: status says so and ends with 1; up names it", async () => {
      await trial.power("stop", victim);
      const id = await trial.cloudName(victim);
      const said = await until("Nomad's notice of it", 120, async () => {
        const { code, stdout } = await trial.cli("status");
        return code === 1 && stdout.includes(`Nomad node ${id} is down`) ? stdout : undefined;
      });
      expect(said).toContain("Something is wrong:");
      newClass("batch2");
      const error = await trial.failingUp();
      expect(error.failures.map(({ resource }) => resource)).toEqual([`${victim}-apply`]);
      const { privateIpv6 } = (await trial.outputs()).machines[victim] ?? {};
      expect(failureText(error)).toMatch(
        new RegExp(`${victim}-apply: .*cannot connect to ops@\\[${privateIpv6}\\]:22`),
      );
      await trial.power("start", victim);
    });

    it("a daemon that does not start: machine, phase, limit and journal", async () => {
      await trial.python(victim, "cluster/machine/break_nomad.py", { broken: true });
      const error = await trial.failingUp();
      expect(error.failures.map(({ resource }) => resource)).toEqual([`${victim}-apply`]);
      const text = failureText(error);
      expect(text).toMatch(
        new RegExp(`${victim}: apply: phase checks: Nomad's client listens: not so within \\d+ s`),
      );
      expect(text).toContain("  | nomad is broken by a test");
      await trial.python(victim, "cluster/machine/break_nomad.py", { broken: false });
    });

    it("an artifact with another checksum: job, allocation and reason", async () => {
      const path = "cluster/machine/tamper_artifact.py";
      const { was } = await trial.python<{ was: string }>("support-a", path, { name: "index.html" });
      // Only a machine that has not got it yet fetches it.
      trial.configure((config) => {
        config["hashistack:site"] = { instances: 3 };
      });
      const error = await trial.failingUp();
      expect(error.failures.map(({ resource }) => resource)).toContain("website");
      const text = failureText(error);
      expect(text).toMatch(/support-a: nomad_job: job website in namespace website: /);
      expect(text).toMatch(/ {2}\| .*checksum/i);
      await trial.python("support-a", path, { name: "index.html", content: was });
    });

    it("one up makes all of it right, and the next has nothing to do", async () => {
      await trial.up();
      expect(unchanged((await trial.up()).summary)).toBe(true);
      const { code, stdout } = await trial.cli("status");
      expect([code, stdout]).toEqual([
        0,
        expect.stringContaining("website/website (service): 3 of 3 running"),
      ]);
    });
  });
}
