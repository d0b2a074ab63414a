import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { deployedIn } from "../../../cli/deployed";
import { CliError } from "../../../cli/errors";
import { main } from "../../../cli/main";
import { announce, look, outdatedMachines, outlookJson, outlookText } from "../../../cli/plan";
import { findWorkspace } from "../../../cli/workspace";
import { parseSettings } from "../../../components/settings/parse";
import { summarise } from "../../../components/summary";
import { goodSettings } from "../settings/stack-files";

/** `hashistack plan` on folders of the tests' own: no engine, no cloud. */

const today = new Date("2026-01-01");
const stack = "prod";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-plan-"));
  writeFileSync(join(root, "Pulumi.yaml"), "name: hashistack\nruntime: nodejs\n");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

const linode = { kind: "linode", region: "nl-ams", image: "private/1" };
/** A month of it: four with backups, and four. */
const atLinode = () => ({
  ...goodSettings(),
  ...{ cloud: linode, adminCidrs: ["203.0.113.7/32"], site: { domain: "www.example.org" } },
});

function write(settings: object): void {
  const config = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`hashistack:${key}`, value]),
  );
  writeFileSync(join(root, `Pulumi.${stack}.yaml`), JSON.stringify({ config }));
}

const MACHINE = "pulumi-hashistack:index:ClusterMachine";
const INSTANCE = "linode:index/instance:Instance";
const RANDOM = "random:index/randomId:RandomId";
const urn = (types: string, name: string) => `urn:pulumi:${stack}::hashistack::${types}::${name}`;

/** A state whose machines were made of these settings. */
function resourcesFrom(settings: object, { withPlan = true } = {}) {
  const plan = summarise(parseSettings(settings));
  const machines = Object.fromEntries(plan.machines.map(({ name, roles }) => [name, { roles }]));
  return [
    {
      urn: urn("pulumi:pulumi:Stack", `hashistack-${stack}`),
      type: "pulumi:pulumi:Stack",
      outputs: withPlan ? { machines, plan: JSON.parse(JSON.stringify(plan)) } : { machines },
    },
    ...plan.machines.flatMap(({ name, size, image, backups }) => [
      {
        ...{ urn: urn(`${MACHINE}$${RANDOM}`, name), type: RANDOM, parent: urn(MACHINE, name) },
        outputs: { hex: `${stack}-${name}-1f` },
      },
      {
        ...{ urn: urn(`${MACHINE}$${INSTANCE}`, name), type: INSTANCE, parent: urn(MACHINE, name) },
        inputs: { type: size, image, backupsEnabled: backups },
      },
    ]),
  ];
}

function writeState(resources: unknown, backend = join(root, ".hashistack/state")): void {
  const file = join(backend, ".pulumi/stacks/hashistack", `${stack}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ version: 3, checkpoint: { latest: { resources } } }));
}

const seen = () => look(findWorkspace(root), stack, today);

describe("what a cluster keeps while it lives", () => {
  const other = () => ({ ...atLinode(), datacenter: "dc2", network: { ipv4: "10.9.0.0/24" } });

  test("is told by its path, to whoever plans and before an up begins", async () => {
    write(other());
    writeState(resourcesFrom(atLinode()));
    const words = [
      "hashistack:network.ipv4 is 10.9.0.0/24, but the cluster was made with 10.1.0.0/24, which it keeps while it lives",
      "hashistack:datacenter is dc2, but the cluster was made with dc1, which it keeps while it lives",
      "Set it back, or end the cluster first: npx hashistack destroy --stack prod",
    ].join("\n");
    await expect(seen()).rejects.toThrow(words);
    await expect(announce(findWorkspace(root), stack, () => undefined)).rejects.toThrow(words);
  });

  test("may be anything where nothing lives, or where nobody kept what it was", async () => {
    write(other());
    expect((await seen()).changes?.added).toHaveLength(8);
    const [ofStack, ...machines] = resourcesFrom(atLinode());
    writeState([ofStack]);
    await seen();
    writeState([...resourcesFrom(atLinode(), { withPlan: false }).slice(0, 1), ...machines]);
    await seen();
  });
});

describe("what is there", () => {
  test("nothing, before the first up", async () => {
    write(atLinode());
    const outlook = await seen();
    expect(outlook.changes?.added).toHaveLength(8);
    expect(outlookText(outlook, stack)).toContain("Since the last up: nothing of it is there yet.");
  });

  test("what the settings say: no change", async () => {
    write(atLinode());
    writeState(resourcesFrom(atLinode()));
    const outlook = await seen();
    expect(outlook.changes).toEqual({
      ...{ added: [], removed: [], changed: [] },
      cost: { currency: "USD", before: 212, after: 212 },
    });
    expect(outlookText(outlook, stack)).toContain("Since the last up: no machine changes.");
  });

  test("in a folder of one's own, where PULUMI_BACKEND_URL has the state", async () => {
    write(atLinode());
    writeState(resourcesFrom(atLinode()), join(root, "elsewhere"));
    vi.stubEnv("PULUMI_BACKEND_URL", `file://${join(root, "elsewhere")}`);
    expect((await seen()).changes).toMatchObject({ added: [], removed: [], changed: [] });
  });

  test("fewer, more and other machines, and what becomes of the cost", async () => {
    writeState(resourcesFrom(atLinode()));
    const settings = atLinode();
    Object.assign(settings.groups.client as object, { keys: ["a", "c"], size: "g6-standard-4" });
    write(settings);
    expect(outlookText(await seen(), stack)).toContain(
      [
        "Since the last up:",
        "  +  client-c  nomad-client (general), g6-standard-4, 48.00",
        "  -  client-b",
        "  ~  client-a  size: g6-standard-2, then g6-standard-4       (once it is made anew)",
        "  212.00, then 260.00 USD a month (+48.00)",
        "  What waits is not changed on a living machine. To make them anew: npx hashistack replace --stack prod --outdated",
      ].join("\n"),
    );
  });

  test("machines of another size or image are those that replace --outdated makes anew", async () => {
    writeState(resourcesFrom(atLinode()));
    const settings = { ...atLinode(), cloud: { ...linode } };
    write(settings);
    expect(await outdatedMachines(findWorkspace(root), stack)).toEqual([]);
    Object.assign(settings.groups.client as object, { size: "g6-standard-4" });
    write(settings);
    expect(await outdatedMachines(findWorkspace(root), stack)).toEqual(["client-a", "client-b"]);
    Object.assign(settings.cloud as object, { image: "private/2" });
    write(settings);
    expect(await outdatedMachines(findWorkspace(root), stack)).toHaveLength(8);
  });

  test("a machine keeps its size though the run after the change wrote another plan", async () => {
    const larger = atLinode();
    Object.assign(larger.groups.edge as object, { size: "g6-standard-4" });
    const [first, ...made] = resourcesFrom(atLinode());
    const [after] = resourcesFrom(larger);
    expect(first).not.toEqual(after);
    writeState([after, ...made]);
    write(larger);
    const { changes } = await seen();
    expect(changes?.changed).toEqual([
      { machine: "edge-a", what: "size", from: "g6-standard-2", to: "g6-standard-4", waits: true },
      { machine: "edge-b", what: "size", from: "g6-standard-2", to: "g6-standard-4", waits: true },
    ]);
  });

  test("a state of before there was a plan in it: sizes and roles", () => {
    expect(deployedIn(resourcesFrom(atLinode(), { withPlan: false }))[0]).toEqual({
      ...{ name: "support-a", roles: ["support"], size: "g6-standard-2", image: "private/1", backups: true },
    });
  });

  test("what is only still to be deleted is not there; OpenStack's machines by flavor and disk", () => {
    const [stackItself, ...rest] = resourcesFrom(atLinode());
    const leaving = rest.map((one) => ({ ...one, delete: true }));
    expect(deployedIn([stackItself, ...leaving].filter((one) => one !== undefined))).toEqual([]);
    const [id] = rest;
    const type = "openstack:compute/instance:Instance";
    const inputs = { flavorName: "m1.small", blockDevices: [{ volumeSize: 20, uuid: "5d5d9f5e" }] };
    const nova = { urn: urn(`${MACHINE}$${type}`, "support-a"), type, inputs };
    expect(deployedIn([id, nova].filter((one) => one !== undefined))).toEqual([
      { name: "support-a", size: "m1.small", image: "5d5d9f5e", volumeGb: 20, backups: false },
    ]);
  });

  test("a state that cannot be read: the plan is told, and that nobody knows what changes", async () => {
    write(atLinode());
    writeState([]);
    writeFileSync(join(root, ".hashistack/state/.pulumi/stacks/hashistack", `${stack}.json`), "{");
    const outlook = await seen();
    expect(outlook.changes).toBeUndefined();
    expect(outlook.unknown).toMatch(/JSON/);
    expect(JSON.parse(outlookJson(outlook))).toMatchObject({ cluster: "dev", changes: null });
    expect(outlookText(outlook, stack)).not.toContain("Since");
  });
});

describe("the command", () => {
  let out: string;
  beforeEach(() => {
    out = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      out += text;
      return true;
    });
  });
  const run = (...words: string[]) => main(["plan", "--cwd", root, "--stack", stack, ...words]);

  test("text for people, without colours; JSON for programs: the stack's output, and what changes", async () => {
    write(atLinode());
    writeState(resourcesFrom(atLinode()));
    expect(await run()).toBe(0);
    expect(out).toMatch(/^Plan of "dev" at linode, nl-ams: 8 machines, 212.00 USD a month\.\n/);
    expect(out).not.toContain("\u001b");
    out = "";
    expect(await run("--json")).toBe(0);
    const { changes, warnings, ...rest } = JSON.parse(out);
    const { warnings: _, ...plan } = JSON.parse(JSON.stringify(summarise(parseSettings(atLinode()))));
    expect(rest).toEqual(plan);
    expect(changes).toMatchObject({ added: [], removed: [], changed: [] });
    expect(warnings).toEqual(expect.any(Array));
  });

  test("what Pulumi.yaml says for all stacks holds where the stack says nothing else", async () => {
    const { name, adminCidrs, ...rest } = atLinode();
    const config = {
      name: { value: "shared" },
      "hashistack:adminCidrs": { default: adminCidrs },
      "hashistack:datacenter": "dc9",
    };
    writeFileSync(join(root, "Pulumi.yaml"), `name: hashistack\nconfig: ${JSON.stringify(config)}\n`);
    write(rest);
    expect(await run()).toBe(0);
    expect(out).toContain('Plan of "shared"');
    write({ ...rest, name: "own" });
    await run();
    expect(out).toContain('Plan of "own"');
  });

  test("a secret that is encrypted where it belongs keeps nobody from a plan", async () => {
    const auth = {
      ...{ issuer: "https://id.example.org", clientId: "hashistack", clientSecret: { secure: "v1:abc" } },
      services: { website: ["staff"] },
    };
    const acme = {
      ...{ email: "ops@example.org", provider: "linode", credential: { token: { secure: "v1:abc" } } },
    };
    write({ ...atLinode(), site: { domain: "www.example.org", ingress: "traefik" }, auth, acme });
    await run();
    expect(out).toContain("Plan of");
    expect(out).not.toContain("v1:abc");
  });

  const refused = async (): Promise<CliError> => {
    const error = await run().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CliError);
    return error as CliError;
  };

  test("what is wrong is said in a sentence, with exit code 2", async () => {
    expect(await refused()).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("there is no Pulumi.prod.yaml"),
    });
    writeFileSync(join(root, "Pulumi.prod.yaml"), "config: {\n  a: [\n");
    expect((await refused()).message).toMatch(/^Pulumi\.prod\.yaml is no YAML: .*, line \d+$/);
    writeFileSync(join(root, "Pulumi.prod.yaml"), "config: [1]\n");
    expect((await refused()).message).toBe("Pulumi.prod.yaml: config must be a mapping");
    write({ ...atLinode(), region: "A B" });
    expect(await refused()).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/^Pulumi\.prod\.yaml:\nregion: /),
    });
    write({ ...atLinode(), adminCidrs: [{ secure: "v1:abc" }] });
    expect((await refused()).message).toBe(
      "Pulumi.prod.yaml: hashistack:adminCidrs is encrypted, and only the engine can read it: the plan cannot be told",
    );
  });

  test("no settings give a stack trace", async () => {
    const values = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(...Object.values(atLinode())));
    const names = fc.constantFrom(...Object.keys(atLinode()), "network", "dns", "prices", "__proto__");
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, values), async (changed) => {
        write({ ...atLinode(), ...changed });
        await run().catch((error: unknown) => expect(error).toBeInstanceOf(CliError));
      }),
      { numRuns: 200 },
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
        writeFileSync(join(root, "Pulumi.prod.yaml"), text);
        await run().catch((error: unknown) => expect(error).toBeInstanceOf(CliError));
      }),
      { numRuns: 200 },
    );
  });
});

describe("what up says before it begins", () => {
  const said = async () => {
    const lines: string[] = [];
    await announce(findWorkspace(root), stack, (line) => lines.push(line));
    return lines.filter((line) => !/^warning: vault/.test(line));
  };

  test("nothing where no machine changes, or the settings are no business of this command", async () => {
    expect(await said()).toEqual([]);
    write({ name: "!" });
    expect(await said()).toEqual([]);
    write(atLinode());
    writeState(resourcesFrom(atLinode()));
    expect(await said()).toEqual([]);
  });

  test("an unwise but legal change: what goes, what it saves, and what to think about", async () => {
    writeState(resourcesFrom(atLinode()));
    const settings = atLinode();
    Object.assign(settings.groups.control as object, { keys: ["a"] });
    Object.assign(settings.groups.edge as object, { keys: ["a"] });
    write(settings);
    expect(await said()).toEqual([
      'Plan of "dev" at linode, nl-ams: 5 machines, 130.00 USD a month.',
      [
        "Since the last up:",
        "  -  control-b",
        "  -  control-c",
        "  -  edge-b",
        "  212.00, then 130.00 USD a month (-82.00)",
      ].join("\n"),
      "warning: control-a is the only server of Consul, Vault and Nomad: no high availability, and the one copy of what they know.",
      "warning: edge-a is the only load balancer: while it is away, nobody reaches the site.",
    ]);
  });
});
