import { describe, expect, test } from "vitest";
import {
  acknowledged,
  causesText,
  type Entry,
  healthySince,
  lastTrouble,
  tally,
  within,
} from "../../../bench/drills/ledger";

const entry = (at: number, ms: number, more: Partial<Entry> = {}): Entry => ({
  ...{ load: "load", at, ms, ok: true, tries: 1 },
  ...more,
});

test("what was under way at any moment of a window falls to it", () => {
  const entries = [
    entry(0, 50),
    entry(90, 10),
    entry(95, 200),
    entry(150, 1),
    entry(199, 500),
    entry(200, 1),
  ];
  expect(within(entries, { from: 100, to: 200 }).map(({ at }) => at)).toEqual([90, 95, 150, 199]);
});

test("a tally counts what failed in the end, what failed at first, and why", () => {
  const seen = tally([
    entry(0, 10),
    entry(0, 30, { tries: 2, why: "ECONNRESET" }),
    entry(0, 20, { ok: false, why: "status 502" }),
    entry(0, 20, { ok: false, tries: 2, why: "silent" }),
    entry(0, 20, { ok: false, tries: 9, why: "silent" }),
  ]);
  expect(seen).toEqual({
    sent: 5,
    failed: 3,
    firstFailed: 4,
    causes: { silent: 2, "status 502": 1 },
    longestMs: 30,
  });
  expect(causesText(seen.causes)).toBe("2 silent, 1 status 502");
  expect(tally([])).toEqual({ sent: 0, failed: 0, firstFailed: 0, causes: {}, longestMs: 0 });
});

test("only what was acknowledged can be lost", () => {
  expect(
    acknowledged([entry(0, 1, { key: "a" }), entry(0, 1, { key: "b", ok: false }), entry(0, 1)]),
  ).toEqual(["a"]);
});

test("the last trouble is the end of the last request that did not go well at once", () => {
  expect(lastTrouble([entry(0, 10, { ok: false }), entry(5, 100, { tries: 2 }), entry(500, 1)])).toBe(105);
  expect(lastTrouble([entry(0, 10)])).toBeUndefined();
});

describe("healthy since", () => {
  const looks = (...sick: boolean[]) =>
    sick.map((is, index) => ({ at: 10 * index, problems: is ? ["Vault is sealed."] : [] }));

  test.each<[boolean[], number | undefined]>([
    [[], undefined],
    [[true], undefined],
    [[false], 0],
    [[false, true, false, false], 20],
    [[false, false, true], undefined],
  ])("%j: %s", (sick, since) => expect(healthySince(looks(...sick))).toBe(since));
});
