import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checked, check } from "../../policy/run/check";
import { report } from "../../policy/run/main";
import { broken, goodStack, policyConfig, stackOfVariant } from "../unit/policy/stack";
import { allowed, unwise } from "../unit/policy/unwise";

/** The pack in the real engine: on the project's own program, and on a stack of Linode of which each rule has a broken variant. */

const checkout = resolve(__dirname, "../..");

/** Makes what a file describes. An id stays unknown until the resource is made, as those of a cloud. */
const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const SECRET = "4dabf18193072939515e22adb298388d";
const made = new Map();
const input = (value) => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(input);
  if ("$id" in value) return made.get(value.$id).id;
  if (SECRET in value) return pulumi.secret(input(value.value));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, input(each)]));
};
for (const { type, name, props, protect } of require("./stack.json")) {
  made.set(name, new pulumi.CustomResource(type, name, input(props ?? {}), { protect }));
}
`;

/** The project's own program, of which what a file says is set: as somebody's edit of it would. */
const UNWISE = `
const pulumi = require("@pulumi/pulumi");
const SECRET = "4dabf18193072939515e22adb298388d";
const input = (value) =>
  value !== null && typeof value === "object" && SECRET in value ? pulumi.secret(value.value) : (value ?? undefined);
const changes = require("./stack.json");
pulumi.runtime.registerStackTransformation(({ type, name, props, opts }) => {
  const mine = changes.filter((one) => !one.besides && one.type === type && one.name === name);
  if (mine.length === 0) return undefined;
  const set = mine.flatMap((one) => Object.entries(one.props ?? {}).map(([key, value]) => [key, input(value)]));
  const protect = mine.find((one) => one.protect !== undefined)?.protect ?? opts.protect;
  return { props: { ...props, ...Object.fromEntries(set) }, opts: { ...opts, protect } };
});
for (const { type, name } of changes.filter((one) => one.besides)) new pulumi.ComponentResource(type, name);
require(${JSON.stringify(join(checkout, "dist/index.js"))});
`;

/** A provider that takes everything: rules are tried here, not a cloud's own checks. */
const PROVIDER = `#!/usr/bin/env node
const { main } = require(${JSON.stringify(join(checkout, "node_modules/@pulumi/pulumi/provider"))});
main({
  version: "1.0.0",
  check: async (urn, olds, news) => ({ inputs: news, failures: [] }),
  create: async (urn, inputs) => ({ id: "1", outs: inputs }),
}, process.argv.slice(2));
`;

let root: string;
const forced = ["linode", "tls", "command"];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-policy-test-"));
  const providers = join(root, "providers");
  mkdirSync(providers);
  for (const name of [...forced, "nomad"]) {
    const path = join(providers, `pulumi-resource-${name}`);
    writeFileSync(path, PROVIDER);
    chmodSync(path, 0o755);
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Makes a project of a program and what it reads. */
function project(name: string, program: string, stack: string, resources?: unknown): string {
  const folder = join(root, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(join(folder, "Pulumi.yaml"), "name: project\nruntime: nodejs\nmain: index.js\n");
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  writeFileSync(join(folder, `Pulumi.${stack}.yaml`), "config: {}\n");
  writeFileSync(join(folder, "index.js"), program);
  if (resources) writeFileSync(join(folder, "stack.json"), JSON.stringify(resources));
  symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function config(values: unknown): string {
  const file = join(root, "config.json");
  writeFileSync(file, JSON.stringify(values));
  return file;
}

const rulesOf = ({ said }: Checked, kind: string): string[] =>
  [...new Set(said.filter((one) => one.kind === kind).map(({ rule }) => rule))].sort();

describe("a stack of somebody else's", () => {
  const providers = () => join(root, "providers");
  const held = (resources: unknown, stack = "prod", values: unknown = policyConfig): Promise<Checked> =>
    check({
      stack,
      cwd: project("linode", PROGRAM, stack, resources),
      config: config(values),
      env: { ...process.env, PATH: [providers(), process.env.PATH].join(delimiter) },
    });

  beforeAll(() => {
    for (const name of forced)
      process.env[`HASHISTACK_PLUGIN_${name.toUpperCase()}`] = join(providers(), `pulumi-resource-${name}`);
  });
  afterAll(() => {
    for (const name of forced) delete process.env[`HASHISTACK_PLUGIN_${name.toUpperCase()}`];
  });

  it("passes when it keeps to the rules; what is not known yet is said, and stops nothing", async () => {
    const checked = await held(goodStack());
    expect(rulesOf(checked, "mandatory")).toEqual([]);
    expect(rulesOf(checked, "undecided")).toEqual(["no-clear-secrets"]);
    expect(checked.passed).toBe(true);
  });

  // Every rule's variant is tried without the engine (test/unit/policy), and in one run of it on the project's own program
  // below. Here are one of each level that rules look at: a resource, the stack, what no provider lets through below.
  it.each(["no-open-admin-ports", "servers-spread", "no-root-password"])(
    "is stopped by one unwise change: %s",
    async (rule) => {
      const stack = goodStack();
      broken[rule]?.(stack);
      const checked = await held(stack, stackOfVariant(rule));
      expect(rulesOf(checked, "mandatory")).toEqual([rule]);
      expect(checked.passed).toBe(false);
      expect(report("prod", checked)).toContain(`mandatory  ${rule}\n    `);
      expect(report("prod", checked)).toMatch(/\n {4}why: .+\n {4}do: .+\n/);
      expect(report("prod", checked)).toMatch(/^stack "prod" does not pass: \d+ violation/m);
    },
  );

  it("warns only, or says nothing, where the user wants it so", async () => {
    const stack = goodStack();
    broken["no-open-admin-ports"]?.(stack);
    broken["no-root-password"]?.(stack);
    const mild = await held(stack, "prod", { all: "advisory", "no-root-password": "disabled" });
    expect(rulesOf(mild, "advisory")).toEqual(["no-open-admin-ports"]);
    expect(mild.passed).toBe(true);
    const strict = await held(stack, "prod", { all: "disabled", "no-root-password": "mandatory" });
    expect(rulesOf(strict, "mandatory")).toEqual(["no-root-password"]);
    expect(strict.passed).toBe(false);
  });

  it("is told when its configuration is none", async () => {
    await expect(held(goodStack(), "prod", { budget: { monthlyLimit: "much" } })).rejects.toThrow();
  });
});

describe("what only `up` knows", () => {
  const program = (end: string) => `
const command = require("@pulumi/command");
const first = new command.local.Command("first", { create: "echo ${end}" });
new command.local.Command("second", { create: first.stdout.apply((said) => "touch made; echo curl " + said) });
`;

  it("is said at preview, and decided at up before the resource is made", async () => {
    const cwd = project("later", program("-k https://198.51.100.2"), "dev");
    const preview = await check({ stack: "dev", cwd });
    expect(preview.passed).toBe(true);
    expect(preview.said).toContainEqual(
      expect.objectContaining({
        rule: "tls-verified",
        kind: "undecided",
        message: expect.stringContaining("second create"),
      }),
    );
    const up = await check({ stack: "dev", cwd, up: true });
    expect(up.passed).toBe(false);
    expect(rulesOf(up, "undecided")).toEqual([]);
    expect(up.said).toContainEqual({
      rule: "tls-verified",
      kind: "mandatory",
      resource: "second",
      message: expect.stringContaining("create switches verification off: curl -k"),
    });
    expect(existsSync(join(cwd, "made"))).toBe(false);
  });

  it("passes where it is as it should be", async () => {
    const cwd = project("later", program("--cacert ca.pem https://198.51.100.2"), "dev");
    const up = await check({ stack: "dev", cwd, up: true });
    expect(up.said).toEqual([]);
    expect(up.passed).toBe(true);
    expect(existsSync(join(cwd, "made"))).toBe(true);
  });
});

describe("the project's own program", () => {
  it("keeps to all rules on local machines, without one being made and without root", async () => {
    const checked = await check({ stack: "dev", cwd: checkout });
    expect(checked.said.filter(({ kind }) => kind !== "undecided")).toEqual([]);
    expect(checked.passed).toBe(true);
    expect(checked.resources).toBeGreaterThan(100);
  });

  it("keeps to all rules at Linode", async () => {
    const checked = await check({ stack: "prod", cwd: checkout, rehearse: true });
    expect(rulesOf(checked, "mandatory")).toEqual([]);
    expect(rulesOf(checked, "advisory")).toEqual([]);
    expect(checked.resources).toBeGreaterThan(150);
  });

  it("is stopped at Linode by every unwise change, each by its own rule", async () => {
    // All at once, in the stack that does not own the domain: an engine's run for each would take minutes. A root password
    // the rehearsal's provider refuses before any rule is asked; it is tried with the others above.
    const { "no-root-password": _, ...changes } = unwise;
    const cwd = project("unwise", UNWISE, "blue", Object.values(changes));
    copyFileSync(join(checkout, "Pulumi.prod.yaml"), join(cwd, "Pulumi.blue.yaml"));
    writeFileSync(join(cwd, "Pulumi.yaml"), "name: hashistack\nruntime: nodejs\nmain: index.js\n");
    const checked = await check({ stack: "blue", cwd, rehearse: true, config: config(allowed) });
    expect(checked.passed).toBe(false);
    expect(rulesOf(checked, "mandatory")).toEqual(Object.keys(changes).sort());
    const said = report("blue", checked);
    for (const rule of Object.keys(changes)) expect(said).toContain(`mandatory  ${rule}\n    `);
    expect(said).not.toMatch(/hunter22|6f9619ff|MHcCAQEEIA/);
  });

  it("says in a sentence that there are no settings of a stack", async () => {
    await expect(check({ stack: "nowhere", cwd: checkout })).rejects.toThrow(/has no Pulumi\.nowhere\.yaml/);
  });
});

describe("the pack alone", () => {
  it("starts from what is published, as Pulumi's language host starts it", async () => {
    const packed = spawnSync("npm", ["pack", "--silent", "--pack-destination", root], {
      cwd: join(checkout, "policy"),
      encoding: "utf8",
    });
    expect(packed.status, packed.stderr).toBe(0);
    const folder = join(root, "package");
    expect(spawnSync("tar", ["-xzf", join(root, packed.stdout.trim()), "-C", root]).status).toBe(0);
    symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
    const host = join(checkout, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
    const served = spawn(
      process.execPath,
      ["-e", `require(${JSON.stringify(host)})`, "x", "127.0.0.1:1", "."],
      {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let said = "";
    served.stderr.on("data", (text) => (said += String(text)));
    try {
      // The first word of a plugin is its port.
      const [first] = await Promise.race([
        once(served.stdout, "data"),
        once(served, "exit").then(() => [""]),
      ]);
      expect(String(first), said).toMatch(/^\d+\n$/);
    } finally {
      served.kill();
    }
  }, 120_000);
});
