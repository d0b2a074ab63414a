import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Ran } from "../../../bench/run";
import { Trial } from "../support/trial";
import { brokenSteps } from "./broken";
import { clientsComeAndGo } from "./clients";
import { commandLine } from "./command-line";
import { ending } from "./ending";
import { firstUp, secondUp } from "./first-up";
import { refusals } from "./refusals";
import { secretsAtRest } from "./secrets";
import { survival } from "./survival";

/** The dev stack, as a user brings it up; all that is tried on it shares this one cluster, in this order. */

const trial = new Trial("dev");

describe("the dev stack", () => {
  let up: Ran;

  beforeAll(async () => {
    await trial.open();
    up = await trial.cli("up", "--json");
    if (up.code !== 0) throw new Error(`the first up: ${up.stderr}`);
  });
  afterAll(() => trial.close());

  it("comes up in one go", () => {
    const { summary } = JSON.parse(up.stdout) as { summary: Record<string, number> };
    expect(summary).toEqual({ create: expect.any(Number) });
  });

  firstUp(trial);
  secondUp(trial);
  commandLine(trial);
  refusals(trial);
  secretsAtRest(trial);
  clientsComeAndGo(trial);
  brokenSteps(trial);
  survival(trial);
  ending(trial);
});
