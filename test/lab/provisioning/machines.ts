import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAsset } from "../../../components/provisioning/assets";

/** Real machines of a lab of the test's own, reached as the engine reaches them: SSH, one pinned host key, stdin. */

const labProgram = join(__dirname, "../../../lab/bin/hashistack-lab.js");
export const network = { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" };

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

export interface LabMachine {
  name: string;
  privateIpv4: string;
  privateIpv6: string;
}

/** Runs a program with its input; never throws for its status. */
export function run(argv: string[], stdin = "", limitSeconds = 120): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = argv as [string, ...string[]];
    const child = spawn(program, args, { stdio: "pipe", timeout: limitSeconds * 1000 });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (part) => {
      stdout += part;
    });
    child.stderr.on("data", (part) => {
      stderr += part;
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
    child.on("error", reject);
    child.on("close", (code) => resolve({ status: code ?? 255, stdout, stderr }));
  });
}

export async function must(argv: string[], stdin = ""): Promise<string> {
  const ran = await run(argv, stdin);
  if (ran.status !== 0)
    throw new Error(`${argv.join(" ")} ended with ${ran.status}: ${ran.stderr}${ran.stdout}`);
  return ran.stdout;
}

export class Machines {
  readonly folder = mkdtempSync(join(tmpdir(), "hashistack-provisioning-"));
  private readonly lab: string;

  constructor(lab: string) {
    this.lab = lab;
  }

  labCommand(...argv: string[]): string[] {
    return [process.execPath, labProgram, "--lab", this.lab, ...argv];
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A new key pair, OpenSSH format. */
  async keyPair(name: string, type: "ed25519" | "ecdsa"): Promise<{ privateKey: string; publicKey: string }> {
    const file = this.path(name);
    await must(["ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", file]);
    return { privateKey: readFileSync(file, "utf8"), publicKey: readFileSync(`${file}.pub`, "utf8").trim() };
  }

  async create(name: string, login: string, hostKey: string, bake: boolean): Promise<LabMachine> {
    const firstContact = { user: "ops", authorizedKeys: [login], hostKey };
    const spec = { name, bake, network, firstContact };
    return JSON.parse(await must(this.labCommand("create"), JSON.stringify(spec))) as LabMachine;
  }

  /** A command on a machine over SSH, verified by the one host key given. */
  ssh(machine: LabMachine, hostKey: string, command: string, stdin = ""): Promise<Ran> {
    const known = this.path(`known-${machine.name}`);
    const [type = "", key = ""] = hostKey.split(" ");
    writeFileSync(known, `${machine.privateIpv6} ${type} ${key}\n`);
    const options = [
      "BatchMode=yes",
      "StrictHostKeyChecking=yes",
      `UserKnownHostsFile=${known}`,
      "GlobalKnownHostsFile=/dev/null",
      `HostKeyAlgorithms=${type}`,
      "ConnectTimeout=10",
    ].flatMap((option) => ["-o", option]);
    const login = ["ssh", "-F", "none", "-i", this.path("login"), ...options, `ops@${machine.privateIpv6}`];
    return run(this.labCommand("exec", "router", "--", ...login, command), stdin, 300);
  }

  /** Waits, as the engine does, until a new machine can be reached. */
  async reached(machine: LabMachine, hostKey: string): Promise<void> {
    const until = Date.now() + 60_000;
    for (;;) {
      const ran = await this.ssh(machine, hostKey, "true");
      if (ran.status === 0) return;
      if (Date.now() > until) throw new Error(`${machine.name} cannot be reached: ${ran.stderr}`);
    }
  }

  /** A program of the library, sent as `remoteProgram` sends it. */
  async program(
    machine: LabMachine,
    hostKey: string,
    program: string,
    input: object,
    verb: "create" | "delete" = "create",
  ): Promise<Ran> {
    const library = ["host", "leaf", "leaving", "observed", "packages", "programs", "signer_policies"];
    const names = [...new Set([program, ...library])];
    const read = (name: string) => readAsset(`provisioning/machine/${name}.py`);
    const bundle = {
      loader: read("loader"),
      machine: machine.name,
      program,
      modules: Object.fromEntries(names.map((name) => [name, read(name)])),
      timeoutSeconds: 240,
      input,
    };
    const entry = "import sys,json;bundle=json.load(sys.stdin);exec(bundle['loader'])";
    const command = `sudo -n /usr/bin/python3 -I -c "${entry}" ${verb}`;
    return this.ssh(machine, hostKey, command, JSON.stringify(bundle));
  }

  /** A program of the machine's own, as its root. */
  inside(machine: LabMachine, ...argv: string[]): Promise<Ran> {
    return run(this.labCommand("exec", "--inside", machine.name, "--", ...argv));
  }

  async end(): Promise<void> {
    await must(this.labCommand("down"));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Root and issuing authority of a service, as `ServiceAuthority` makes them. */
  async authority(service: string): Promise<{ rootPem: string; issuingPem: string; issuingKeyPem: string }> {
    const at = (name: string) => this.path(`${service}/${name}`);
    mkdirSync(this.path(service), { recursive: true });
    const key = (name: string) =>
      must([
        "openssl",
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        at(name),
      ]);
    await key("root.key");
    await key("issuing.key");
    const ca = ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", "30"];
    const subject = (name: string) => ["-subj", `/CN=${service} ${name}`];
    const common = ["openssl", "req", "-x509", "-new", ...ca];
    await must([...common, "-key", at("root.key"), ...subject("root"), "-out", at("root.pem")]);
    await must([
      ...[...common, "-key", at("issuing.key"), ...subject("issuing"), "-out", at("issuing.pem")],
      ...["-CA", at("root.pem"), "-CAkey", at("root.key")],
      ...["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"],
    ]);
    const read = (name: string) => readFileSync(at(name), "utf8");
    return { rootPem: read("root.pem"), issuingPem: read("issuing.pem"), issuingKeyPem: read("issuing.key") };
  }
}
