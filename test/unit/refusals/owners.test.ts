import { beforeAll, expect, test } from "vitest";
import type { ApplyInput } from "../../../components/provisioning/apply";
import { type Owners, ownersOf, ownersText } from "../../lab/refusals/owners";
import { bundleOf, deploy, resourceOf } from "../cluster/deployment";
import { configOf, devStack } from "../settings/stack-files";

const machines = ["support-a", "control-a", "client-a", "edge-a"];
let owners: Record<string, Owners>;
beforeAll(async () => {
  const deployment = await deploy(configOf(devStack));
  const planOf = (machine: string) =>
    bundleOf(resourceOf(deployment, `remote.Command ${machine}-apply`)).input as unknown as ApplyInput;
  owners = Object.fromEntries(machines.map((machine) => [machine, ownersOf(planOf(machine))]));
}, 60_000);

// After a change that is meant: npx vitest run --project unit test/unit/refusals --update
test("owner, group and mode of all that lies on a machine, for a reviewer to read", async () => {
  await expect(ownersText(owners)).toMatchFileSnapshot("../../lab/refusals/owners.txt");
});

test("a key is read by its daemon and by nobody else, and written by root", () => {
  const keys = Object.entries(owners).flatMap(([machine, of]) =>
    Object.entries(of)
      .filter(
        ([path, how]) =>
          /key|secret/.test(path) && how !== "missing" && !/\/(home|usr|sshd_config.d)\//.test(path),
      )
      .map(([path, how]) => `${machine} ${path} ${how}`),
  );
  expect(keys.length).toBeGreaterThan(12);
  for (const key of keys.filter((line) => !/authorized_keys/.test(line))) {
    expect(key).toMatch(/ root:(root 0[46]00|(root|consul|nomad|vault|unsealer|signer) 0640)$/);
  }
});

test("nothing of ours can be written by somebody other than its owner", () => {
  for (const of of Object.values(owners)) {
    for (const [path, how] of Object.entries(of)) {
      if (how !== "missing")
        expect([path, how.slice(-3)]).toEqual([path, expect.stringMatching(/^[0-7][0145][0145]$/)]);
    }
  }
});
