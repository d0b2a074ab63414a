import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readAsset } from "../../../components/provisioning/assets";

/** A machine that is a folder: the library's programs run on it for real, the system's commands are stand-ins. */

const commands = [
  ...[
    "systemctl",
    "systemd-run",
    "journalctl",
    "firewall-cmd",
    "nft",
    "unshare",
    "dpkg-query",
    "apt-get",
    "getent",
    "useradd",
    "usermod",
  ],
  ...["hostname", "ssh-keyscan", "sshd", "cfssl"],
];

/** Fails with words where the tests' own needs are not met: these programs are what the library runs on machines. */
export function requirePrograms(): void {
  for (const [program, flag] of [
    ["python3", "--version"],
    ["openssl", "version"],
    ["ssh-keygen", "-?"],
  ] as const) {
    try {
      execFileSync(program, [flag], { stdio: "ignore" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        throw new Error(`These tests need ${program} on PATH: the library's programs for machines use it.`);
      }
    }
  }
}

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

export class FolderMachine {
  readonly root = mkdtempSync(join(tmpdir(), "hashistack-machine-"));
  private readonly fake = join(this.root, "fake");
  private readonly bin = join(this.fake, "bin");
  /** Owner of everything here. */
  readonly user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  readonly group = execFileSync("id", ["-gn"], { encoding: "utf8" }).trim();

  constructor() {
    requirePrograms();
    mkdirSync(this.bin, { recursive: true });
    for (const name of commands) {
      symlinkSync(join(__dirname, "fakes/command.py"), join(this.bin, name));
    }
  }

  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  }

  read(path: string): string | undefined {
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  }

  answer(command: string, text: string): void {
    this.write(`fake/answers/${command}`, text);
  }

  fail(command: string, words: string): void {
    this.write(`fake/fails/${command}`, words);
  }

  heal(command: string): void {
    rmSync(join(this.fake, "fails", command));
  }

  setUnit(name: string, state: Record<string, string>): void {
    const units = this.units();
    units[name] = { ...units[name], ...state };
    this.write("fake/units.json", JSON.stringify(units));
  }

  units(): Record<string, Record<string, string>> {
    return JSON.parse(this.read("fake/units.json") ?? "{}");
  }

  /** What was called since the last time. */
  calls(): string[] {
    const log = join(this.fake, "calls.log");
    const found = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
    rmSync(log, { force: true });
    return found;
  }

  /** Runs a program of the library as `remoteProgram` does. */
  run(
    program: string,
    input: object,
    verb: "create" | "update" | "delete" | "check" | "repair" = "create",
    more: { source?: string; timeoutSeconds?: number } = {},
  ): Promise<Ran> {
    const read = (name: string) => readAsset(`provisioning/machine/${name}.py`);
    const own = ["host", "leaf", "leaving", "observed", "packages", "programs", "apply"];
    const names = [...own, "enrol", "signer_policies", "signer_register"];
    const modules: Record<string, string> = Object.fromEntries(names.map((name) => [name, read(name)]));
    modules.host += `\nROOT = ${JSON.stringify(this.root)}\n`;
    modules.signer_policies += `\nGROUP = ${JSON.stringify(this.group)}\n`;
    if (more.source !== undefined) modules[program] = more.source;
    const bundle = {
      loader: read("loader"),
      machine: "control-a",
      program,
      modules,
      timeoutSeconds: more.timeoutSeconds ?? 60,
      input,
    };
    const entry = "import sys,json;bundle=json.load(sys.stdin);exec(bundle['loader'])";
    return this.spawn(["python3", "-I", "-c", entry, verb], JSON.stringify(bundle));
  }

  private spawn(argv: [string, ...string[]], stdin: string): Promise<Ran> {
    const env = { PATH: `${this.bin}:${process.env.PATH}`, FAKE: this.fake, FAKE_ROOT: this.root };
    return new Promise((resolve, reject) => {
      const child = spawn(argv[0], argv.slice(1), { env, stdio: "pipe" });
      const ran: Ran = { status: -1, stdout: "", stderr: "" };
      child.stdout.on("data", (part) => {
        ran.stdout += part;
      });
      child.stderr.on("data", (part) => {
        ran.stderr += part;
      });
      child.stdin.on("error", () => undefined);
      child.stdin.end(stdin);
      child.on("error", reject);
      child.on("close", (code) => resolve({ ...ran, status: code ?? -1 }));
    });
  }

  /** A line more in a file that exists. */
  append(path: string, text: string): void {
    appendFileSync(join(this.root, path), text);
  }

  end(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
