import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pick } from "../../bench/cuts/points";
import { Series } from "../../bench/cuts/series";

/** Cuts of the many that `npm run cuts` makes: some of each run, on one cluster, each where it hurts most. */

const series = new Series("test");

describe("a run that is killed", () => {
  beforeAll(() => series.clear());
  afterAll(() => series.close());

  it.each(
    pick(["up:vault-init-answered", "up:vault-mount", "scale-in:drain", "destroy:machines"], undefined),
  )("$name ($why) is finished by the next; nothing is there twice, nothing is lost", async (point) => {
    const { cut, problems, recovered } = await series.run(point);
    expect(problems).toEqual([]);
    expect(cut?.killed).toBeGreaterThan(3);
    expect(recovered[0]).toContain('Removed the lock that a cut run left on stack "dev"');
  });
});
