import { describe, expect, test } from "vitest";
import { rules } from "../../../policy/rules";
import { judge, subjectOf } from "./engine";
import { broken, goodStack, policyConfig, resolved, stackOfVariant } from "./stack";

/** The names of the rules that stop a stack. */
function stoppedBy(stack: ReturnType<typeof goodStack>, name: string, known: boolean): string[] {
  const subjects = resolved(stack, known).map((each) => subjectOf(each, name));
  return rules
    .filter((rule) => {
      const config = (policyConfig as Record<string, object>)[rule.name];
      return judge(rule, subjects, { ...config }).violations.length > 0;
    })
    .map((rule) => rule.name);
}

test("a stack that keeps to the rules passes all of them, at preview and at up", () => {
  expect(stoppedBy(goodStack(), "prod", false)).toEqual([]);
  expect(stoppedBy(goodStack(), "prod", true)).toEqual([]);
});

test("at up nothing is left open, and all but the wanting have something to look at", () => {
  const subjects = resolved(goodStack(), true).map((each) => subjectOf(each, "prod"));
  for (const rule of rules) {
    const config = (policyConfig as Record<string, object>)[rule.name];
    const { applied, undecided } = judge(rule, subjects, { ...config });
    expect([rule.name, applied, undecided]).toEqual([rule.name, true, []]);
  }
});

describe("one unwise change is caught by its own rule, and by no other", () => {
  test("there is one for each rule", () => {
    expect(Object.keys(broken).sort()).toEqual(rules.map(({ name }) => name).sort());
  });

  test.each(Object.entries(broken))("%s", (name, change) => {
    const stack = goodStack();
    change(stack);
    // The same machines and filters: it is the change that makes the difference.
    expect(stoppedBy(stack, stackOfVariant(name), false)).toEqual([name]);
    expect(stoppedBy(stack, stackOfVariant(name), true)).toEqual([name]);
  });
});
