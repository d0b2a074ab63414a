import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout } from "../../../bench/lab";
import type { Ran } from "../../../bench/run";
import { Watch } from "../refusals/watch";
import { Trial } from "../support/trial";
import { brokenSteps } from "./broken";
import { clientsComeAndGo } from "./clients";
import { commandLine } from "./command-line";
import { ending } from "./ending";
import { firstUp, secondUp } from "./first-up";
import { refusals } from "./refusals";
import { secretsAtRest, secretsSaid } from "./secrets";
import { survival } from "./survival";

/** The dev stack, as a user brings it up; all that is tried on it shares this one cluster, in this order. */

const trial = new Trial("dev");

describe("the dev stack", () => {
  let up: Ran;
  let watch: Watch | undefined;

  beforeAll(async () => {
    await trial.open();
    watch = new Watch();
    up = await trial.cli("up", "--json");
    await watch.stop();
    if (up.code !== 0) throw new Error(`the first up: ${up.stderr}`);
  });
  afterAll(() => {
    watch?.end();
    return trial.close();
  });

  it("comes up in one go", () => {
    const { summary } = JSON.parse(up.stdout) as { summary: Record<string, number> };
    expect(summary).toEqual({ create: expect.any(Number) });
  });

  firstUp(trial);
  secondUp(trial);

  it("has the names that are kept of this version, by which a later one will look for it", async () => {
    const { version } = JSON.parse(readFileSync(join(checkout(), "package.json"), "utf8")) as {
      version: string;
    };
    const file = join(checkout(), `test/unit/upgrade/states/${version}-dev.json`);
    const kept = JSON.parse(readFileSync(file, "utf8")) as { urn: string }[];
    const urns = new Set((await trial.state()).map(({ urn }) => urn));
    expect(kept.length).toBeGreaterThan(100);
    expect(kept.map(({ urn }) => urn).filter((urn) => !urns.has(urn))).toEqual([]);
  });
  commandLine(trial);
  refusals(trial);
  secretsAtRest(trial, () => watch as Watch);
  clientsComeAndGo(trial);
  brokenSteps(trial);
  secretsSaid(trial);
  survival(trial);
  ending(trial);
});
