import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { linodeAnswers } from "../clouds/requests";
import { deploy, type Elsewhere } from "../cluster/deployment";
import { configOf, devStack } from "../settings/stack-files";
import { type Identity, identitiesOf, losses } from "./identities";

/**
 * Stacks of earlier versions under the program of today: nothing is deleted or made anew. A state is `<version>-<stack>.json`: each
 * resource's URN, and those inputs whose change makes it anew. At a release the state of that version is added, and no older
 * one is ever changed: HASHISTACK_KEEP_STATE=<version> npx vitest run --project unit test/unit/upgrade
 */

const folder = path.join(__dirname, "states");

const stacks: Record<string, { file: string; elsewhere: Elsewhere }> = {
  dev: { file: devStack, elsewhere: {} },
  prod: { file: "Pulumi.prod.yaml", elsewhere: { answers: linodeAnswers } },
};

const version = process.env.HASHISTACK_KEEP_STATE;

test.runIf(version)("keeps the states of a version", async () => {
  for (const [stack, { file, elsewhere }] of Object.entries(stacks)) {
    const lines = identitiesOf(await deploy(configOf(file), false, elsewhere)).map((one) =>
      JSON.stringify(one),
    );
    writeFileSync(path.join(folder, `${version}-${stack}.json`), `[\n${lines.join(",\n")}\n]\n`, {
      flag: "wx",
    });
  }
});

describe.each(readdirSync(folder).sort())("%s", (state) => {
  test("nothing is deleted or made anew", async () => {
    const stack = stacks[/-(\w+)\.json$/.exec(state)?.[1] ?? ""];
    if (!stack) throw new Error(`${state} names no stack of this test`);
    const then = JSON.parse(readFileSync(path.join(folder, state), "utf8")) as Identity[];
    expect(then.length).toBeGreaterThan(100);
    const found = losses(then, await deploy(configOf(stack.file), false, stack.elsewhere));
    expect(found).toEqual([]);
  });
});

describe("what the test finds", () => {
  class Part extends pulumi.ComponentResource {
    constructor(
      name: string,
      child: string,
      triggers: string[],
      opts?: pulumi.ComponentResourceOptions,
      own = {},
    ) {
      super("pulumi-hashistack:index:Part", name, {}, opts);
      new command.remote.Command(child, { triggers, connection: { host: "" } }, { parent: this, ...own });
    }
  }
  const made = (...args: ConstructorParameters<typeof Part>) =>
    deploy({}, false, {
      program: async () => ({ part: new Part(...args) && "" }),
    });

  test.each<[string, ConstructorParameters<typeof Part>, RegExp[]]>([
    ["nothing, where nothing changed", ["a", "b", ["1"]], []],
    ["a renamed child", ["a", "c", ["1"]], [/::b would be deleted: .* needs an alias/]],
    ["nothing, where it has an alias", ["a", "c", ["1"], {}, { aliases: [{ name: "b" }] }], []],
    [
      "a renamed parent, by which the child's type chain is the same",
      ["z", "b", ["1"]],
      [/::a would be deleted/],
    ],
    ["nothing, where the parent has an alias", ["z", "b", ["1"], { aliases: [{ name: "a" }] }], []],
    ["another trigger", ["a", "b", ["2"]], [/::b would be made anew: its input "triggers" is another one/]],
  ])("%s", async (_, args, expected) => {
    const then = identitiesOf(await made("a", "b", ["1"]));
    const found = losses(then, await made(...args));
    expect(found).toHaveLength(expected.length);
    for (const [index, line] of found.entries()) expect(line).toMatch(expected[index] as RegExp);
  });
});
