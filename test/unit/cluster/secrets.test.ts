import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test, vi } from "vitest";
import { configOf, devStack } from "../settings/stack-files";
import {
  bundleOf,
  canary,
  type Deployment,
  deploy,
  inClear,
  isSecret,
  opened,
  resourceOf,
} from "./deployment";

/** Everything that was derived from the seed: tokens, gossip keys, logins. */
const derived = vi.hoisted(() => new Map<string, string>());
vi.mock("../../../components/secrets/derive", async (original) => {
  const real = await original<typeof import("../../../components/secrets/derive")>();
  const noted =
    (derive: (seed: string, label: string, bytes?: number) => string) =>
    (seed: string, label: string, bytes?: number) => {
      const value = derive(seed, label, bytes);
      derived.set(value, label);
      return value;
    };
  return {
    hexKey: noted(real.hexKey),
    base64Key: noted(real.base64Key),
    uuidToken: noted((seed, label) => real.uuidToken(seed, label)),
  };
});

let deployment: Deployment;
beforeAll(async () => {
  deployment = await deploy(configOf(devStack));
});

const commands = () => deployment.resources.filter(({ kind }) => kind.endsWith(".Command"));

const command = (name: string) => resourceOf(deployment, `remote.Command ${name}`);

/** What of a text is secret, in words. */
function secretsIn(text: string): string[] {
  const made = text.match(new RegExp(`${canary}-[a-z0-9-]+`, "g")) ?? [];
  const found = [...derived].filter(([value]) => text.includes(value)).map(([, label]) => label);
  return [...new Set([...made, ...found])];
}

const value = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));

test("the search would find every secret: each travels somewhere, marked as one", () => {
  const travelling = secretsIn(JSON.stringify(deployment.resources.map(({ inputs }) => opened(inputs))));
  expect(derived.size).toBeGreaterThan(30);
  expect([...derived.values()].filter((label) => !travelling.includes(label))).toEqual([]);
  expect(travelling).toEqual(
    expect.arrayContaining([
      "consul/gossip",
      "consul/token/management",
      "nomad/management",
      "unsealer/transit",
      "vault/approle/secret",
      `${canary}-openssh-login`,
      `${canary}-openssh-client-a-host`,
      `${canary}-openssh-client-a-first`,
      `${canary}-pem-consul-issuing`,
    ]),
  );
});

test("no secret lies in the clear: not in an input, a name, or what a component says of itself", () => {
  const clear = deployment.resources.map(({ id, name, inputs, outputs }) => ({
    id,
    secrets: secretsIn(JSON.stringify([name, inClear(inputs), inClear(outputs ?? {})])),
  }));
  expect(clear.filter(({ secrets }) => secrets.length > 0)).toEqual([]);
});

test("no secret is in a command line, in the environment or in a trigger", () => {
  for (const { id, inputs } of commands()) {
    const { create, update, delete: remove, triggers, environment, interpreter } = inputs;
    const seen = opened([create, update, remove, triggers, interpreter]);
    expect(secretsIn(JSON.stringify(seen)), id).toEqual([]);
    expect(environment, id).toBeUndefined();
    expect(inputs.addPreviousOutputInEnv, id).toBe(false);
    expect(inputs.logging, id).toBe("none");
  }
});

test("what commands are told, how they get there and what they answer is secret", () => {
  expect(commands().length).toBeGreaterThan(40);
  for (const { id, kind, inputs, secretOutputs } of commands()) {
    expect(isSecret(inputs.stdin), id).toBe(true);
    if (kind === "local.Command") continue;
    expect(isSecret(inputs.connection), id).toBe(true);
    expect(secretOutputs, id).toEqual(expect.arrayContaining(["stdout", "stderr"]));
  }
});

test("private keys, the seed and what a plugin was told of them are secret in the state", () => {
  const outputsOf = (kind: string) =>
    deployment.resources.filter((each) => each.kind === kind).map((each) => each.secretOutputs);
  for (const secretOutputs of outputsOf("tls.PrivateKey")) {
    expect(secretOutputs).toEqual(expect.arrayContaining(["privateKeyPem", "privateKeyOpenssh"]));
  }
  expect(outputsOf("random.RandomPassword")).toEqual([expect.arrayContaining(["result"])]);
});

test("root keys sign and go nowhere; issuing keys go to support alone", () => {
  const holders = (what: string) =>
    deployment.resources
      .filter(
        ({ inputs }) =>
          JSON.stringify(opened(inputs)).includes(`${canary}-pem-${what}"`) ||
          JSON.stringify(opened(inputs)).includes(`${canary}-pem-${what}\\`),
      )
      .map(({ id }) => id);
  for (const service of ["consul", "vault", "nomad", "support"]) {
    expect(holders(`${service}-root`)).toEqual([
      `tls.LocallySignedCert ${service}-issuing`,
      `tls.SelfSignedCert ${service}-root`,
    ]);
    expect(holders(`${service}-issuing`)).toEqual([
      "remote.Command support-a-apply",
      `tls.CertRequest ${service}-issuing`,
    ]);
  }
});

test("each machine is told its own secrets and no other machine's", () => {
  const machines = deployment.resources.flatMap(({ kind, name }) => (kind === "local.Command" ? [name] : []));
  for (const machine of machines.filter((name) => !name.startsWith("support-"))) {
    const told = secretsIn(JSON.stringify(bundleOf(command(`${machine}-apply`))));
    const others = machines.filter((name) => name !== machine);
    expect(told, machine).toContain("consul/gossip");
    expect(
      told.filter((label) =>
        others.some((other) => label.includes(`-${other}-`) || label.endsWith(`-${other}`)),
      ),
      machine,
    ).toEqual([]);
  }
});

test("a client is told no management token and no key of the servers' gossip", () => {
  const told = secretsIn(JSON.stringify(bundleOf(command("client-a-apply")))).map((label) =>
    label.replace(/dev-client-a-.*/, "…"),
  );
  expect(told.sort()).toEqual([
    "consul/gossip",
    "consul/token/agent/…",
    "consul/token/dns",
    "consul/token/nomad-client/…",
    "signer/…",
  ]);
});

test("a job's file and variables hold no secret: whoever may read the job reads them", () => {
  const jobs = deployment.resources.filter(({ kind }) => kind === "NomadJob");
  expect(jobs.map(({ name }) => name)).toEqual(["ingress", "website"]);
  for (const { name } of jobs) {
    const { input } = bundleOf(command(name));
    expect(input.hcl, name).toContain(`job "${name}"`);
    expect(secretsIn(JSON.stringify([input.hcl, input.variables])), name).toEqual([]);
  }
});

test("the stack's outputs: logins and keys are secret, and nothing else needs to be", async () => {
  const secrets: string[] = [];
  for (const [name, exported] of Object.entries(deployment.outputs)) {
    const output = pulumi.output(exported);
    if (await pulumi.isSecret(output)) secrets.push(name);
    else expect(secretsIn(JSON.stringify((await value(output)) ?? null)), name).toEqual([]);
  }
  expect(secrets.sort()).toEqual([
    "consulToken",
    "nomadToken",
    "recoveryKeys",
    "sshPrivateKey",
    "vaultLogin",
  ]);
});
