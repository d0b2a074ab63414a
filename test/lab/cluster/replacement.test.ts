import { afterAll, beforeAll, describe } from "vitest";
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

  replacement(trial);
  ending(trial);
});
