/**
 * Starts a provider plugin as the engine does (a process, a port on its stdout, gRPC) and talks to it in plain
 * values. The stand-in is the default; HASHISTACK_CONTRACT_<NAME>=/path/to/pulumi-resource-<name> puts the official
 * plugin in its place, and the same assertions must hold.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { isSecret, plain } from "../../../lab/plugins/common/values";

export type Values = Record<string, unknown>;

export interface Checked {
  inputs: Values;
  failures: { property: string; reason: string }[];
}

export interface DiffResult {
  changed: boolean;
  replaces: string[];
  /** Changed paths by the engine's kind of change, e.g. "UPDATE_REPLACE". */
  detailed: Record<string, string>;
}

export interface LogLine {
  message: string;
  urn: string;
  status: boolean;
}

const ROOT = path.resolve(__dirname, "../../..");
const START_LIMIT_MS = 10_000;
const KINDS = Object.fromEntries(
  Object.entries(proto.PropertyDiff.Kind).map(([name, value]) => [value, name]),
);

/** One started plugin. */
export class PluginUnderTest {
  private acceptSecrets = false;

  private constructor(
    /** Whether it is the official plugin: what only a stand-in does is not asserted then. */
    readonly official: boolean,
    readonly process: ChildProcessWithoutNullStreams,
    private readonly client: ResourceProviderClient,
    private readonly engine: grpc.Server,
    /** What the plugin sent to the engine's log. */
    readonly logs: LogLine[],
  ) {}

  /** Starts plugin `name` and configures it. */
  static async start(name: string, config: Values = {}): Promise<PluginUnderTest> {
    const official = process.env[`HASHISTACK_CONTRACT_${name.toUpperCase()}`];
    if (official === undefined) requireBuild(name);
    const executable = official ?? path.join(ROOT, "lab/plugins/bin", `pulumi-resource-${name}`);
    const logs: LogLine[] = [];
    const [engine, engineAddress] = await startEngine(logs);
    const child = spawn(executable, [engineAddress], { stdio: ["pipe", "pipe", "pipe"] });
    const port = await readPort(child, executable);
    const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
    const client = new ResourceProviderClient(
      `127.0.0.1:${port}`,
      grpc.credentials.createInsecure(),
      unlimited,
    );
    const plugin = new PluginUnderTest(official !== undefined, child, client, engine, logs);
    await plugin.configure(config);
    return plugin;
  }

  async configure(config: Values): Promise<void> {
    const request = new proto.ConfigureRequest();
    request.setArgs(Struct.fromJavaScript(config as never));
    for (const [name, value] of Object.entries(config))
      request.getVariablesMap().set(name, String(plain(value)));
    request.setAcceptsecrets(true);
    request.setAcceptresources(true);
    request.setSendsOldInputs(true);
    request.setSendsOldInputsToDelete(true);
    const response = await this.call<proto.ConfigureResponse>((done) => this.client.configure(request, done));
    this.acceptSecrets = response.getAcceptsecrets();
  }

  async version(): Promise<string> {
    const info = await this.call<{ getVersion(): string }>((done) =>
      this.client.getPluginInfo(new Empty(), done),
    );
    return info.getVersion();
  }

  async check(token: string, news: Values, olds: Values = {}): Promise<Checked> {
    const request = new proto.CheckRequest();
    request.setUrn(urn(token));
    request.setOlds(this.struct(olds));
    request.setNews(this.struct(news));
    request.setRandomseed(Buffer.alloc(32, 7));
    const response = await this.call<proto.CheckResponse>((done) => this.client.check(request, done));
    const failures = response
      .getFailuresList()
      .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() }));
    return { inputs: values(response.getInputs()), failures };
  }

  /** Checks inputs that must be right. */
  async checked(token: string, news: Values): Promise<Values> {
    const { inputs, failures } = await this.check(token, news);
    if (failures.length > 0) throw new Error(failures.map((failure) => failure.reason).join("; "));
    return inputs;
  }

  async diff(token: string, id: string, state: Values, oldInputs: Values, news: Values): Promise<DiffResult> {
    const request = new proto.DiffRequest();
    request.setId(id);
    request.setUrn(urn(token));
    request.setOlds(this.struct(state));
    request.setOldInputs(this.struct(oldInputs));
    request.setNews(this.struct(news));
    const response = await this.call<proto.DiffResponse>((done) => this.client.diff(request, done));
    const detailed = response.getDetaileddiffMap().toArray() as unknown as [string, [number]][];
    return {
      changed: response.getChanges() === proto.DiffResponse.DiffChanges.DIFF_SOME,
      replaces: response.getReplacesList(),
      detailed: Object.fromEntries(detailed.map(([changed, [kind]]) => [changed, KINDS[kind ?? 0] ?? "ADD"])),
    };
  }

  async create(token: string, inputs: Values, opts: { preview?: boolean; timeout?: number } = {}) {
    const request = new proto.CreateRequest();
    request.setUrn(urn(token));
    request.setName("subject");
    request.setType(token);
    request.setProperties(this.struct(inputs));
    request.setPreview(opts.preview ?? false);
    request.setTimeout(opts.timeout ?? 0);
    const response = await this.call<proto.CreateResponse>((done) => this.client.create(request, done));
    return { id: response.getId(), properties: values(response.getProperties()) };
  }

  /** Check and create, as the engine does for a new resource. */
  async make(token: string, news: Values, opts: { timeout?: number } = {}) {
    const inputs = await this.checked(token, news);
    return { inputs, ...(await this.create(token, inputs, opts)) };
  }

  async update(
    token: string,
    old: { id: string; properties: Values; inputs: Values },
    inputs: Values,
    opts: { preview?: boolean; timeout?: number } = {},
  ): Promise<Values> {
    const request = new proto.UpdateRequest();
    request.setId(old.id);
    request.setUrn(urn(token));
    request.setName("subject");
    request.setType(token);
    request.setOlds(this.struct(old.properties));
    request.setOldInputs(this.struct(old.inputs));
    request.setNews(this.struct(inputs));
    request.setPreview(opts.preview ?? false);
    request.setTimeout(opts.timeout ?? 0);
    const response = await this.call<proto.UpdateResponse>((done) => this.client.update(request, done));
    return values(response.getProperties());
  }

  async read(token: string, id: string, state: Values = {}, inputs: Values = {}) {
    const request = new proto.ReadRequest();
    request.setId(id);
    request.setUrn(urn(token));
    request.setName("subject");
    request.setType(token);
    request.setProperties(this.struct(state));
    request.setInputs(this.struct(inputs));
    const response = await this.call<proto.ReadResponse>((done) => this.client.read(request, done));
    return {
      id: response.getId(),
      properties: values(response.getProperties()),
      inputs: values(response.getInputs()),
    };
  }

  async delete(token: string, old: { id: string; properties: Values; inputs?: Values }): Promise<void> {
    const request = new proto.DeleteRequest();
    request.setId(old.id);
    request.setUrn(urn(token));
    request.setName("subject");
    request.setType(token);
    request.setProperties(this.struct(old.properties));
    request.setOldInputs(this.struct(old.inputs ?? {}));
    await this.call<Empty>((done) => this.client.delete(request, done));
  }

  async invoke(token: string, args: Values): Promise<Values> {
    const request = new proto.InvokeRequest();
    request.setTok(token);
    request.setArgs(this.struct(args));
    const response = await this.call<proto.InvokeResponse>((done) => this.client.invoke(request, done));
    if (response.getFailuresList().length > 0) throw new Error(response.getFailuresList()[0].getReason());
    return values(response.getReturn());
  }

  async cancel(): Promise<void> {
    await this.call<Empty>((done) => this.client.cancel(new Empty(), done));
  }

  /** Ends the plugin as the engine does, and answers its exit code. */
  async stop(): Promise<number | null> {
    this.client.close();
    this.engine.forceShutdown();
    return endOf(this.process, () => this.process.kill("SIGINT"));
  }

  /** Leaves the plugin alone, as an engine that was killed does, and answers its exit code. */
  async lostEngine(): Promise<number | null> {
    this.client.close();
    this.engine.forceShutdown();
    return endOf(this.process, () => this.process.stdin.end());
  }

  private struct(properties: Values): Struct {
    const wire = this.acceptSecrets ? properties : (plain(properties) as Values);
    return Struct.fromJavaScript(wire as never);
  }

  private call<T>(work: (done: (error: grpc.ServiceError | null, response: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      work((error, response) => (error ? reject(errorOf(error)) : resolve(response)));
    });
  }
}

/** Whether property `name` is marked secret, either as a whole or by everything it holds. */
export function secretIn(properties: Values, name: string): boolean {
  return isSecret(properties[name]);
}

/** Waits, with a limit, until a process has ended. */
export async function endOf(
  child: ChildProcessWithoutNullStreams,
  begin: () => void,
): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error("the plugin did not end within 5 s"));
    }, 5_000);
    child.once("exit", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
    begin();
  });
}

/** A failed call; with what was made all the same, if the plugin says so. */
export interface CallError extends Error {
  made?: { id: string; properties: Values };
}

function errorOf(error: grpc.ServiceError): CallError {
  const [status] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const details = status === undefined ? [] : Status.deserializeBinary(Buffer.from(status)).getDetailsList();
  const result: CallError = new Error(error.details);
  for (const detail of details) {
    const failed = proto.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    result.made = { id: failed.getId(), properties: values(failed.getProperties()) };
  }
  return result;
}

function urn(token: string): string {
  return `urn:pulumi:test::contract::${token}::subject`;
}

function values(message: Struct | undefined): Values {
  return message === undefined ? {} : (message.toJavaScript() as Values);
}

/** The engine's side of the plugin protocol: it takes the log. */
async function startEngine(logs: LogLine[]): Promise<[grpc.Server, string]> {
  const server = new grpc.Server();
  const empty = (_: unknown, callback: grpc.sendUnaryData<Empty>) => callback(null, new Empty());
  server.addService(EngineService, {
    log: (call: { request: LogRequest }, callback: grpc.sendUnaryData<Empty>) => {
      const { request } = call;
      logs.push({ message: request.getMessage(), urn: request.getUrn(), status: request.getEphemeral() });
      callback(null, new Empty());
    },
    getRootResource: empty,
    setRootResource: empty,
    startDebugging: empty,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return [server, `127.0.0.1:${port}`];
}

function readPort(child: ChildProcessWithoutNullStreams, executable: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`${executable} ${why}; its error output: ${err}`));
    };
    const timer = setTimeout(() => fail("printed no port within its limit"), START_LIMIT_MS);
    child.on("error", (error) => fail(`could not be started: ${error.message}`));
    child.on("exit", (code) => fail(`ended with ${code} before it printed a port`));
    child.stderr.on("data", (data: Buffer) => {
      err += data;
    });
    child.stdout.on("data", (data: Buffer) => {
      out += data;
      const end = out.indexOf("\n");
      if (end < 0) return;
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve(Number(out.slice(0, end)));
    });
  });
}

/** The executables run compiled code: says so when it is missing or older than its source. */
function requireBuild(name: string): void {
  for (const folder of ["common", name]) {
    const sources = path.join(ROOT, "lab/plugins", folder);
    for (const file of fs.readdirSync(sources).filter((entry) => entry.endsWith(".ts"))) {
      const built = path.join(ROOT, "dist/lab/plugins", folder, file.replace(/\.ts$/, ".js"));
      if (!fs.existsSync(built)) throw new Error(`${built} is missing: run "npm run build" first`);
      if (fs.statSync(built).mtimeMs < fs.statSync(path.join(sources, file)).mtimeMs) {
        throw new Error(
          `${built} is older than its source: run "npm run build" (after "rm -r dist" if that changes nothing)`,
        );
      }
    }
  }
}
