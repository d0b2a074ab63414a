import { expect, test } from "vitest";
import { rehearse } from "../../bench/rehearsal/rehearse";
import { passed, reportText } from "../../bench/rehearsal/report";

/**
 * The production stack on an emulated Linode, looked at and destroyed. One machine in each group, for time's sake; all
 * nine with `npm run rehearse -- prod --whole`.
 */
test.each([
  ["after two ups that went wrong, with a certificate from an ACME server", { faults: true, acme: true }],
  ["without public addresses, by StackScripts, with other settings for what lives", { nat: true }],
])("the production stack is played through %s", { timeout: 1_800_000 }, async (_, play) => {
  const report = await rehearse({
    stack: "prod",
    small: true,
    ...play,
    say: (words) => console.warn(words),
  });
  console.warn(reportText(report));
  expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(passed(report)).toBe(true);
});
