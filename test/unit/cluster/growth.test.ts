import { beforeAll, expect, test } from "vitest";
import { configOf, devStack } from "../settings/stack-files";
import { type Deployment, deploy, type Recorded } from "./deployment";

/** What a machine more or less means for everybody else: nothing. */

type Groups = Record<string, { keys: string[] }>;

/** The dev stack with other keys in a group. */
function withKeys(group: string, keys: string[]): Record<string, string> {
  const config = configOf(devStack);
  const groups = JSON.parse(config["hashistack:groups"] ?? "") as Groups;
  Object.assign(groups[group] ?? {}, { keys });
  return { ...config, "hashistack:groups": JSON.stringify(groups) };
}

/** Whether a resource belongs to a machine. */
function isOf(machine: string, id: string): boolean {
  const name = id.slice(id.lastIndexOf(" ") + 1);
  return name === machine || name.startsWith(`${machine}-`);
}

/** All but a machine's own resources, and without having waited for them. */
function without(machine: string, deployment: Deployment): Recorded[] {
  return deployment.resources
    .filter(({ id }) => !isOf(machine, id))
    .map((one) => ({ ...one, dependencies: one.dependencies.filter((id) => !isOf(machine, id)) }));
}

let base: Deployment;
beforeAll(async () => {
  base = await deploy(withKeys("client", ["a", "b"]));
});

test("one client more: only its own resources come, twelve at most", async () => {
  const more = await deploy(withKeys("client", ["a", "b", "c"]));
  expect(without("client-c", more)).toEqual(base.resources);
  const own = more.resources.filter(({ id }) => isOf("client-c", id));
  expect(own.length).toBe(more.resources.length - base.resources.length);
  expect(own.length).toBeLessThanOrEqual(12);
});

test("the first client removed, the others in another order: only its own resources go", async () => {
  const fewer = await deploy(withKeys("client", ["c", "b"]));
  expect(without("client-c", fewer)).toEqual(without("client-a", base));
});

test("one load balancer more: besides its own, the site's certificate has an address more, its job a place, it is asked too", async () => {
  const more = await deploy(withKeys("edge", ["a", "b", "c"]));
  const known = new Map(base.resources.map((one) => [one.id, JSON.stringify(one)]));
  const changed = without("edge-c", more).filter((one) => known.get(one.id) !== JSON.stringify(one));
  const ids = changed.map(({ id }) => id).sort();
  expect(ids).toEqual(["remote.Command ingress", "remote.Command site-answers", "tls.CertRequest site-edge"]);
});

test("the preview of a first up shows every resource, though nothing is known yet", async () => {
  const preview = await deploy(withKeys("client", ["a", "b"]), true);
  expect(preview.resources.map(({ id }) => id)).toEqual(base.resources.map(({ id }) => id));
});

test("at most twelve resources for each client, however many there are", async () => {
  const count = async (clients: number): Promise<number> => {
    const keys = Array.from({ length: clients }, (_, index) => `n${index}`);
    return (await deploy(withKeys("client", keys), true)).resources.length;
  };
  const [two, five, eleven] = [base.resources.length, await count(5), await count(11)];
  expect((five - two) / 3).toBeLessThanOrEqual(12);
  expect((eleven - five) / 6).toBe((five - two) / 3);
});
