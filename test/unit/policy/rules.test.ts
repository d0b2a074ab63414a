import { describe, expect, test } from "vitest";
import { rules } from "../../../policy/rules";
import { type Case, cases } from "./cases";
import { bundle, jobFile, linode, nomadJob, nova, remote } from "./cases/resources";
import { judge, secret, subjectOf, type Verdict } from "./engine";

test("every rule has cases, and no case is of another", () => {
  expect(Object.keys(cases).sort()).toEqual(rules.map(({ name }) => name).sort());
});

describe.each(rules.map((rule) => [rule.name, rule] as const))("%s", (name, rule) => {
  const own = cases[name] ?? { pass: [], fail: [], unknown: [], notApplicable: [] };
  const judged = ({ resources, stack, config }: Case): Verdict =>
    judge(
      rule,
      resources.map((each) => subjectOf(each, stack)),
      config,
    );

  test.each(own.pass)("passes %#", (one) => {
    expect(judged(one)).toEqual({ violations: [], undecided: [], applied: true });
  });

  test.each(own.fail)("stops %#", (one) => {
    const { violations, undecided } = judged(one);
    expect(one.says).toBeTruthy();
    expect(violations.join("\n")).toContain(one.says);
    expect(undecided).toEqual([]);
  });

  test.each(own.unknown)("says that it does not know yet %#", (one) => {
    const { violations, undecided } = judged(one);
    expect(violations).toEqual([]);
    expect(undecided).not.toEqual([]);
  });

  test.each(own.notApplicable)("is not about %#", (one) => {
    expect(judged(one)).toEqual({ violations: [], undecided: [], applied: false });
  });

  test("passes, fails, and does not know in at least one case each", () => {
    expect([own.pass, own.fail, own.unknown].map(({ length }) => length > 0)).toEqual([true, true, true]);
    expect(own.notApplicable.length > 0 || rule.types === "all").toBe(true);
  });

  test("says what, why and what to do, in sentences", () => {
    for (const sentence of [rule.what, rule.why, rule.remediation]) expect(sentence).toMatch(/^\S.*[.…)]$/);
    expect(rule.name).toMatch(/^[a-z-]+$/);
    expect(Boolean(rule.resource) || Boolean(rule.stack)).toBe(true);
    for (const schema of Object.values(rule.config ?? {})) {
      expect(schema.default).toBeDefined();
      expect(schema.description).toMatch(/\.$/);
    }
  });
});

test("what is no port is refused where ports are set: it would guard none", () => {
  const ports = rules.find(({ name }) => name === "no-open-admin-ports")?.config?.ports;
  const { pattern = "" } = (ports?.items ?? {}) as { pattern?: string };
  const taken = (text: string): boolean => new RegExp(pattern).test(text);
  const usual = (ports?.default ?? []) as string[];
  expect(usual.length).toBeGreaterThan(0);
  expect(usual.filter((text) => !taken(text))).toEqual([]);
  expect(["ssh", "22-", "-22", "22,80", ""].filter(taken)).toEqual([]);
});

test("a message holds nothing of a secret that it is about", () => {
  const secrets = [
    remote({ create: secret('curl -H "X-Vault-Token: canary" -k https://me:canary@198.51.100.2/') }),
    remote({ create: "curl -H 'X-Vault-Token: canary' -k https://198.51.100.2/ -token=canary-of-a-token" }),
    remote({ stdin: secret('job "x" { canary canary') }),
    nomadJob("{ canary", { json: true }),
    bundle(jobFile({ task: 'artifact { source = "https://me:canary@host/a?token=canary" }' })),
    nova({ userData: secret("#cloud-config\npassword: canary-canary\ntoken: canary-canary\n") }),
    linode({ rootPass: "canary-canary" }),
  ];
  const said = secrets.map((one) => rules.flatMap((rule) => judge(rule, [subjectOf(one)]).violations));
  for (const violations of said) {
    expect(violations.length).toBeGreaterThan(0);
    expect(violations.join("\n")).not.toContain("canary");
  }
});
