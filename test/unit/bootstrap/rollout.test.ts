import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { pendingRestarts, rollOut } from "../../../components/bootstrap/rollout";
import { unpackBundle } from "../../../components/provisioning/bundle";
import { renderSsh } from "../../../components/roles/support";

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ name, inputs }) => ({
      id: name,
      state: { ...inputs, stdout: inputs.environment?.ANSWER ?? "" },
    }),
    call: ({ inputs }) => inputs,
  });
});

const answer = (...pending: string[]) => JSON.stringify({ changed: ["file /etc/x"], pending });

test("what a set-up left is a rollout's input; what it changed otherwise is none", () => {
  expect(pendingRestarts(answer(), "plan 1")).toEqual({ pending: [] });
  expect(pendingRestarts(answer(), "plan 2")).toEqual(pendingRestarts(answer(), "plan 1"));
  expect(pendingRestarts(answer("consul.service"), "plan 1")).toMatchObject({ pending: ["consul.service"] });
});

test("the next change of the same units is another input, and the same one is not", () => {
  const first = pendingRestarts(answer("consul.service"), "plan 1");
  expect(pendingRestarts(answer("consul.service"), "plan 1")).toEqual(first);
  expect(pendingRestarts(answer("consul.service"), "plan 2")).not.toEqual(first);
  expect(JSON.stringify(first)).not.toContain("plan");
});

interface Input {
  servers: { machine: string; node: string; pending: string[]; apis: Record<string, string> }[];
  privateKey: string;
}

async function inputOf(...pending: string[]): Promise<{ input: Input; modules: string[] }> {
  const applied = new command.remote.Command("control-a-apply", {
    connection: { host: "fd00:1ab::11" },
    environment: { ANSWER: answer(...pending) },
    stdin: "the plan",
  });
  const access = { addresses: ["[fd00:1ab::11]:1"], caPem: "root", serverName: "x" };
  const rollout = rollOut(
    { machine: "support-a", connection: { host: "127.77.0.2" }, resource: applied },
    {
      servers: [
        {
          machine: "control-a",
          roles: ["consul-server", "nomad-server"],
          node: "dev-control-a-1f",
          address: "fd00:1ab::11",
          hostKey: "ssh-ed25519 AAAA",
          applied,
        },
      ],
      region: "global",
      user: "ops",
      privateKey: "the key",
      ...{ consul: access, vault: access, nomad: access },
      vaultLogin: { path: "approle", roleId: "r", secretId: "s" },
    },
    {},
  );
  expect(await pulumi.isSecret(rollout.stdin)).toBe(true);
  const text = await new Promise<string>((resolve) => {
    pulumi.unsecret(rollout.stdin).apply((stdin) => resolve(stdin ?? ""));
  });
  const bundle = unpackBundle(text) as unknown as { input: Input; modules: object };
  return { input: bundle.input, modules: Object.keys(bundle.modules).sort() };
}

test("support is told what each machine said, where its APIs are, and how to reach it", async () => {
  const { input, modules } = await inputOf("nomad.service");
  expect(modules).toEqual(["cluster_api", "quorum", "rollout"]);
  expect(input.servers).toMatchObject([
    {
      machine: "control-a",
      node: "dev-control-a-1f",
      address: "fd00:1ab::11",
      hostKey: "ssh-ed25519 AAAA",
      pending: ["nomad.service"],
      apis: { consul: "[fd00:1ab::11]:8501", nomad: "[fd00:1ab::11]:4646" },
    },
  ]);
  expect(input.servers[0]?.apis).not.toHaveProperty("vault");
  expect((await inputOf()).input.servers[0]?.pending).toEqual([]);
});

test("support's key may have units restarted on servers and do nothing else; logins stay as they are", () => {
  const plan = renderSsh({ user: "ops", jump: false, restartKey: "ssh-ed25519 AAAA" });
  const content = (path: string) => plan.files?.find((file) => file.path === path);
  expect(content("/etc/ssh/sshd_config.d/00-hashistack.conf")?.content).toContain(
    "\nAuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\n",
  );
  const keys = content("/etc/ssh/authorized_keys.d/ops");
  expect(keys).toMatchObject({ owner: "root", group: "root", mode: "0644" });
  expect(keys?.content).toMatch(
    /^restrict,command="sudo -n [^"]* \/usr\/local\/lib\/hashistack\/restart_pending\.py" ssh-ed25519 AAAA\n$/,
  );
  expect(content("/usr/local/lib/hashistack/restart_pending.py")?.owner).toBe("root");
});

test("machines that are no servers know no such key", () => {
  const text = JSON.stringify(renderSsh({ user: "ops", jump: true }));
  expect(text).not.toContain("AuthorizedKeysFile");
  expect(text).not.toContain("restart_pending");
});
