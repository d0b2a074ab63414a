import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  doctorJson,
  doctorText,
  examine,
  exitCodeOf,
  type MachineReport,
  repair,
  turnsOf,
  type Ward,
} from "../../../cli/doctor";
import type { Outputs } from "../../../cli/outputs";
import { programsOf, withVerb } from "../../../cli/programs";

const line = 'sudo -n /usr/bin/python3 -I -c "import sys;create" create';

function resource(name: string, more: object = {}) {
  const urn = `urn:pulumi:dev::p::pulumi-hashistack:index:X$command:remote:Command::${name}`;
  const stdin = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    plaintext: '"bun\\"dle"',
  };
  return { urn, type: "command:remote:Command", inputs: { create: line, stdin }, ...more };
}

describe("the programs in the state", () => {
  it("are found by name, their input in clear; what only waits for its deletion is not", () => {
    const resources = [
      { urn: "urn:pulumi:dev::p::pulumi:pulumi:Stack::s", type: "pulumi:pulumi:Stack" },
      resource("control-a-apply"),
      resource("client-a-apply", { delete: true }),
      resource("client-a-apply", { inputs: { create: line, stdin: "plain" } }),
      resource("bare", { inputs: { create: line } }),
    ];
    expect([...programsOf({ deployment: { resources } })]).toEqual([
      ["control-a-apply", { commandLine: line, stdin: 'bun"dle' }],
      ["client-a-apply", { commandLine: line, stdin: "plain" }],
    ]);
    expect(programsOf({ deployment: {} }).size).toBe(0);
    expect(() => programsOf({})).toThrow(/export of the stack is not as expected/);
  });

  it("get another verb in the last place alone", () => {
    expect(withVerb(line, "check")).toBe('sudo -n /usr/bin/python3 -I -c "import sys;create" check');
    expect(() => withVerb("rm -rf /", "check")).toThrow(/does not end with its verb/);
  });
});

const machine = (...roles: string[]) => ({ id: "x", hostKey: "ssh-ed25519 A", roles });
const outputs = {
  support: { name: "support-a" },
  machines: {
    "support-a": machine("support"),
    "control-a": machine("consul-server", "nomad-server"),
    "control-b": machine("vault-server"),
    "client-a": machine("nomad-client"),
    "client-b": machine("nomad-client"),
  },
} as unknown as Outputs;

it("support is repaired first, then servers together, then clients one by one", () => {
  expect(turnsOf(["client-a", "client-b", "control-a", "control-b", "support-a"], outputs)).toEqual([
    ["support-a"],
    ["control-a", "control-b"],
    ["client-a"],
    ["client-b"],
  ]);
  expect(turnsOf(["client-b"], outputs)).toEqual([["client-b"]]);
});

const edited = { phase: "files", what: "file /etc/a", why: "its content was changed", heals: true };
const other = { phase: "programs", what: "program consul 1", why: "it is another", heals: false };
const well: MachineReport = { machine: "client-a", drift: [] };
const sick: MachineReport = { machine: "control-a", drift: [edited, other] };
const away: MachineReport = { machine: "client-b", drift: [], problem: "cannot be reached: timeout\nmore" };

describe("what is told", () => {
  it("in words, machine by machine, and what to do", () => {
    expect(doctorText([well, sick, away], " --stack x")).toBe(
      [
        "control-a  file /etc/a: its content was changed",
        "           program consul 1: it is another (no repair heals this)",
        "client-b   cannot be reached: timeout",
        "           more",
        "",
        "Not as planned: control-a.",
        "Not looked at to the end: client-b.",
        "To heal it: npx hashistack doctor --repair --stack x, or up --repair --stack x",
        "To make anew what no repair heals: npx hashistack replace --stack x control-a",
      ].join("\n"),
    );
    expect(doctorText([well], "")).toBe("All 1 machines are as they shall be.");
  });

  it("as JSON", () => {
    expect(JSON.parse(doctorJson([well, away]))).toEqual({
      machines: {
        "client-a": { drift: [] },
        "client-b": { drift: [], problem: "cannot be reached: timeout\nmore" },
      },
    });
  });

  it("as an exit code: nothing 0, drift 1, not looked at 2", () => {
    expect([[well], [well, sick, away], [well, away]].map(exitCodeOf)).toEqual([0, 1, 2]);
  });
});

describe("over ssh", () => {
  let folder: string;
  const path = process.env.PATH;

  // Stands in for ssh: what it was asked for is noted, and answered by the machine's name.
  const ssh = `#!/bin/sh
while [ $# -gt 2 ]; do shift; done
input=$(cat)
echo "$1 \${2##* } $input" >> "$FOLDER/asked"
case "$1 \${2##* }" in
"control-a check") [ -e "$FOLDER/repaired" ] && echo '{"drift":[],"pending":[]}' ||
  echo '{"drift":[{"phase":"files","what":"file /etc/a","why":"x","heals":true}],"pending":["vault.service"]}' ;;
"control-a repair") : > "$FOLDER/repaired"; echo '{"changed":["file /etc/a"],"pending":["vault.service"],"left":[]}' ;;
"support-a repair") case "$input" in *"rollout that fails") echo "support-a: rollout: control-a: vault.service did not restart" >&2; exit 1 ;;
  *rollout) echo '{"restarted":["control-a vault.service"],"rejoined":[]}' ;;
  *profile) echo '{"changed":["signing profile of x"],"pending":[]}' ;;
  *) echo '{"changed":[],"pending":[]}' ;; esac ;;
"support-a check") case "$input" in *profile) echo '{"drift":[{"phase":"p","what":"signing profile of x","why":"y","heals":true}],"pending":[]}' ;;
  *) echo '{"drift":[],"pending":[]}' ;; esac ;;
"control-b check") echo "ssh: connect: No route" >&2; exit 255 ;;
"client-a check") echo "client-a: apply: another run holds apply" >&2; exit 1 ;;
"client-b check") ;;
esac
`;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "hashistack-doctor-"));
    writeFileSync(join(folder, "ssh"), ssh);
    chmodSync(join(folder, "ssh"), 0o755);
    process.env.FOLDER = folder;
    process.env.PATH = `${folder}:${path}`;
  });
  afterAll(() => {
    process.env.PATH = path;
    delete process.env.FOLDER;
    rmSync(folder, { recursive: true, force: true });
  });

  it("one that is not reached keeps nobody from the others; repair ends with the servers' restarts", async () => {
    const program = (stdin: string) => ({ commandLine: line, stdin });
    const names = Object.keys(outputs.machines);
    const ward: Ward = {
      outputs,
      programs: new Map([
        ...names.map((name) => [`${name}-apply`, program(`for ${name}`)] as const),
        ["rollout", program("for the rollout")],
        ["client-a-signer-profile", program("for a profile")],
        ["consul-bootstrap", program("never run again")],
      ]),
      ssh: { config: join(folder, "config"), knownHosts: "", key: "" },
    };
    const reports = await examine(ward);
    const profile = { phase: "p", what: "signing profile of x", why: "y", heals: true };
    const waits = {
      phase: "units",
      what: "unit vault.service",
      why: "it waits for its turn to restart",
      heals: true,
    };
    expect(reports).toEqual([
      { machine: "client-a", drift: [], problem: "client-a: apply: another run holds apply" },
      { machine: "client-b", drift: [], problem: "its answer is of another version: run up once" },
      {
        machine: "control-a",
        drift: [{ phase: "files", what: "file /etc/a", why: "x", heals: true }, waits],
      },
      { machine: "control-b", drift: [], problem: "cannot be reached: ssh: connect: No route" },
      { machine: "support-a", drift: [profile] },
    ]);
    rmSync(join(folder, "asked"));
    const said: string[] = [];
    const after = await repair(ward, reports, (words) => said.push(words));
    expect(said).toEqual([
      "support-a: signing profile of x",
      "control-a: file /etc/a",
      "control-a vault.service restarted",
    ]);
    expect(after[2]).toEqual({ machine: "control-a", drift: [] });
    expect(after[3]).toEqual(reports[3]);
    expect(readFileSync(join(folder, "asked"), "utf8").trim().split("\n")).toEqual([
      "support-a repair for support-a",
      "support-a repair for a profile",
      "control-a repair for control-a",
      "support-a repair for the rollout",
      expect.stringMatching(/^(control|support)-a check for (control|support)-a$/),
      expect.stringMatching(/^(control|support)-a check for (control|support)-a$/),
      "support-a check for a profile",
    ]);
  });

  it("restarts that failed are no success, though no file is wrong", async () => {
    const program = { commandLine: line, stdin: "for a rollout that fails" };
    const ssh = { config: join(folder, "config"), knownHosts: "", key: "" };
    const before = [well, { machine: "support-a", drift: [] }];
    const after = await repair({ outputs, programs: new Map([["rollout", program]]), ssh }, before, () => {});
    const problem = "restarts wait: support-a: rollout: control-a: vault.service did not restart";
    expect(after).toEqual([well, { machine: "support-a", drift: [], problem }]);
    expect(exitCodeOf(after)).toBe(2);
  });
});
