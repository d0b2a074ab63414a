import { statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FolderMachine } from "../provisioning/machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

// Stands for the signer's port, which is all that the program looks at.
let listener: Server;
let port: number;
let machine: FolderMachine;
const unit = "hashistack-signer.service";

beforeEach(async () => {
  machine = new FolderMachine();
  machine.write("etc/hashistack/signer/consul.pem", "issuing");
  machine.write("etc/hashistack/signer/nomad.pem", "issuing");
  machine.setUnit(unit, { LoadState: "loaded", ActiveState: "active", InvocationID: "1" });
  listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  port = (listener.address() as { port: number }).port;
});
afterEach(() => {
  listener.close();
  machine.end();
});

const profile = {
  label: "consul",
  authKey: "0f".repeat(32),
  nameWhitelist: "^(localhost|a\\.node\\.consul)$",
  expiryHours: 720,
};

const register = (name: string, more: object = {}, verb: "create" | "delete" = "create") =>
  machine.run("signer_register", { machine: name, port, profiles: [{ ...profile, ...more }] }, verb);

// What the signer's unit does before it starts.
const start = () =>
  machine.run("program", {}, "create", {
    source: "import signer_policies\ndef create(input):\n  signer_policies.write()\n",
  });
const policy = (service: string) =>
  JSON.parse(machine.read(`etc/hashistack/signer/policies/${service}.json`) ?? "null");

test("a profile is written for root alone, and the signer restarted to load it", async () => {
  const ran = await register("a");
  expect(ran).toEqual({ status: 0, stdout: '{"changed": true, "restarted": true}', stderr: "" });
  expect(machine.calls()).toEqual([`systemctl restart ${unit}`]);
  expect(statSync(join(machine.root, "etc/hashistack/signer/profiles.d/a.json")).mode & 0o777).toBe(0o600);
  await start();
  expect(policy("consul").signing.profiles.a).toEqual({
    auth_key: "a",
    expiry: "720h",
    backdate: "5m",
    usages: ["digital signature", "server auth", "client auth"],
    name_whitelist: profile.nameWhitelist,
  });
  expect(policy("consul").auth_keys).toEqual({ a: { type: "standard", key: profile.authKey } });
  expect(policy("nomad").signing.profiles).toEqual({});
  expect(policy("nomad").signing.default).toEqual({ expiry: "1h", usages: ["digital signature"] });
});

test("who finds its profile loaded restarts nothing", async () => {
  await register("a");
  await register("b");
  await start();
  machine.calls();
  expect((await register("a")).stdout).toBe('{"changed": false, "restarted": false}');
  expect((await register("b")).stdout).toBe('{"changed": false, "restarted": false}');
  expect(machine.calls()).toEqual([]);
});

test("a removal takes the profile from the policy", async () => {
  await register("a");
  await register("b");
  expect((await register("a", {}, "delete")).stdout).toBe('{"changed": true, "restarted": true}');
  await start();
  expect(Object.keys(policy("consul").signing.profiles)).toEqual(["b"]);
  expect((await register("a", {}, "delete")).stdout).toBe('{"changed": false, "restarted": false}');
});

test("what would open the signer too far is refused", async () => {
  const said = async (name: string, more: object) => (await register(name, more)).stderr.trim();
  expect(await said("a", { label: "vault" })).toBe(
    "control-a: signer_register: the signer has no authority for vault, only for consul, nomad",
  );
  for (const nameWhitelist of ["a", "^a|b$", "^(a)$|b", "^(a|(b))$"]) {
    expect(await said("a", { nameWhitelist })).toContain("are not anchored");
  }
  expect(await said("a", { authKey: "0f" })).toContain("is not 32 bytes in hex");
  expect(await said("a", { expiryHours: 99999 })).toContain("may live 1 to 8784 hours");
  expect(await said("../a", {})).toContain("is no name for a profile");
  expect(machine.read("etc/hashistack/signer/profiles.d/a.json")).toBeUndefined();
});

test("many at once restart the signer at least once, and all are in what it loads", async () => {
  const names = ["a", "b", "c", "d"];
  const ran = await Promise.all(names.map((name) => register(name)));
  expect(ran.map((each) => each.status)).toEqual([0, 0, 0, 0]);
  await start();
  expect(Object.keys(policy("consul").signing.profiles)).toEqual(names);
});
