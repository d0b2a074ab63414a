import { createHash } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ApplyInput, renderApplyInput } from "../../../components/provisioning/apply";
import type { PlanFragment } from "../../../components/provisioning/plan";
import { FolderMachine } from "./machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let machine: FolderMachine;
let role: PlanFragment;
const signer = { serverName: "support.dev.internal", caPem: "CA" };
const program = "opt/hashistack/bin/consul-1.2.3";
const runtime = [
  "drop",
  "  target: DROP",
  "  interfaces: ",
  "",
  "hs10 (active)",
  "  target: DROP",
  "  icmp-block-inversion: no",
  "  interfaces: ",
  "  sources: 10.0.0.0/8",
  "  services: ",
  "  ports: 22/tcp 8301/udp",
  "  protocols: icmp ipv6-icmp",
  "  rich rules: ",
  "",
].join("\n");

function input(): ApplyInput {
  return renderApplyInput({ machine: "control-a", hostname: "dev-control-a", signer }, { role });
}

/** As nft shows it. */
const kernel = [
  "table inet firewalld {",
  "\tchain filter_INPUT {",
  "\t\ttype filter hook input priority filter + 10; policy accept;",
  "\t\tjump filter_INPUT_ZONES",
  "\t}",
  "",
  "\tchain filter_INPUT_ZONES {",
  "\t\tip saddr 10.0.0.0/8 goto filter_IN_hs10",
  "\t\tgoto filter_IN_drop",
  "\t}",
  "",
  "\tchain filter_IN_hs10 {",
  "\t\tjump filter_IN_hs10_allow",
  "\t\tdrop",
  "\t}",
  "",
  "\tchain filter_IN_hs10_allow {",
  "\t\ttcp dport 22 accept",
  "\t\tudp dport 8301 ct state new,untracked accept",
  "\t\tmeta l4proto icmp accept",
  "\t\tmeta l4proto ipv6-icmp accept",
  "\t}",
  "}",
  "",
].join("\n");

interface Found {
  phase: string;
  what: string;
  why: string;
  heals: boolean;
}

async function run<T>(verb: "create" | "check" | "repair"): Promise<T> {
  const ran = await machine.run("apply", input(), verb);
  expect(ran.stderr).toBe("");
  return JSON.parse(ran.stdout) as T;
}

async function drift(): Promise<[string, string][]> {
  const { drift: found } = await run<{ drift: Found[] }>("check");
  return found.map(({ what, why }) => [what, why]);
}

/** Every file below the machine's root but the stand-ins' own, with its mode, time and content. */
function everything(): Record<string, string> {
  const all: Record<string, string> = {};
  for (const entry of readdirSync(machine.root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || /\/(fake|run)\//.test(path)) continue;
    const { mode, mtimeMs } = statSync(path);
    all[path] = `${mode} ${mtimeMs} ${readFileSync(path, "utf8")}`;
  }
  return all;
}

beforeEach(async () => {
  machine = new FolderMachine();
  machine.write("etc/firewalld/firewalld.conf", "DefaultZone=public\n");
  machine.setUnit("firewalld.service", {
    LoadState: "loaded",
    ActiveState: "active",
    UnitFileState: "enabled",
  });
  machine.answer("firewall-cmd", runtime);
  machine.answer("nft", kernel);
  machine.write(program, "the program", 0o755);
  machine.write(`${program}.sha256`, `${createHash("sha256").update("the program").digest("hex")}  consul\n`);
  role = {
    users: [{ name: machine.user, home: "/nonexistent" }],
    directories: [{ path: "/etc/consul.d", owner: machine.user, group: machine.group, mode: "0750" }],
    programs: [{ name: "consul", version: "1.2.3" }],
    files: [
      {
        ...{ path: "/etc/consul.d/agent.json", content: "{}\n", owner: machine.user, group: machine.group },
        mode: "0640",
        notifies: [{ unit: "consul.service", action: "restart" }],
      },
    ],
    zones: [
      {
        ...{ name: "hs10", sources: ["10.0.0.0/8"], description: "x" },
        ports: [
          { port: "22", protocol: "tcp" },
          { port: "8301", protocol: "udp" },
        ],
      },
    ],
    units: [{ name: "consul.service", content: "[Service]\n", enable: true, onChange: "restart" }],
    checks: [
      {
        ...{ what: "Consul runs", kind: "unit", target: "consul.service" },
        timeoutSeconds: 5,
        journalOf: "consul.service",
      },
    ],
  };
  machine.answer("getent", `${machine.user}:x:1:1::/nonexistent:/bin/sh\n`);
  await run("create");
  machine.calls();
});
afterEach(() => machine.end());

test("a machine that is as planned has nothing to tell", async () => {
  expect(await run("check")).toEqual({ drift: [], pending: [] });
});

test("what was changed by hand is named with its why, and nothing is changed by looking", async () => {
  machine.append("etc/consul.d/agent.json", "# by hand\n");
  chmodSync(join(machine.root, "etc/consul.d/agent.json"), 0o644);
  chmodSync(join(machine.root, "etc/consul.d"), 0o777);
  rmSync(join(machine.root, "etc/firewalld/zones/hs10.xml"));
  machine.answer("hostname", "somebody\n");
  machine.answer("getent", "");
  machine.setUnit("consul.service", { ActiveState: "failed", Result: "signal", UnitFileState: "disabled" });
  machine.write("etc/systemd/system/consul.service.d/override.conf", "[Service]\nUser=root\n");
  const before = everything();
  const units = machine.units();
  expect(await drift()).toEqual([
    ["host name", "it is somebody"],
    [`user ${machine.user}`, "it is missing"],
    ["directory /etc/consul.d", "its mode is 0777, not 0750"],
    ["file /etc/firewalld/zones/hs10.xml", "it is missing"],
    ["file /etc/consul.d/agent.json", "its content was changed and its mode is 0644, not 0640"],
    ["file /etc/systemd/system/consul.service.d/override.conf", "it changes consul.service"],
    ["unit consul.service", "it is disabled"],
    ["unit consul.service", "it is failed (signal)"],
  ]);
  expect(everything()).toEqual(before);
  expect(machine.units()).toEqual(units);
  expect(
    machine
      .calls()
      .filter((call) => !/^(hostname|getent|firewall-cmd --list|nft list|dpkg-query)/.test(call)),
  ).toEqual([]);
});

test("repair heals all of it, and then there is nothing more to tell", async () => {
  machine.append("etc/consul.d/agent.json", "# by hand\n");
  rmSync(join(machine.root, "etc/consul.d"), { recursive: true });
  machine.write("etc/systemd/system/consul.service.d/override.conf", "[Service]\nUser=root\n");
  machine.setUnit("consul.service", { ActiveState: "inactive", UnitFileState: "masked" });
  machine.setUnit("firewalld.service", { UnitFileState: "masked" });
  const done = await run<{ changed: string[]; left: Found[] }>("repair");
  expect(done.left).toEqual([]);
  expect(done.changed).toContain("unit consul.service started");
  const calls = machine.calls();
  expect(calls).toContain("systemctl unmask -- consul.service");
  expect(calls).toContain("systemctl unmask firewalld.service");
  expect(calls).toContain("systemctl daemon-reload");
  expect(await drift()).toEqual([]);
});

test("a unit that was masked or edited is named once", async () => {
  const file = join(machine.root, "etc/systemd/system/consul.service");
  rmSync(file);
  symlinkSync("/dev/null", file);
  machine.setUnit("consul.service", { UnitFileState: "masked", LoadState: "masked" });
  expect(await drift()).toEqual([["file /etc/systemd/system/consul.service", "it is a link to /dev/null"]]);
  rmSync(file);
  machine.write("etc/systemd/system/consul.service", "[Service]\nUser=root\n");
  machine.setUnit("consul.service", {
    UnitFileState: "enabled",
    LoadState: "loaded",
    NeedDaemonReload: "yes",
  });
  expect(await drift()).toEqual([["file /etc/systemd/system/consul.service", "its content was changed"]]);
});

test.each<[string, (text: string) => string, [string, string][]]>([
  [
    "a port closed",
    (t) => t.replace("22/tcp 8301/udp", "8301/udp"),
    [["zone hs10", "at run time its ports lack 22/tcp"]],
  ],
  [
    "a port opened",
    (t) => t.replace("22/tcp", "22/tcp 80/tcp"),
    [["zone hs10", "at run time its ports have 80/tcp besides"]],
  ],
  [
    "a source removed",
    (t) => t.replace("10.0.0.0/8", ""),
    [["zone hs10", "at run time its sources lack 10.0.0.0/8"]],
  ],
  [
    "a source added",
    (t) => t.replace("10.0.0.0/8", "10.0.0.0/8 ::/0"),
    [["zone hs10", "at run time its sources have ::/0 besides"]],
  ],
  [
    "a rule added",
    (t) => `${t.trimEnd()}\n\trule family="ipv4" accept\n`,
    [["zone hs10", 'at run time its rich rules are rule family="ipv4" accept']],
  ],
  [
    "a target changed",
    (t) => t.replaceAll("DROP", "ACCEPT"),
    [["zone hs10", "at run time its target lack DROP"]],
  ],
  [
    "the zone gone",
    (t) => t.replace("hs10 (active)", "other"),
    [
      ["zone hs10", "it is not there at run time"],
      ["zone other", "at run time it is bound to 10.0.0.0/8"],
    ],
  ],
  [
    "an interface trusted",
    (t) => `trusted (active)\n  target: ACCEPT\n  interfaces: host0\n\n${t}`,
    [["zone trusted", "at run time it is bound to host0"]],
  ],
])("the firewall at run time: %s", async (_what, change, expected) => {
  machine.answer("firewall-cmd", change(runtime));
  expect(await drift()).toEqual(expected);
  await run("repair");
  expect(machine.calls()).toContain("firewall-cmd --reload");
});

const openDoor = "the kernel lets in what no zone names: firewalld's rules are not there";

test.each<[string, (text: string) => string, [string, string][]]>([
  ["the table gone", () => "", [["zone drop", openDoor]]],
  ["all rules gone", (t) => t.replace(/\t\t.*\n/g, ""), [["zone drop", openDoor]]],
  [
    "a port's rule gone",
    (t) => t.replace("\t\ttcp dport 22 accept\n", ""),
    [["zone hs10", "the kernel does not let in tcp 22"]],
  ],
  [
    "a rule more",
    (t) => t.replace("tcp dport 22 accept", "tcp dport 22 accept\n\t\tip saddr 192.0.2.1 accept"),
    [["zone hs10", "the kernel also lets in ip saddr 192.0.2.1 accept"]],
  ],
  [
    "a source gone",
    (t) => t.replace("10.0.0.0/8", "10.0.0.0/9"),
    [["zone hs10", "the kernel does not take 10.0.0.0/8 for it"]],
  ],
  [
    "no drop",
    (t) => t.replace("\t\tdrop\n", ""),
    [["zone hs10", "the kernel does not drop what it does not name"]],
  ],
])("the kernel's rules, changed behind firewalld's back: %s", async (_what, change, expected) => {
  machine.answer("nft", change(kernel));
  expect(await drift()).toEqual(expected);
  await run("repair");
  expect(machine.calls()).toContain("firewall-cmd --reload");
});

test("a program that was replaced is named; what cannot be healed keeps nothing else from it", async () => {
  machine.write(program, "another program", 0o755);
  machine.append("etc/consul.d/agent.json", "x");
  const { drift: found } = await run<{ drift: Found[] }>("check");
  expect(found.map(({ what, heals }) => [what, heals])).toEqual([
    ["program consul 1.2.3", false],
    ["file /etc/consul.d/agent.json", true],
  ]);
  expect(found[0]?.why).toMatch(/another program than .*consul-1\.2\.3\.sha256 says/);
  const { left } = await run<{ left: Found[] }>("repair");
  expect(left.map(({ what }) => what)).toEqual(["program consul 1.2.3"]);
  expect(machine.read("etc/consul.d/agent.json")).toBe("{}\n");
});

test("a daemon that runs but does not do what it shall", async () => {
  role = {
    ...role,
    checks: [
      {
        what: "Consul listens",
        kind: "tcp",
        target: "127.0.0.1:1",
        timeoutSeconds: 60,
        journalOf: "consul.service",
      },
    ],
  };
  expect(await drift()).toEqual([["Consul listens", "not so: 127.0.0.1:1: Connection refused"]]);
});

test("a step that cannot be looked at is told, and the others are looked at", async () => {
  rmSync(join(machine.root, "etc/firewalld/firewalld.conf"));
  machine.append("etc/consul.d/agent.json", "x");
  const { drift: found } = await run<{ drift: Found[] }>("check");
  expect(found).toMatchObject([
    { what: "phase firewall", why: expect.stringContaining("firewalld.conf is missing"), heals: false },
    { what: "file /etc/consul.d/agent.json", heals: true },
  ]);
});
