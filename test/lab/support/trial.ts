import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkout, Lab, type LabMachine } from "../../../bench/lab";
import { editSettings, makeProject, type Project, type StackConfig, stack } from "../../../bench/project";
import { type Ran, run, runAny, until } from "../../../bench/run";
import { EngineError, readOutputs, runEngine } from "../../../cli/engine";
import { parseUrn } from "../../../cli/events";
import { type Outputs, parseOutputs } from "../../../cli/outputs";
import { failureText } from "../../../cli/report";
import { vaultLogin } from "../../../cli/toolEnv";
import { labName } from "../../../lab/machines/names";

/** A stack on real machines, as a user has it: a project of its own, a lab of its own, the command line. */

/** A knock at a port: see probe.mjs. */
export type Knock =
  | { kind: "tcp"; host: string; port: number }
  | { kind: "raw"; host: string; port: number; bytes: string }
  | {
      kind: "tls";
      host: string;
      port: number;
      first?: number;
      next?: string;
      alpn?: string;
      ca: string;
      cert?: string;
      key?: string;
      serverName: string;
    };

export interface HttpRequest {
  /** Default "https". */
  scheme?: "http" | "https";
  host: string;
  port: number;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  ca?: string;
  /** The name to ask for and verify. Default: the address. */
  serverName?: string;
  /** Whether to speak HTTP/2 and nothing older; a GET then. */
  http2?: boolean;
}

export interface HttpAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  error?: string;
}

export type AddressKind = "privateIpv4" | "privateIpv6" | "publicIpv4" | "publicIpv6";

/** A resource of the state, secrets in clear. */
export interface StateResource {
  urn: string;
  type: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** One `up` that was watched. */
export interface Up {
  readonly summary: Readonly<Record<string, number>>;
  /** Names of the resources that were not left as they are. */
  readonly changed: readonly string[];
}

const probe = join(__dirname, "probe.mjs");

/** A name that two checkouts on one host do not share. Example: "test-dev-1a2b3c". */
export function nameOf(what: string): string {
  return `test-${what}-${createHash("sha256").update(checkout()).digest("hex").slice(0, 6)}`;
}

export interface TrialOptions {
  /** Settings file, relative to the checkout. Default: the dev stack's. */
  settings?: string;
  /** Whether the lab gets its name from the project's folder, as a user's does. Default false: one of the tests' own. */
  namedByFolder?: boolean;
}

export class Trial {
  readonly lab: Lab;
  /** What the command line has said so far, failing runs too. */
  readonly said: string[] = [];
  private opened: Project | undefined;
  private known: Outputs | undefined;

  private readonly place: string;

  /** @param what a short word. Example: "dev" */
  constructor(
    what: string,
    private readonly options: TrialOptions = {},
  ) {
    const name = nameOf(what);
    this.place = join(realpathSync(tmpdir()), `hashistack-${name}`);
    this.lab = new Lab(options.namedByFolder ? labName(undefined, undefined, this.place) : name);
  }

  /** Makes the project; ends first what a killed run left of this very trial. */
  async open(): Promise<void> {
    await this.lab.down();
    const { namedByFolder, settings } = this.options;
    this.opened = makeProject({
      lab: namedByFolder ? undefined : this.lab.name,
      folder: this.place,
      settings,
    });
  }

  /** Ends everything, however far it came. */
  async close(): Promise<void> {
    await this.lab.down();
    this.opened?.remove();
  }

  get project(): Project {
    if (!this.opened) throw new Error("the trial is not open");
    return this.opened;
  }

  get folder(): string {
    return this.project.workspace.root;
  }

  /** Changes the settings file as a user's editor does. */
  configure(change: (config: StackConfig) => void): void {
    editSettings(this.folder, change);
  }

  /** `hashistack …` in the project's folder. */
  async cli(...words: string[]): Promise<Ran> {
    const program = join(checkout(), "cli/bin/hashistack.js");
    const ran = await runAny([process.execPath, program, ...words], {
      what: `hashistack ${words[0]}`,
      cwd: this.folder,
      env: this.project.env,
      timeoutSeconds: 840,
    });
    // What was asked to show secrets, or to run another program, says more than the command line does.
    if (!["exec", "env"].includes(words[0] ?? "")) this.said.push(ran.stdout, ran.stderr);
    return ran;
  }

  /** An `up` by the same engine, told which resources it touched. */
  async up(): Promise<Up> {
    const changed = new Set<string>();
    const { summary } = await runEngine({
      verb: "up",
      stack,
      cwd: this.folder,
      env: this.project.env,
      readOutputs: false,
      signal: AbortSignal.timeout(840_000),
      onEvent: ({ resourcePreEvent }) => {
        const step = resourcePreEvent?.metadata;
        if (step && step.op !== "same") changed.add(parseUrn(step.urn).name);
      },
    });
    this.known = undefined;
    return { summary, changed: [...changed].sort() };
  }

  /** An `up` that must fail. */
  async failingUp(): Promise<EngineError> {
    try {
      await this.up();
    } catch (error) {
      this.known = undefined;
      if (!(error instanceof EngineError)) throw error;
      this.said.push(failureText(error), JSON.stringify(error));
      return error;
    }
    throw new Error("the up did not fail");
  }

  /** The outputs, secrets in clear. */
  async outputs(): Promise<Outputs> {
    const { workspace, env } = this.project;
    this.known ??= parseOutputs(await readOutputs(workspace, stack, env), stack);
    return this.known;
  }

  /** The resources of the state as they are now, secrets in clear. */
  async state(): Promise<StateResource[]> {
    const words = ["pulumi", "stack", "export", "--stack", stack, "--show-secrets"];
    const { code, stdout, stderr } = await this.cli("exec", "--", ...words);
    if (code !== 0) throw new Error(`the export of the state: ${stderr}`);
    return (JSON.parse(stdout) as { deployment: { resources: StateResource[] } }).deployment.resources;
  }

  /** A machine's id and addresses; "" for an address that it has not. */
  async machine(name: string): Promise<Record<AddressKind | "id", string>> {
    const found = (await this.outputs()).machines[name];
    if (!found) throw new Error(`the stack has no machine ${name}`);
    const { id, privateIpv4 = "", privateIpv6 = "", publicIpv4 = "", publicIpv6 = "" } = found;
    return { id, privateIpv4, privateIpv6, publicIpv4, publicIpv6 };
  }

  /** Name of a machine in the lab. */
  async cloudName(machine: string): Promise<string> {
    return (await this.machine(machine)).id;
  }

  /** Runs a program of the machine's own, as its root. */
  async inside(machine: string, ...argv: string[]): Promise<string> {
    const name = await this.cloudName(machine);
    return run(this.lab.argv("exec", "--inside", name, "--", ...argv), { what: `${argv[0]} on ${machine}` });
  }

  /** Puts a file onto a machine, into a folder for its root alone. */
  async put(machine: string, path: string, text: string): Promise<void> {
    const name = await this.cloudName(machine);
    await this.inside(machine, "mkdir", "-p", "-m", "0700", dirname(path));
    const words = ["dd", "status=none", `of=${path}`];
    await run(this.lab.argv("exec", "--inside", name, "--", ...words), {
      what: `${path} on ${machine}`,
      input: text,
    });
  }

  /** Runs a Python program of test/lab on a machine, as its root; both sides speak JSON. */
  async python<T>(machine: string, file: string, input: object): Promise<T> {
    const name = await this.cloudName(machine);
    const entry = "import sys,json;bundle=json.load(sys.stdin);exec(bundle['program'])";
    const argv = this.lab.argv("exec", "--inside", name, "--", "python3", "-I", "-c", entry);
    const program = readFileSync(join(__dirname, "..", file), "utf8");
    return JSON.parse(
      await run(argv, { what: `${file} on ${machine}`, input: JSON.stringify({ program, input }) }),
    ) as T;
  }

  /** Knocks from a namespace of the lab ("outside", "stranger"), from a machine's, or, with "", from the host's own. */
  knock(from: string, knocks: readonly Knock[]): Promise<string[]> {
    return this.probe(from, knocks);
  }

  /** Requests from there. */
  request(from: string, requests: readonly HttpRequest[]): Promise<HttpAnswer[]> {
    return this.probe(
      from,
      requests.map((request) => ({ kind: request.http2 ? "http2" : "http", ...request })),
    );
  }

  private async probe<T>(from: string, knocks: readonly object[]): Promise<T[]> {
    const own = ["", "outside", "stranger", "router"].includes(from);
    const where = own ? from : await this.cloudName(from);
    const argv = [process.execPath, probe];
    const options = { what: `knocking from ${from || "here"}`, input: JSON.stringify(knocks) };
    return JSON.parse(await run(where ? this.lab.argv("exec", where, "--", ...argv) : argv, options)) as T[];
  }

  /** A request to one of the three APIs, the way of an administrator, with his token unless another is given. */
  async api(
    service: "consul" | "nomad" | "vault",
    path: string,
    options: { method?: string; body?: object; token?: string } = {},
  ): Promise<HttpAnswer> {
    const outputs = await this.outputs();
    const { address, serverName } = outputs.apis[service];
    const { hostname: host, port } = new URL(address);
    const tokens = {
      consul: async () => outputs.consulToken,
      nomad: async () => outputs.nomadToken,
      vault: () => vaultLogin(outputs),
    };
    const token = options.token ?? (await tokens[service]());
    const [answer] = await this.request("", [
      {
        ...{ host, port: Number(port), path, serverName, ca: outputs.ca[service] },
        method: options.method ?? "GET",
        ...(options.body ? { body: JSON.stringify(options.body) } : {}),
        headers: token ? { [`X-${service[0]?.toUpperCase()}${service.slice(1)}-Token`]: token } : {},
      },
    ]);
    return answer as HttpAnswer;
  }

  /** The JSON of an answer that must be 200. */
  async ask<T>(service: "consul" | "nomad" | "vault", path: string, method?: string): Promise<T> {
    const { status, body, error } = await this.api(service, path, { method });
    if (status !== 200) throw new Error(`${service} ${path}: ${error ?? `${status} ${body}`}`);
    return JSON.parse(body ?? "") as T;
  }

  /** Logins by SSH that the machines' journals know of, by machine. */
  async logins(): Promise<Record<string, number>> {
    const names = await this.lab.machines();
    const counts = await Promise.all(names.map((name) => this.lab.logins(name)));
    return Object.fromEntries(names.map((name, index) => [name, counts[index] as number]));
  }

  /** A machine that no stack knows, made by the lab's program in the project's folder. */
  async bareMachine(name: string): Promise<LabMachine> {
    const key = join(this.folder, "key");
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], { what: "a key pair" });
    const firstContact = {
      user: "ops",
      authorizedKeys: [readFileSync(`${key}.pub`, "utf8").trim()],
      hostKey: readFileSync(key, "utf8"),
    };
    const network = { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" };
    const program = join(checkout(), "lab/bin/hashistack-lab.js");
    return JSON.parse(
      await run([process.execPath, program, "create"], {
        what: `making machine ${name}`,
        input: JSON.stringify({ name, bake: true, network, firstContact }),
        cwd: this.folder,
        env: this.project.env,
      }),
    ) as LabMachine;
  }

  /** Loses a machine of the lab for good, its disk with it, behind the engine's back. */
  async destroyMachine(name: string): Promise<void> {
    await run(this.lab.argv("destroy"), { what: `the loss of ${name}`, input: JSON.stringify({ name }) });
  }

  /** What is known of the stack was read before something else changed it. */
  forget(): void {
    this.known = undefined;
  }

  /** Halts or starts a machine. */
  async power(verb: "stop" | "start", machine: string): Promise<void> {
    await run(this.lab.argv(verb, await this.cloudName(machine)), { what: `${verb} of ${machine}` });
  }
}

export { until };
