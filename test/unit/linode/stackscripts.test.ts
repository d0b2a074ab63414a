import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ThoughtMachines } from "../../../lab/linode/index";
import { fieldsOf } from "../../../lab/linode/routes/stackscripts";
import { type Account, plain, startAccount, untilStatus } from "./support";

let account: Account;
let machines: ThoughtMachines;

beforeEach(async () => {
  machines = new ThoughtMachines();
  account = await startAccount({ machines });
});
afterEach(() => account.close());

const script =
  '#!/bin/bash\n# <UDF name="who" label="Who" />\n# <UDF name="how" label="How" default="kindly" />\n';
const made = async (more: object = {}): Promise<number> => {
  const whole = { label: "greeting", description: "", images: ["any/all"], script, ...more };
  return (await account.ask("POST", "/linode/stackscripts", whole)).body.id;
};
const deploy = (stackscript_id: number, stackscript_data?: object, more: object = {}) =>
  account.ask("POST", "/linode/instances", {
    ...plain("tools-control-a-1f2e3d"),
    stackscript_id,
    ...(stackscript_data ? { stackscript_data } : {}),
    ...more,
  });

describe("a StackScript", () => {
  it("asks for what its tags name", () => {
    expect(fieldsOf(script)).toEqual([
      { name: "who", label: "Who" },
      { name: "how", label: "How", default: "kindly" },
    ]);
  });

  it("is run by an instance that names it, with answers and defaults by their names in upper case", async () => {
    const id = await made();
    const { body } = await deploy(id, { who: "you" });
    await untilStatus(account, body.id, "running");
    expect(machines.running.get(body.id)?.deployment).toEqual({
      script,
      environment: { WHO: "you", HOW: "kindly" },
    });
    expect(JSON.stringify(body)).not.toContain("kindly");
    const { body: shown } = await account.ask("GET", `/linode/stackscripts/${id}`);
    expect(shown).toMatchObject({ deployments_total: 1, mine: true });
  });

  it("is refused without a shebang, without an answer, for another image, and where there are none", async () => {
    const bad = { label: "greeting", images: ["any/all"], script: "echo", description: "" };
    const reasons = async (asked: ReturnType<typeof deploy>) => JSON.stringify((await asked).body.errors);
    expect(await reasons(account.ask("POST", "/linode/stackscripts", bad))).toContain("shebang");
    const id = await made({ images: ["linode/debian12"] });
    expect(await reasons(deploy(id, {}, { image: "linode/debian12" }))).toContain("who is required");
    expect(await reasons(deploy(id, { who: "you" }))).toContain("not for this image");
    expect(await reasons(deploy(1, { who: "you" }))).toContain("StackScript was not found");
    expect(await reasons(deploy(await made(), { who: "you" }, { region: "us-lean" }))).toContain(
      "not available in this region",
    );
  });
});
