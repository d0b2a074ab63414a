import { beforeAll, describe, expect, test } from "vitest";
import { jobsIn, jobTypes } from "../../../policy/lib/jobs";
import { appliesTo } from "../../../policy/lib/pack";
import type { Subject } from "../../../policy/lib/rule";
import { rules } from "../../../policy/rules";
import { linodeAnswers, openstackAnswers } from "../clouds/requests";
import { deploy, type Recorded } from "../cluster/deployment";
import { configOf, devStack, separateServers } from "../settings/stack-files";
import { judge, subjectOf } from "./engine";
import { allowed, stackOf, type Unwise, unwise } from "./unwise";

/** The project's own program: as at `up`, where everything is known, and as at the first preview. */

const lower = (name: string) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`;

/** The engine's word for a kind of the mocks. */
function typeOf(kind: string): string {
  const [first = "", ...rest] = kind.split(/[. ]/);
  const name = rest.at(-1) ?? "";
  if (first === "provider") return `pulumi:providers:${name}`;
  if (rest.length === 0) return `pulumi-hashistack:index:${first}`;
  if (name === "Command") return `command:${first}:Command`;
  return `${first}:${rest.length > 1 ? rest[0] : "index"}/${lower(name)}:${name}`;
}

/** A whole program is run, perhaps beside many others, in milliseconds. */
const patience = 60_000;

/** A resource's id is unique among its kind only: the parent is told by it. */
function subjectsOf(resources: readonly Recorded[], stack: string): Subject[] {
  return resources.map((one) => ({
    ...subjectOf({ type: typeOf(one.kind), name: one.name, props: one.inputs, protect: one.protect }, stack),
    urn: one.id,
    parent: one.parent,
    // The mocks do not say of what each property was made: of all that comes before it, then.
    from: Object.fromEntries(Object.keys(one.inputs).map((path) => [path, one.dependencies])),
  }));
}

test(
  "what a stack may ask for besides keeps to every rule",
  async () => {
    const acme = {
      ...{ email: "ops@example.org", provider: "linode", credential: { token: "t" } },
    };
    const config = { ...configOf(devStack), "hashistack:acme": JSON.stringify(acme) };
    const up = subjectsOf((await deploy(config)).resources, "dev");
    expect(up.flatMap((subject) => jobsIn(subject)).map(({ id }) => id)).toContain("acme");
    for (const rule of rules) {
      const { violations, undecided } = judge(rule, up);
      expect([rule.name, violations, undecided]).toEqual([rule.name, [], []]);
    }
  },
  patience,
);

describe.each([
  ["dev", devStack],
  ["separate servers", separateServers],
])("%s", (_, file) => {
  let up: Subject[];
  let preview: Subject[];
  beforeAll(async () => {
    up = subjectsOf((await deploy(configOf(file))).resources, "dev");
    preview = subjectsOf((await deploy(configOf(file), true)).resources, "dev");
  }, patience);

  test("keeps to every rule when all is known", () => {
    for (const rule of rules) {
      const { violations, undecided } = judge(rule, up);
      expect([rule.name, violations, undecided]).toEqual([rule.name, [], []]);
    }
  });

  test("raises no false alarm at the first preview", () => {
    for (const rule of rules) expect([rule.name, judge(rule, preview).violations]).toEqual([rule.name, []]);
  });

  test("rules of the clouds are not about local machines; the others have something to look at", () => {
    const idle = rules.filter((rule) => !judge(rule, up).applied).map(({ name }) => name);
    expect(idle.sort()).toEqual([
      "budget",
      "default-drop",
      "dns-owner",
      "dynamic-ports-inside",
      "images-pinned",
      "machines-behind-firewall",
      "names-valid",
      "no-open-admin-ports",
      "no-public-address",
      "no-root-password",
      "pet-backed-up",
      "pet-protected",
      "regions",
      "user-data-clean",
    ]);
  });

  test("its jobs are seen in what commands are told", () => {
    const jobs = up
      .filter(({ type }) => (jobTypes as readonly string[]).includes(type))
      .flatMap((one) => jobsIn(one));
    expect(jobs.map(({ id, namespace }) => [id, namespace])).toEqual([
      ["ingress", "ingress"],
      ["website", "website"],
    ]);
    for (const { tasks } of jobs) {
      expect(tasks).toHaveLength(1);
      for (const { artifacts, driver } of tasks) {
        expect(driver).toBe("exec");
        expect(artifacts.length).toBeGreaterThan(0);
        for (const { checksum } of artifacts) expect(checksum).toMatch(/^sha256:/);
      }
    }
  });
});

describe.each([
  ["prod, at Linode", "Pulumi.prod.yaml", { answers: linodeAnswers }],
  [
    "campus, on OpenStack",
    "examples/openstack/Pulumi.campus.yaml",
    { answers: openstackAnswers, program: () => import("../../../examples/openstack/index.js") },
  ],
] as const)("%s", (_, file, elsewhere) => {
  let up: Subject[];
  let preview: Subject[];
  beforeAll(async () => {
    up = subjectsOf((await deploy(configOf(file), false, elsewhere)).resources, "prod");
    preview = subjectsOf((await deploy(configOf(file), true, elsewhere)).resources, "prod");
  }, patience);

  const stopped = (subjects: Subject[]) =>
    rules.filter((rule) => judge(rule, subjects).violations.length > 0).map(({ name }) => name);

  test("keeps to every rule when all is known, and raises no other alarm at the first preview", () => {
    expect(stopped(up)).toEqual([]);
    expect(stopped(preview)).toEqual([]);
    for (const rule of rules) expect([rule.name, judge(rule, up).undecided]).toEqual([rule.name, []]);
  });

  test("is looked at by all rules of the clouds", () => {
    const wanting = ["budget", "regions"];
    const idle = rules.filter((rule) => !judge(rule, up).applied).map(({ name }) => name);
    expect(idle.filter((name) => !wanting.includes(name))).toEqual(
      file.includes("openstack") ? ["pet-backed-up"] : [],
    );
  });
});

describe("one unwise change of the production stack is caught by its own rule, and by no other", () => {
  let stack: readonly Recorded[];
  beforeAll(async () => {
    stack = (await deploy(configOf("Pulumi.prod.yaml"), false, { answers: linodeAnswers })).resources;
  }, patience);

  const changed = ({ type, name, props = {}, protect, besides }: Unwise): readonly Recorded[] => {
    if (besides) {
      const like = stack.find((one) => typeOf(one.kind) === type);
      if (!like) throw new Error(`the stack has no ${type}`);
      return [...stack, { ...like, id: `${like.kind} ${name}`, name }];
    }
    const found = stack.findIndex((one) => typeOf(one.kind) === type && one.name === name);
    const one = stack[found];
    if (!one) throw new Error(`the stack has no ${type} ${name}`);
    const entries = Object.entries({ ...one.inputs, ...props }).filter(([, value]) => value !== null);
    return stack.with(found, {
      ...{ ...one, inputs: Object.fromEntries(entries) },
      protect: protect ?? one.protect,
    });
  };
  const stopped = (resources: readonly Recorded[], name: string) => {
    const subjects = subjectsOf(resources, name);
    const configured = allowed as Record<string, Record<string, unknown>>;
    return rules
      .filter((rule) => judge(rule, subjects, configured[rule.name]).violations.length > 0)
      .map((rule) => rule.name);
  };

  test("there is one for each rule, and without it nothing is amiss", () => {
    expect(Object.keys(unwise).sort()).toEqual(rules.map(({ name }) => name).sort());
    expect(stopped(stack, "prod")).toEqual([]);
  });

  test.each(Object.entries(unwise))("%s", (name, change) => {
    expect(stopped(changed(change), stackOf(name))).toEqual([name]);
  });
});

test("a rule about all types is about each", () => {
  for (const rule of rules.filter(({ types }) => types === "all"))
    expect(appliesTo(rule, "any:index:Thing")).toBe(true);
});
