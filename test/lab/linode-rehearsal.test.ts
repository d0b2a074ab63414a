import { expect, test } from "vitest";
import { rehearse } from "../../bench/rehearsal/rehearse";
import { passed, reportText } from "../../bench/rehearsal/report";

/**
 * The production stack on an emulated Linode: up after one that went wrong, looked at, destroyed. One machine in each group, for time's sake; all
 * nine with `npm run rehearse -- prod --whole`.
 */
test("the production stack is played through", { timeout: 1_800_000 }, async () => {
  const report = await rehearse({
    stack: "prod",
    small: true,
    faults: true,
    say: (words) => console.warn(words),
  });
  console.warn(reportText(report));
  expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(passed(report)).toBe(true);
});
