import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab, type LabMachine } from "../../bench/lab";
import { type Ran, run, runAny } from "../../bench/run";
import { nameOf } from "./support/trial";

/**
 * The packages as somebody installs them, in a project that knows nothing of this checkout: programs of that author's are
 * compiled, previewed, and one brought up on local machines, joined to a Consul that others made.
 */

const checkout = resolve(__dirname, "../..");
const lab = new Lab(nameOf("package"));
let home: string;
let sizes: Record<string, number>;

/** Runs a program of the author's project, in one of its folders. */
const there = (program: string, words: string[], folder = "."): Promise<string> =>
  run([join(home, "node_modules/.bin", program), ...words], {
    what: `${program} ${words.join(" ")} in ${folder}`,
    cwd: join(home, folder),
    env: { ...process.env, HASHISTACK_LAB: lab.name },
    timeoutSeconds: 300,
  });

beforeAll(async () => {
  await lab.down();
  home = realpathSync(mkdtempSync(join(tmpdir(), "hashistack-package-")));
  const said = await run(["npm", "run", "--silent", "pack"], {
    what: "npm run pack",
    cwd: checkout,
    timeoutSeconds: 240,
  });
  const packed = said
    .trim()
    .split("\n")
    .filter((file) => !file.includes("policy"));
  // The examples are such programs, too.
  for (const programs of [join(checkout, "examples"), join(__dirname, "package")])
    cpSync(programs, home, { recursive: true });
  const { devDependencies } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
  const { dependencies: labs } = JSON.parse(readFileSync(join(checkout, "lab/package.json"), "utf8"));
  // The versions that are tested here, so that what is in npm's cache serves; the ranges would take newer ones, too.
  const versions = Object.entries({ ...devDependencies, ...labs } as Record<string, string>)
    .filter(([name]) => name.startsWith("@pulumi/") && name !== "@pulumi/policy")
    .map(([name, version]) => `${name}@${version}`);
  const types = ["typescript", "@types/node", "ts-node"].map((name) => `${name}@${devDependencies[name]}`);
  writeFileSync(join(home, "package.json"), '{ "name": "somebody", "private": true }\n');
  const install = ["npm", "install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  await run([...install, ...packed, ...new Set([...versions, ...types])], {
    what: "npm install of the packages",
    cwd: home,
    timeoutSeconds: 300,
  });
  const listed = JSON.parse(
    await run(["npm", "pack", "--dry-run", "--json", "--ignore-scripts", ...packed], {
      what: "npm pack",
      cwd: home,
    }),
  ) as { name: string; unpackedSize: number }[];
  sizes = Object.fromEntries(listed.map(({ name, unpackedSize }) => [name, unpackedSize]));
});

afterAll(async () => {
  await lab.down();
  rmSync(home, { recursive: true, force: true });
});

test("the packages are small, and the library brings nothing of what tests or runs it", () => {
  expect(sizes["pulumi-hashistack"]).toBeLessThan(2_500_000);
  expect(sizes["hashistack-lab"]).toBeLessThan(4_000_000);
  expect(sizes.hashistack).toBeLessThan(600_000);
});

test("programs compile, by the package's own types", async () => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: "node16",
    target: "es2022",
    skipLibCheck: true,
  };
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*/index.ts"] }));
  await there("tsc", ["-p", "."]);
});

describe("a first preview by the engine", () => {
  const preview = async (folder: string): Promise<{ type: string }[]> => {
    await there("hashistack", ["exec", "--", "pulumi", "stack", "init", "dev"], folder);
    const words = ["exec", "--", "pulumi", "preview", "--json", "--stack", "dev"];
    const { steps } = JSON.parse(await there("hashistack", words, folder)) as {
      steps: { newState: { type: string } }[];
    };
    return steps.map(({ newState }) => newState);
  };
  const count = (steps: { type: string }[], type: string) =>
    steps.filter((step) => step.type === type).length;

  // Most of each is the engine's start.
  test.concurrent.each([
    ["own-job", "pulumi-hashistack:index:ClusterMachine", 4],
    ["smallest", "pulumi-hashistack:index:ClusterMachine", 3],
    ["job", "command:remote:Command", 1],
    ["pki", "tls:index/selfSignedCert:SelfSignedCert", 2],
    ["modern", "tls:index/selfSignedCert:SelfSignedCert", 1],
  ])("%s", async (folder, type, times) => {
    expect(count(await preview(folder), type)).toBe(times);
  });
});

describe("a machine of the author's, in a Consul of others", () => {
  let theirs: LabMachine;
  const asTheirs = (...argv: string[]): Promise<Ran> =>
    runAny(lab.argv("exec", "theirs", "--inside", "--", ...argv), { what: "their Consul" });
  const members = async (): Promise<string> => {
    const words = [
      "env",
      "CONSUL_HTTP_TOKEN_FILE=/etc/theirs/management",
      "/opt/hashistack/bin/consul-1.21.0",
      "members",
    ];
    return (await asTheirs(...words)).stdout;
  };

  beforeAll(async () => {
    const key = join(home, "key");
    await run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", key], { what: "ssh-keygen" });
    const publicKey = readFileSync(`${key}.pub`, "utf8").trim();
    theirs = await lab.create({
      firstContact: { user: "ops", authorizedKeys: [publicKey], hostKey: readFileSync(key, "utf8") },
      name: "theirs",
      bake: true,
      network: { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" },
    });
    const script = readFileSync(join(__dirname, "package/theirs.sh"), "utf8");
    const made = await run(
      lab.argv("exec", "theirs", "--inside", "--", "sh", "-s", "--", theirs.privateIpv4),
      {
        what: "making their Consul",
        input: script,
      },
    );
    const told = Object.fromEntries(
      made
        .trim()
        .split("\n")
        .map((line) => line.split(" ", 2)),
    );
    const pem = async (file: string) => (await asTheirs("cat", `/etc/theirs/${file}.pem`)).stdout;
    const certificate = {
      caPem: await pem("consul-agent-ca"),
      certificatePem: await pem("theirs-client-consul-0"),
      keyPem: await pem("theirs-client-consul-0-key"),
    };
    const file = {
      datacenter: "theirs",
      address: theirs.privateIpv4,
      gossipKey: told.gossip,
      token: told.token,
      certificate,
    };
    writeFileSync(join(home, "joined/theirs.json"), JSON.stringify(file), { mode: 0o600 });
  });

  test("joins it, with a certificate of theirs", async () => {
    await there("hashistack", ["up"], "joined");
    expect(await members()).toMatch(/^joined-web-[0-9a-f]{8} .*:8301 +alive +client/m);
  });

  test("stays as it is when nothing is changed", async () => {
    const { summary } = JSON.parse(await there("hashistack", ["up", "--json"], "joined"));
    expect(Object.keys(summary)).toEqual(["same"]);
  });

  test("goes", async () => {
    await there("hashistack", ["destroy"], "joined");
    expect(await lab.machines()).toEqual(["theirs"]);
  });
});
