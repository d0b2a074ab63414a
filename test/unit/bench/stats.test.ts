import * as fc from "fast-check";
import { expect, test } from "vitest";
import { figure, growth, median } from "../../../bench/stats";

test("the median does not depend on the order", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeUndefined();
});

test("half of the values are not above the median, half not below", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values) as number;
      expect(values.filter((value) => value <= middle).length * 2).toBeGreaterThanOrEqual(values.length);
      expect(values.filter((value) => value >= middle).length * 2).toBeGreaterThanOrEqual(values.length);
    }),
  );
});

test("a figure counts the runs that have it", () => {
  expect(figure([3, undefined, 1])).toEqual({ median: 2, least: 1, most: 3, runs: 2 });
  expect(figure([undefined])).toBeUndefined();
});

test("a straight line is linear, a parabola is not", () => {
  const at = (value: (count: number) => number) =>
    [10, 100, 500].map((count) => ({ count, value: value(count) }));
  expect(growth(at((count) => 50 + 11 * count))).toEqual({ steps: [11, 11], linear: true });
  expect(growth(at((count) => count ** 2)).linear).toBe(false);
});

test("a step may be dearer within the tolerance only", () => {
  const points = [
    { count: 0, value: 0 },
    { count: 1, value: 10 },
    { count: 2, value: 24 },
  ];
  expect(growth(points).linear).toBe(true);
  expect(growth(points, 1).linear).toBe(false);
});
