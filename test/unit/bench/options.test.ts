import { expect, test } from "vitest";
import { BenchError } from "../../../bench/errors";
import { parseOptions } from "../../../bench/options";

test("without arguments everything is measured once", () => {
  expect(parseOptions([])).toEqual({
    parts: ["floor", "cluster", "ingress", "preview"],
    runs: 1,
    json: false,
    keep: false,
    help: false,
  });
});

test("parts are measured in their own order, however they were named", () => {
  expect(parseOptions(["--only", "preview", "--only=floor", "--only", "floor"]).parts).toEqual([
    "floor",
    "preview",
  ]);
});

test("flags are read", () => {
  expect(parseOptions(["--runs", "3", "--json", "--keep"])).toMatchObject({
    runs: 3,
    json: true,
    keep: true,
  });
  expect(parseOptions(["-h"]).help).toBe(true);
});

test.each([
  [["--only", "roof"], "--only roof: known are floor, cluster, ingress, preview"],
  [["--runs", "0"], "--runs 0: must be 1 to 20"],
  [["--runs", "21"], "--runs 21: must be 1 to 20"],
  [["--runs", "1.5"], "--runs 1.5: must be 1 to 20"],
])("%j is refused in one sentence", (argv, message) => {
  expect(() => parseOptions(argv)).toThrow(new BenchError(message));
});

test.each([[["--fast"]], [["floor"]], [["--runs"]]])("%j is refused", (argv) => {
  expect(() => parseOptions(argv)).toThrow(BenchError);
  expect(() => parseOptions(argv)).toThrow(/^[^\n]+$/);
});
