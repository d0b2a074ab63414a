import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drills } from "../../../bench/drills/cases";
import { missesOf, type Outcome } from "../../../bench/drills/drill";
import type { Tally } from "../../../bench/drills/ledger";
import { parseOptions } from "../../../bench/drills/options";
import { drillsPage, drillsText, type Kept, merged } from "../../../bench/drills/report";
import { BenchError } from "../../../bench/errors";
import { checkout } from "../../../bench/lab";

const well = (sent: number): Tally => ({ sent, failed: 0, firstFailed: 0, causes: {}, longestMs: 9 });

const outcome = (name: string, more: Partial<Outcome> = {}): Outcome => ({
  ...{ name, what: `${name} happens`, at: "2026-11-23T10:00:00.000Z", awaySeconds: 0, healthySeconds: 4.23 },
  ...{ visitors: well(400), once: well(400), writes: well(80), jobs: well(4) },
  ...{ lost: [], notRun: [], misses: [] },
  ...more,
});

const kept = (versions: Record<string, string>, ...outcomes: Outcome[]): Kept => ({
  versions,
  host: { cores: 2, memoryMb: 24_105, kernel: "6.1", node: "v20.1.0" },
  outcomes,
});

describe("the aims", () => {
  test("are reached when nothing failed for good", () => {
    expect(missesOf(outcome("a", { once: { ...well(400), failed: 12, firstFailed: 12 } }))).toEqual([]);
  });

  test.each<[string, Partial<Outcome>, string]>([
    [
      "a visit that failed",
      { visitors: { ...well(400), failed: 2, causes: { "status 502": 2 } } },
      "2 of 400 visits failed although they were tried again (2 status 502).",
    ],
    [
      "a write that failed",
      { writes: { ...well(80), failed: 1, causes: { silent: 1 } } },
      "1 of 80 writes failed although they were tried again (1 silent).",
    ],
    ["a write that is lost", { lost: ["drills/a-1"] }, "1 acknowledged writes are lost (drills/a-1, …)."],
    ["a job that did not run", { notRun: ["drills-a-1"] }, "1 accepted jobs did not run (drills-a-1, …)."],
    [
      "a load that was none",
      { visitors: well(0) },
      "There were no visits at all, so nothing is known of them.",
    ],
  ])("are missed by %s", (_, more, miss) => expect(missesOf(outcome("a", more))).toEqual([miss]));

  test("an excuse covers who could not be served, and never a lost write", () => {
    const excused = { who: ["visitors", "writes"] as const, why: "all is off" };
    const failed = { ...well(400), failed: 400, causes: { ECONNREFUSED: 400 } };
    expect(missesOf(outcome("a", { excused, visitors: failed, writes: failed }))).toEqual([]);
    expect(missesOf(outcome("a", { excused, visitors: failed, lost: ["x"] }))).toHaveLength(1);
    expect(missesOf(outcome("a", { excused, jobs: failed }))).toHaveLength(1);
  });
});

describe("what is kept", () => {
  const former = kept({ vault: "1" }, outcome("a", { awaySeconds: 1 }), outcome("b", { awaySeconds: 1 }));

  test("new outcomes take the place of the former ones of the same drills", () => {
    const now = kept({ vault: "1" }, outcome("b", { awaySeconds: 2 }));
    const away = merged(former, now, ["b", "a"]).outcomes.map(({ name, awaySeconds }) => [name, awaySeconds]);
    expect(away).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
  });

  test("outcomes of other versions, and of drills that are no more, go", () => {
    expect(merged(former, kept({ vault: "2" }, outcome("b")), ["a", "b"]).outcomes).toHaveLength(1);
    expect(merged(former, kept({ vault: "1" }), ["a"]).outcomes).toHaveLength(1);
    expect(merged(undefined, former, ["a", "b"]).outcomes).toHaveLength(2);
  });

  test("a program that is new changes nothing for the others", () => {
    const now = kept({ vault: "1", traefik: "3" }, outcome("b"));
    expect(merged(former, now, ["a", "b"]).outcomes.map(({ name }) => name)).toEqual(["a", "b"]);
  });
});

test("the table has a row for each, and says what was missed", () => {
  const bad = outcome("b", { misses: ["Something failed."], healthySeconds: undefined, lost: ["x"] });
  const text = drillsText([outcome("a"), bad]);
  expect(text).toMatch(/^a +0 of 400 +0 of 400 +0 of 80 +0 of 80 +0 +0 of 4 +4\.2 s$/m);
  expect(text).toMatch(/^b .* 1 .* never$/m);
  expect(text).toContain("Missed:\n  b: Something failed.");
  expect(drillsText([outcome("a")])).toContain("All aims were reached.");
});

test("docs/drills.md is what the kept outcomes make of it", () => {
  const data = join(checkout(), "docs/drills.json");
  const page = drillsPage(JSON.parse(readFileSync(data, "utf8")) as Kept);
  expect(readFileSync(join(checkout(), "docs/drills.md"), "utf8")).toBe(page);
});

describe("what is typed", () => {
  const known = drills.map(({ name }) => name);

  test("without arguments all drills are done", () => {
    expect(parseOptions([], known)).toEqual({
      ...{ only: known, separate: false, ingress: "fabio" },
      ...{ list: false, keep: false, write: false, json: false, help: false },
    });
  });

  test("chosen ones are done in the table's order, however they were named", () => {
    const { only, write } = parseOptions(
      ["--only", "stop-all,kill-nginx", "--only=power-edge", "--write"],
      known,
    );
    expect([only, write]).toEqual([["kill-nginx", "power-edge", "stop-all"], true]);
  });

  test("one that is not there is refused in one sentence", () => {
    const message = "--only kill-everything: there is no such drill; --list names them";
    expect(() => parseOptions(["--only", "kill-everything"], known)).toThrow(new BenchError(message));
    expect(() => parseOptions(["--fast"], known)).toThrow(BenchError);
  });

  test("the page keeps what came of the default ingress; another is named, and one that is none is refused", () => {
    expect(parseOptions(["--ingress", "traefik"], known).ingress).toBe("traefik");
    expect(() => parseOptions(["--ingress=traefik", "--write"], known)).toThrow("--write keeps the outcomes");
    expect(() => parseOptions(["--ingress", "nginx"], known)).toThrow(
      "--ingress nginx: known are fabio, traefik",
    );
  });

  test("names are words of their own, and every drill says what happens", () => {
    expect(new Set(known).size).toBe(known.length);
    for (const { name, what, limitSeconds } of drills) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/);
      expect(what.length).toBeGreaterThan(10);
      expect(limitSeconds).toBeGreaterThan(0);
    }
  });
});
