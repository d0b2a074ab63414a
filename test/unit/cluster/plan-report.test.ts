import type * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { parseSettings, rawSettings } from "../../../components/settings/parse";
import { summarise } from "../../../components/summary";
import { openstackAnswers } from "../clouds/requests";
import { configOf, devStack } from "../settings/stack-files";
import { type Deployment, deploy } from "./deployment";

/** What the program tells of its plan, at preview and at up. */

let preview: Deployment;
let up: Deployment;
beforeAll(async () => {
  preview = await deploy(configOf(devStack), true);
  up = await deploy(configOf(devStack));
});

const value = (output: pulumi.Output<unknown> | undefined) =>
  new Promise((resolve) => output?.apply((known) => resolve(known)));

test("it tells it once, and all at once", () => {
  for (const { told } of [preview, up]) {
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('Plan of "dev" in this host: 8 machines.');
    expect(told[0]).toContain("Open from outside");
    expect(told[0]).not.toContain("Since the last up");
  }
});

test("it is an output, the same at each run, and no secret", async () => {
  const plan = JSON.parse(JSON.stringify(summarise(parseSettings(rawSettings(configOf(devStack))))));
  for (const { outputs } of [preview, up]) {
    expect(await value(outputs.plan)).toEqual(plan);
    expect(await (outputs.plan as unknown as { isSecret: Promise<boolean> }).isSecret).toBe(false);
  }
});

test("a program of one's own tells it, too", async () => {
  const { told, outputs } = await deploy(configOf("examples/openstack/Pulumi.campus.yaml"), true, {
    program: () => import("../../../examples/openstack/index.js"),
    answers: openstackAnswers,
  });
  expect(told).toHaveLength(1);
  expect(await value(outputs.plan)).toMatchObject({ cluster: "campus", cost: { monthly: 130.5 } });
});

test("what a stack does not have is null among its outputs: the engine's host would warn of what is undefined", async () => {
  const config = { ...configOf(devStack), "hashistack:site": JSON.stringify({ enabled: false }) };
  const { outputs } = await deploy(config, true);
  const known = Object.entries(outputs).map(([name, output]) => [name, output === undefined]);
  expect(known.filter(([, lacks]) => lacks)).toEqual([]);
  expect(outputs).toMatchObject({ siteUrl: null, acme: null });
});
