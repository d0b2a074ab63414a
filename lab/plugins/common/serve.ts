/** Serves a plugin to the engine, over the protocol classes that @pulumi/pulumi ships (loading all of it is slow). */
import * as fs from "node:fs";
import * as grpc from "@grpc/grpc-js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import { type IResourceProviderServer, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { ChangeKind } from "./diff";
import { EngineLog } from "./engine-log";
import type { Call, CheckFailure, ProviderKind, Values } from "./kinds";
import { Operations } from "./operations";
import { PartlyMade } from "./partly-made";
import { type Diff, Provider } from "./provider";

const { Kind } = proto.PropertyDiff;
const DIFF_KINDS: Record<ChangeKind, [proto.PropertyDiff.Kind, proto.PropertyDiff.Kind]> = {
  add: [Kind.ADD, Kind.ADD_REPLACE],
  delete: [Kind.DELETE, Kind.DELETE_REPLACE],
  update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
};

/**
 * Runs a plugin as the engine expects it: listens on a free loopback port, prints the port, and serves until
 * the engine interrupts it or is gone.
 * @param args the process's arguments: flags that are ignored, and the engine's address.
 */
export async function serve(kind: ProviderKind, args: string[]): Promise<void> {
  const log = new EngineLog(engineAddress(args));
  const operations = new Operations(log);
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(ResourceProviderService, service(new Provider(kind), operations, log));
  const end = () => {
    operations.cancel();
    process.exit(0);
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  endWithEngine(end);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);
}

/** The engine holds the other end of stdin: when that closes, it is gone. */
function endWithEngine(end: () => void): void {
  const stdin = fs.fstatSync(0);
  if (!stdin.isFIFO() && !stdin.isSocket()) return;
  process.stdin.on("end", end);
  process.stdin.on("error", end);
  process.stdin.resume();
}

function engineAddress(args: string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--tracing") i++;
    else if (!args[i].startsWith("-")) return args[i];
  }
  return undefined;
}

/** Any unary handler of the service. */
type Handler<Request, Response> = grpc.handleUnaryCall<Request, Response>;

function answer<Request, Response>(
  work: (request: Request) => Response | Promise<Response>,
): Handler<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => work(call.request))
      .then(
        (response) => callback(null, response),
        (error: unknown) =>
          callback({ code: grpc.status.UNKNOWN, details: messageOf(error), metadata: detailsOf(error) }),
      );
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What was made all the same, where the engine looks for it. */
function detailsOf(error: unknown): grpc.Metadata | undefined {
  if (!(error instanceof PartlyMade)) return undefined;
  const failed = new proto.ErrorResourceInitFailed();
  failed.setId(error.id);
  failed.setProperties(struct(error.outputs));
  failed.setInputs(struct(error.inputs));
  failed.setReasonsList([error.message]);
  const detail = new Any();
  detail.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(error.message);
  status.addDetails(detail);
  const metadata = new grpc.Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return metadata;
}

function unimplemented(name: string): Handler<unknown, never> {
  return (_, callback) =>
    callback({ code: grpc.status.UNIMPLEMENTED, details: `${name} is not implemented` });
}

function service(
  provider: Provider,
  operations: Operations,
  log: EngineLog,
): grpc.UntypedServiceImplementation {
  const { kind } = provider;
  const handlers: Partial<IResourceProviderServer> = {
    handshake: answer((request) => {
      if (request.getEngineAddress() !== "") log.attach(request.getEngineAddress());
      const response = new proto.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      return response;
    }),
    attach: answer((request) => {
      log.attach(request.getAddress());
      return new Empty();
    }),
    getPluginInfo: answer(() => {
      const info = new plugin.PluginInfo();
      info.setVersion(kind.version);
      return info;
    }),
    cancel: answer(() => {
      operations.cancel();
      return new Empty();
    }),
    checkConfig: answer((request) => {
      const { inputs, failures } = provider.checkConfig(values(request.getNews()));
      return checkResponse(inputs, failures);
    }),
    diffConfig: answer((request) => {
      // A changed configuration is taken over by configure; it never replaces resources.
      const changed = JSON.stringify(values(request.getOlds())) !== JSON.stringify(values(request.getNews()));
      return diffResponse({ changed, replaces: [], detailed: [] }, false);
    }),
    configure: answer(async (request) => {
      await operations.run(kind.name, kind.name, 0, (call) =>
        provider.configure(values(request.getArgs()), call),
      );
      const response = new proto.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),
    check: answer((request) => {
      const { inputs, failures } = provider.check(tokenOf(request.getUrn()), values(request.getNews()));
      return checkResponse(inputs, failures);
    }),
    diff: answer((request) => {
      const oldInputs = request.hasOldInputs() ? values(request.getOldInputs()) : undefined;
      const state = values(request.getOlds());
      const diff = provider.diff(tokenOf(request.getUrn()), state, oldInputs, values(request.getNews()));
      return diffResponse(diff, true);
    }),
    create: answer(async (request) => {
      const token = tokenOf(request.getUrn());
      const inputs = values(request.getProperties());
      const made = request.getPreview()
        ? provider.previewCreate(token, inputs)
        : await operate(request, (call) => provider.create(token, inputs, call));
      const response = new proto.CreateResponse();
      response.setId(made.id);
      response.setProperties(struct(made.properties));
      return response;
    }),
    update: answer(async (request) => {
      const token = tokenOf(request.getUrn());
      const [id, state, inputs] = [request.getId(), values(request.getOlds()), values(request.getNews())];
      const updated = request.getPreview()
        ? provider.previewUpdate(token, id, state, inputs)
        : await operate(request, (call) => provider.update(token, id, state, inputs, call));
      const response = new proto.UpdateResponse();
      response.setProperties(struct(updated.properties));
      return response;
    }),
    read: answer(async (request) => {
      const [inputs, state] = [values(request.getInputs()), values(request.getProperties())];
      const token = tokenOf(request.getUrn());
      const read = await operate(request, (call) =>
        provider.read(token, request.getId(), inputs, state, call),
      );
      const response = new proto.ReadResponse();
      if (read === undefined) return response;
      response.setId(read.id);
      response.setInputs(struct(read.inputs));
      response.setProperties(struct(read.properties));
      return response;
    }),
    delete: answer(async (request) => {
      const token = tokenOf(request.getUrn());
      const state = values(request.getProperties());
      await operate(request, (call) => provider.delete(token, request.getId(), state, call));
      return new Empty();
    }),
    invoke: answer(async (request) => {
      const token = request.getTok();
      const result = await operations.run(token, token, 0, (call) =>
        provider.invoke(token, values(request.getArgs()), call),
      );
      const response = new proto.InvokeResponse();
      response.setReturn(struct(result));
      return response;
    }),
    getSchema: answer(() => {
      const response = new proto.GetSchemaResponse();
      response.setSchema(JSON.stringify({ name: kind.name, version: kind.version }));
      return response;
    }),
  };
  const rest = ["parameterize", "call", "construct", "getMapping", "getMappings"];
  return {
    ...Object.fromEntries(rest.map((name) => [name, unimplemented(name)])),
    ...handlers,
  } as grpc.UntypedServiceImplementation;

  function operate<T>(
    request: { getUrn(): string; getTimeout(): number },
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const urn = request.getUrn();
    return operations.run(urn, urn.split("::").slice(3).join("::"), request.getTimeout(), work);
  }
}

/** The resource type in a URN: the last of its chain of parents' types. */
function tokenOf(urn: string): string {
  return urn.split("::")[2]?.split("$").pop() ?? "";
}

function values(message: Struct | undefined): Values {
  return message === undefined ? {} : (message.toJavaScript() as Values);
}

function struct(properties: Values): Struct {
  const present = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Struct.fromJavaScript(Object.fromEntries(present) as Record<string, JavaScriptValue>);
}

function checkResponse(inputs: Values, failures: CheckFailure[]): proto.CheckResponse {
  const response = new proto.CheckResponse();
  response.setInputs(struct(inputs));
  response.setFailuresList(
    failures.map(({ property, reason }) => {
      const failure = new proto.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

function diffResponse(diff: Diff, detailed: boolean): proto.DiffResponse {
  const response = new proto.DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
  response.setChanges(diff.changed ? DIFF_SOME : DIFF_NONE);
  response.setReplacesList(diff.replaces);
  response.setHasdetaileddiff(detailed);
  response.setDiffsList([...new Set(diff.detailed.map((change) => change.path.split(/[.[]/)[0]))]);
  for (const { path, kind, replace } of diff.detailed) {
    const change = new proto.PropertyDiff();
    change.setKind(DIFF_KINDS[kind][replace ? 1 : 0]);
    change.setInputdiff(true);
    response.getDetaileddiffMap().set(path, change);
  }
  return response;
}
