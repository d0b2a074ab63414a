import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { registerProfiles } from "../../../components/pki/signer";
import { applyPlan, renderApplyInput } from "../../../components/provisioning/apply";
import { unpackBundle } from "../../../components/provisioning/bundle";
import { enrol } from "../../../components/provisioning/enrol";
import { PlanError } from "../../../components/provisioning/merge";

interface Inputs {
  create: string;
  delete?: string;
  triggers?: unknown[];
  stdin: string | { value: string };
}

const made = new Map<string, Inputs>();
beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: (args) => {
      made.set(args.name, args.inputs as Inputs);
      return { id: args.name, state: args.inputs };
    },
    call: () => ({}),
  });
});

const settled = (resource: pulumi.Resource) => new Promise((resolve) => resource.urn.apply(resolve));
const connection = { host: "fd00::1", user: "ops", hostKey: "ssh-ed25519 AAAA", privateKey: "private" };

async function bundleOf(resource: pulumi.Resource, name: string) {
  await settled(resource);
  const inputs = made.get(name);
  if (!inputs) throw new Error(`no command ${name}`);
  const stdin = typeof inputs.stdin === "string" ? inputs.stdin : inputs.stdin.value;
  return { inputs, bundle: unpackBundle(stdin) };
}

test("a machine is enrolled once in its life: only another machine triggers it", async () => {
  const args = { machine: "control-a", connection, machineId: "id-1", hostKey: "the own key" };
  const { inputs, bundle } = await bundleOf(enrol("control-a", args, {}), "control-a-enrol");
  expect(inputs.triggers).toEqual(["id-1"]);
  expect(bundle).toMatchObject({ machine: "control-a", program: "enrol", input: { hostKey: "the own key" } });
  expect(inputs.create).not.toContain("own key");
});

test("an apply carries the merged plan on its standard input, and only another machine replaces the command", async () => {
  const file = { path: "/etc/a", content: "a-secret", owner: "root", group: "root", mode: "0600" };
  const command = applyPlan(
    "control-a",
    {
      machine: "control-a",
      hostname: "dev-control-a",
      connection,
      machineId: "control-a.1",
      signer: { serverName: "support", caPem: "CA" },
      fragments: { one: { files: [file] }, two: pulumi.secret({ packages: ["chrony"] }) },
    },
    {},
  );
  const { inputs, bundle } = await bundleOf(command, "control-a-apply");
  expect(inputs.triggers).toEqual(["control-a.1"]);
  expect(inputs.delete).toBeUndefined();
  expect(await pulumi.isSecret(command.stdin)).toBe(true);
  expect(bundle.input).toMatchObject({ hostname: "dev-control-a", files: [file], packages: ["chrony"] });
  expect(Object.keys(bundle.modules).sort()).toEqual([
    ...["apply", "host", "leaf", "leaving", "observed", "packages", "programs"],
  ]);
  expect(inputs.create).not.toContain("a-secret");
});

test("roles that clash fail before anything is run", () => {
  const file = { path: "/etc/a", owner: "root", group: "root", mode: "0600" };
  const fragments = {
    one: { files: [{ ...file, content: "1" }] },
    two: { files: [{ ...file, content: "2" }] },
  };
  const args = { machine: "control-b", hostname: "b", connection, signer: { serverName: "s", caPem: "CA" } };
  expect(() => renderApplyInput(args, fragments)).toThrow(PlanError);
  expect(() => renderApplyInput(args, fragments)).toThrow("file /etc/a is asked for by one and by two");
});

test("a profile goes with its machine, and another support learns it anew", async () => {
  const profile = { label: "consul", authKey: "0f", nameWhitelist: "^(a)$", expiryHours: 720 };
  const args = {
    support: "support-a",
    connection,
    supportId: "s-1",
    machine: "dev-a-1f",
    profiles: [profile],
  };
  const { inputs, bundle } = await bundleOf(registerProfiles("a", args, {}), "a-signer-profile");
  expect(inputs.triggers).toEqual(["s-1", "dev-a-1f"]);
  expect(inputs.delete).toMatch(/ delete$/);
  expect(bundle).toMatchObject({ machine: "support-a", input: { machine: "dev-a-1f", profiles: [profile] } });
});
