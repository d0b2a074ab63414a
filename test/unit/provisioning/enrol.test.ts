import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FolderMachine } from "./machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let machine: FolderMachine;
beforeEach(() => {
  machine = new FolderMachine();
});
afterEach(() => machine.end());

function key(type: "ed25519" | "ecdsa"): { privateKey: string; publicKey: string } {
  const file = join(machine.root, `new-${type}`);
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", file]);
  return { privateKey: readFileSync(file, "utf8"), publicKey: readFileSync(`${file}.pub`, "utf8").trim() };
}

const enrol = (hostKey: string, cloudInitSeconds = 1) => machine.run("enrol", { hostKey, cloudInitSeconds });

test("the machine's own key stands beside the throw-away one, so that the step can be repeated", async () => {
  machine.write("etc/ssh/ssh_host_ecdsa_key", "throw-away", 0o600);
  const own = key("ed25519");
  machine.answer("ssh-keyscan", `# 127.0.0.1:22 SSH-2.0\n127.0.0.1 ${own.publicKey}\n`);
  const ran = await enrol(own.privateKey);
  expect(ran).toEqual({ status: 0, stdout: '{"changed": true, "cloudInitErrors": []}', stderr: "" });
  expect(machine.read("etc/ssh/ssh_host_ed25519_key")).toBe(own.privateKey);
  expect(statSync(join(machine.root, "etc/ssh/ssh_host_ed25519_key")).mode & 0o777).toBe(0o600);
  expect(machine.read("etc/ssh/sshd_config.d/05-hashistack-host-key.conf")).toBe(
    "HostKey /etc/ssh/ssh_host_ed25519_key\nHostKey /etc/ssh/ssh_host_ecdsa_key\n",
  );
  expect((await enrol(own.privateKey)).stdout).toBe('{"changed": false, "cloudInitErrors": []}');
});

test("a key of the throw-away one's kind is refused: sshd could not offer both", async () => {
  expect((await enrol(key("ecdsa").privateKey)).stderr).toContain("of another kind than the throw-away one");
});

test("cloud-init is waited for where it is at work, and no longer than said", async () => {
  const own = key("ed25519");
  machine.answer("ssh-keyscan", `127.0.0.1 ${own.publicKey}\n`);
  machine.answer("journalctl", "still installing\n");
  machine.write("run/cloud-init/enabled", "");
  const late = await enrol(own.privateKey);
  expect(late.stderr).toContain(
    "control-a: enrol: cloud-init has not ended within 1 s\n  | still installing",
  );
  machine.write("run/cloud-init/result.json", JSON.stringify({ v1: { errors: ["no locale"] } }));
  expect(JSON.parse((await enrol(own.privateKey)).stdout)).toEqual({
    changed: true,
    cloudInitErrors: ["no locale"],
  });
});
