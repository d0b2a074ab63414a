import { readdirSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ApplyInput, renderApplyInput } from "../../../components/provisioning/apply";
import type { PlanFragment, PlannedFile } from "../../../components/provisioning/plan";
import { FolderMachine } from "./machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let machine: FolderMachine;
beforeEach(() => {
  machine = new FolderMachine();
  machine.write("etc/firewalld/firewalld.conf", "# a comment\nDefaultZone=public\nIPv6_rpfilter=yes\n");
  machine.setUnit("firewalld.service", {
    LoadState: "loaded",
    ActiveState: "inactive",
    UnitFileState: "disabled",
  });
});
afterEach(() => machine.end());

const signer = { serverName: "support.dev.internal", caPem: "CA" };

function input(...fragments: PlanFragment[]): ApplyInput {
  const named = Object.fromEntries(fragments.map((fragment, n) => [`role-${n}`, fragment]));
  return renderApplyInput({ machine: "control-a", hostname: "dev-control-a", signer }, named);
}

function file(path: string, content: string, more: Partial<PlannedFile> = {}): PlannedFile {
  return { path, content, owner: machine.user, group: machine.group, mode: "0640", ...more };
}

async function apply(...fragments: PlanFragment[]) {
  const ran = await machine.run("apply", input(...fragments));
  expect(ran.stderr).toBe("");
  return JSON.parse(ran.stdout) as { changed: string[]; pending: string[] };
}

async function failure(...fragments: PlanFragment[]): Promise<string> {
  const ran = await machine.run("apply", input(...fragments));
  expect(ran.status).toBe(1);
  return ran.stderr;
}

const unit = (name: string, content: string, onChange?: "restart" | "reload" | "rollout"): PlanFragment => ({
  units: [{ name, content, enable: true, onChange }],
});
const up = (name: string) =>
  machine.setUnit(name, {
    LoadState: "loaded",
    ActiveState: "active",
    UnitFileState: "enabled",
    InvocationID: "7",
  });

test("a file is exactly as planned, and right already the second time", async () => {
  const role = { files: [file("/etc/a/a.conf", "secret\n")] };
  expect((await apply(role)).changed).toEqual([
    "file /etc/hostname",
    "host name dev-control-a",
    "file /etc/hosts",
    "file /etc/a/a.conf",
  ]);
  expect(machine.read("etc/a/a.conf")).toBe("secret\n");
  expect(statSync(join(machine.root, "etc/a/a.conf")).mode & 0o777).toBe(0o640);
  expect(await apply(role)).toEqual({ changed: [], pending: [] });
  expect((await apply({ files: [file("/etc/a/a.conf", "secret\n", { mode: "0600" })] })).changed).toEqual([
    "file /etc/a/a.conf",
  ]);
  expect(readdirSync(join(machine.root, "etc/a"))).toEqual(["a.conf"]);
});

test("a link in a file's place is replaced, not followed", async () => {
  machine.write("etc/elsewhere", "untouched");
  symlinkSync(join(machine.root, "etc/elsewhere"), join(machine.root, "etc/a.conf"));
  await apply({ files: [file("/etc/a.conf", "a")] });
  expect(machine.read("etc/elsewhere")).toBe("untouched");
  expect(machine.read("etc/a.conf")).toBe("a");
});

test("only what dpkg lacks is installed, and nothing of it starts before the firewall", async () => {
  machine.answer("dpkg-query", "chrony installed\nnginx-light config-files\n");
  const done = await apply({ packages: ["chrony", "nginx-light"] });
  expect(done.changed).toContain("package nginx-light");
  const calls = machine.calls().filter((call) => call.startsWith("apt-get"));
  expect(calls).toHaveLength(2);
  expect(calls[1]).toMatch(/--no-install-recommends install nginx-light$/);
  expect(machine.read("usr/sbin/policy-rc.d")).toBeUndefined();
  machine.answer("dpkg-query", "chrony installed\nnginx-light installed\n");
  expect(await apply({ packages: ["chrony", "nginx-light"] })).toEqual({ changed: [], pending: [] });
  expect(machine.calls().filter((call) => call.startsWith("apt-get"))).toEqual([]);
});

test("an installation that fails says so, and lets daemons start again", async () => {
  machine.fail("apt-get", "E: Unable to locate package nix\n");
  const words = await failure({ packages: ["nix"] });
  expect(words).toContain("control-a: apply: phase packages: apt-get -q -y ended with status 1");
  expect(words).toContain("| E: Unable to locate package nix");
  expect(machine.read("usr/sbin/policy-rc.d")).toBeUndefined();
});

test("the firewall is up before any unit, drops by default, and is reloaded only for a change", async () => {
  const zone = { name: "hs10", sources: ["10.0.0.0/8"], ports: [], description: "x" };
  const role = { ...unit("a.service", "[Service]\n"), zones: [zone] };
  await apply(role);
  expect(machine.read("etc/firewalld/firewalld.conf")).toBe(
    "# a comment\nDefaultZone=drop\nIPv6_rpfilter=yes\n",
  );
  expect(machine.read("etc/firewalld/zones/hs10.xml")).toContain("10.0.0.0/8");
  const calls = machine.calls();
  const at = (call: string) => calls.indexOf(call);
  expect(at("systemctl start firewalld.service")).toBeGreaterThan(-1);
  expect(at("systemctl start --no-block -- a.service")).toBeGreaterThan(
    at("systemctl start firewalld.service"),
  );
  await apply(role);
  expect(machine.calls()).not.toContain("firewall-cmd --reload");
  await apply({ ...role, zones: [{ ...zone, name: "hs20" }] });
  expect(machine.calls()).toContain("firewall-cmd --reload");
  expect(machine.read("etc/firewalld/zones/hs10.xml")).toBeUndefined();
});

test("a machine that leaves a zone of machines is let in until it has handed over, an administrator is not", async () => {
  up("firewalld.service");
  const zone = (name: string, leaversLinger: boolean, ...sources: string[]) => ({
    ...{ name, sources, leaversLinger, ports: [], description: "x" },
  });
  const [a, b, c] = ["fd00::a/128", "fd00::b/128", "fd00::c/128"] as const;
  await apply({ zones: [zone("hs10", true, a, b), zone("hs20", false, c)] });
  machine.calls();
  await apply({ zones: [zone("hs10", true, b), zone("hs20", false)] });
  const calls = machine.calls();
  expect(machine.read("etc/firewalld/zones/hs10.xml")).not.toContain(a);
  expect(calls.filter((call) => call.includes("firewall-cmd"))).toEqual([
    "firewall-cmd --reload",
    `firewall-cmd --quiet --zone=hs10 --add-source=${a}`,
    `systemd-run --quiet --collect --on-active=15min firewall-cmd --quiet --zone=hs10 --remove-source=${a}`,
  ]);
});

test("a reload of the firewall that failed is made up for by the next run", async () => {
  up("firewalld.service");
  const role = { zones: [{ name: "hs10", sources: ["10.0.0.0/8"], ports: [], description: "x" }] };
  machine.fail("firewall-cmd", "Error: INVALID_ZONE\n");
  expect(await failure(role)).toContain("phase firewall: firewall-cmd --reload ended with status 1");
  machine.heal("firewall-cmd");
  machine.calls();
  await apply(role);
  expect(machine.calls()).toContain("firewall-cmd --reload");
});

test("a run that was cut when the firewall's files lay there is made up for by the next", async () => {
  up("firewalld.service");
  const role = { zones: [{ name: "hs10", sources: ["10.0.0.0/8"], ports: [], description: "x" }] };
  machine.fail("systemctl", "Failed to connect to bus\n");
  expect(await failure(role)).toContain("phase firewall: systemctl show");
  expect(machine.read("etc/firewalld/zones/hs10.xml")).toContain("10.0.0.0/8");
  machine.heal("systemctl");
  await apply(role);
  expect(machine.calls()).toContain("firewall-cmd --reload");
  await apply(role);
  expect(machine.calls()).not.toContain("firewall-cmd --reload");
});

test("a run that was cut before systemd had read a unit: it is read before the unit restarts", async () => {
  const role = unit("a.service", "[Service]\n", "restart");
  await apply(role);
  machine.setUnit("a.service", { NeedDaemonReload: "yes" });
  machine.write("var/lib/hashistack/due/restart:a.service", "");
  machine.calls();
  await apply(role);
  expect(machine.calls().filter((call) => call.startsWith("systemctl"))).toEqual([
    "systemctl daemon-reload",
    "systemctl restart --no-block -- a.service",
  ]);
});

test("units are enabled and started together, by one call each", async () => {
  const done = await apply(unit("b.service", "[Service]\n"), unit("a.service", "[Service]\n"));
  expect(done.changed.slice(-2)).toEqual(["unit b.service started", "unit a.service started"]);
  expect(machine.calls().filter((call) => call.startsWith("systemctl"))).toEqual([
    "systemctl enable --no-reload -- b.service a.service",
    "systemctl daemon-reload",
    "systemctl start --no-block -- b.service a.service",
  ]);
  expect(await apply(unit("b.service", "[Service]\n"), unit("a.service", "[Service]\n"))).toEqual({
    changed: [],
    pending: [],
  });
  expect(machine.calls().filter((call) => call.startsWith("systemctl"))).toEqual([]);
});

test("a unit that is not there fails with its name", async () => {
  const words = await failure({ units: [{ name: "ghost.service", enable: true }] });
  expect(words).toContain("phase units: unit ghost.service is neither in the plan nor brought by a package");
});

test("a running unit is restarted or reloaded once for what changed, the stronger wins", async () => {
  up("a.service");
  up("b.service");
  const notifies = [
    { unit: "a.service", action: "reload" },
    { unit: "b.service", action: "reload" },
  ] as const;
  const both = [
    file("/etc/one", "1", { notifies }),
    file("/etc/two", "2", { notifies: [{ unit: "a.service", action: "restart" }] }),
  ];
  const done = await apply({ files: both });
  expect(done.changed.slice(-2)).toEqual(["unit a.service restarted", "unit b.service reloaded"]);
  expect(machine.calls().filter((call) => /restart|reload --/.test(call))).toEqual([
    "systemctl restart --no-block -- a.service",
    "systemctl reload -- b.service",
  ]);
});

test("a rollout only leaves a mark, until the unit has been restarted by whoever's turn it is", async () => {
  await apply(unit("server.service", "[Service]\n# 1\n", "rollout"));
  machine.calls();
  const changed = await apply(unit("server.service", "[Service]\n# 2\n", "rollout"));
  expect(changed.pending).toEqual(["server.service"]);
  expect(machine.calls().some((call) => call.includes("restart"))).toBe(false);
  expect((await apply(unit("server.service", "[Service]\n# 2\n", "rollout"))).pending).toEqual([
    "server.service",
  ]);
  machine.setUnit("server.service", { InvocationID: "99" });
  expect((await apply(unit("server.service", "[Service]\n# 2\n", "rollout"))).pending).toEqual([]);
  expect(machine.read("var/lib/hashistack/pending/server.service")).toBeUndefined();
});

test("a notice outlives a run that was cut between the change and the notice", async () => {
  up("a.service");
  const role = {
    files: [file("/etc/a.conf", "a", { notifies: [{ unit: "a.service", action: "restart" }] })],
  };
  machine.fail("systemctl", "no bus\n");
  await failure(role);
  expect(machine.read("etc/a.conf")).toBe("a");
  machine.heal("systemctl");
  expect((await apply(role)).changed).toContain("unit a.service restarted");
});

test("what left the plan is stopped and removed, and whoever used it told", async () => {
  up("b.service");
  const gone = file("/etc/gone", "x", { notifies: [{ unit: "b.service", action: "reload" }] });
  await apply(unit("a.service", "[Service]\n"), { files: [gone] });
  machine.calls();
  const done = await apply({});
  expect(done.changed).toEqual([
    "unit a.service removed",
    "file /etc/gone removed",
    "unit b.service reloaded",
  ]);
  expect(machine.calls()).toContain("systemctl disable --now -- a.service");
  expect(machine.read("etc/systemd/system/a.service")).toBeUndefined();
  expect(machine.read("etc/gone")).toBeUndefined();
  expect(await apply({})).toEqual({ changed: [], pending: [] });
});

test("a run that was cut forgets nothing of what it had put there", async () => {
  machine.fail("getent", "no database\n");
  await apply({ files: [file("/etc/first", "1")] });
  await failure({ users: [{ name: "u", home: "/nonexistent" }], files: [file("/etc/second", "2")] });
  machine.heal("getent");
  const done = await apply({});
  expect(done.changed).toEqual(["file /etc/first removed"]);
});

test("a program of the image is linked when its record agrees, refused when it does not", async () => {
  const sha256 = "ab".repeat(32);
  machine.write("opt/hashistack/bin/consul-1.2.3", "program", 0o755);
  machine.write("opt/hashistack/bin/consul-1.2.3.sha256", `${sha256}  consul\n`);
  const program = { name: "consul", version: "1.2.3" };
  expect((await apply({ programs: [{ ...program, sha256 }] })).changed).toContain("program consul is 1.2.3");
  expect(readlinkSync(join(machine.root, "usr/local/bin/consul"))).toBe("/opt/hashistack/bin/consul-1.2.3");
  expect((await apply({ programs: [program] })).changed).toEqual([]);
  expect(await failure({ programs: [{ ...program, sha256: "cd".repeat(32) }] })).toContain(
    "phase programs: consul 1.2.3 is in the image with another SHA-256 than planned",
  );
  expect(await failure({ programs: [{ ...program, version: "9" }] })).toContain(
    "consul 9 is not in the image",
  );
});

test("the throw-away host key goes with the first apply", async () => {
  machine.write("etc/ssh/ssh_host_ecdsa_key", "throw-away");
  machine.write("etc/ssh/ssh_host_ecdsa_key.pub", "throw-away");
  machine.write("etc/ssh/ssh_host_ed25519_key", "own");
  const config = "etc/ssh/sshd_config.d/05-hashistack-host-key.conf";
  machine.write(config, "HostKey /etc/ssh/ssh_host_ed25519_key\nHostKey /etc/ssh/ssh_host_ecdsa_key\n");
  await apply({});
  expect(machine.read(config)).toBe("HostKey /etc/ssh/ssh_host_ed25519_key\n");
  expect(readdirSync(join(machine.root, "etc/ssh")).sort()).toEqual([
    "ssh_host_ed25519_key",
    "sshd_config.d",
  ]);
  expect(machine.calls()).toContain("systemctl reload ssh.service");
  expect((await apply({})).changed).toEqual([]);
});

test("a check that fails shows the end of the journal; a unit that failed for good is not waited for", async () => {
  machine.answer("journalctl", "line one\nthe disk is blue\n");
  const check = { what: "a runs", target: "a.service", timeoutSeconds: 30, journalOf: "a.service" };
  machine.setUnit("a.service", { LoadState: "loaded", ActiveState: "failed", Result: "exit-code" });
  const begun = Date.now();
  const words = await failure({ checks: [{ ...check, kind: "unit" }] });
  expect(words).toContain("control-a: apply: phase checks: a runs: not so: failed (exit-code)");
  expect(words).toContain("  | the disk is blue");
  expect(Date.now() - begun).toBeLessThan(10_000);
  const tcp = { ...check, kind: "tcp", target: "127.0.0.1:1", timeoutSeconds: 1, what: "a listens" } as const;
  expect(await failure({ checks: [tcp] })).toContain(
    "a listens: not so within 1 s: 127.0.0.1:1: Connection refused",
  );
});

test("a unit that is not for this machine, says its own file, is not started by every apply", async () => {
  const found = {
    LoadState: "loaded",
    ActiveState: "inactive",
    UnitFileState: "enabled",
    ConditionResult: "no",
  };
  machine.setUnit("clock.service", { ...found, ConditionTimestampMonotonic: "0" });
  const role = { units: [{ name: "clock.service", enable: true }] };
  expect((await apply(role)).changed).toContain("unit clock.service started");
  machine.setUnit("clock.service", { ...found, ConditionTimestampMonotonic: "7" });
  expect((await apply(role)).changed).not.toContain("unit clock.service started");
});

test("a oneshot that has done its work is not run again by every apply", async () => {
  const done = { LoadState: "loaded", ActiveState: "inactive", UnitFileState: "enabled", Type: "oneshot" };
  machine.setUnit("once.service", { ...done, Result: "success", ExecMainStartTimestampMonotonic: "12" });
  const role = { units: [{ name: "once.service", enable: true }] };
  expect((await apply(role)).changed).not.toContain("unit once.service started");
  machine.setUnit("once.service", { ...done, ExecMainStartTimestampMonotonic: "0" });
  expect((await apply(role)).changed).toContain("unit once.service started");
});
