/** command:remote:Command of pulumi-command v1.2.1 (provider/pkg/provider/remote). */
import type { Client } from "ssh2";
import type { Property, ResourceKind } from "../common/kinds";
import { type Connection, describe, dial } from "./connection";
import { isHostKey } from "./host-key";
import type { Output } from "./output";
import { COMMON_INPUTS, type Ended, lifecycle, outputFor, previousOutput, type Run } from "./shared";

/** Bigger values do not fit into one SSH packet. */
const MAX_ENVIRONMENT_VALUE = 100_000;

const run: Run = async (command, properties, previous, call): Promise<Ended> => {
  const connection = properties.connection as unknown as Connection;
  const host = describe(connection);
  const output = outputFor(properties, call);
  const env = previousOutput(properties, previous);
  for (const [name, value] of Object.entries(env)) {
    if (value.length <= MAX_ENVIRONMENT_VALUE) continue;
    call.log(`${name} is too long for SSH and was left out`, "warning");
    delete env[name];
  }
  const { client, close, destroy } = await dial(connection, call);
  const abort = () => destroy();
  call.signal.addEventListener("abort", abort, { once: true });
  try {
    const stdin = (properties.stdin as string | undefined) ?? "";
    const how = await execute(client, command, env, stdin, output);
    output.finish();
    if (how !== "status 0") throw new Error(`ended with ${how}; ${output.tail()}`);
    return { stdout: output.text("stdout"), stderr: output.text("stderr") };
  } catch (error) {
    const why = call.signal.aborted
      ? `was ended: ${(call.signal.reason as Error).message}; ${output.tail()}`
      : (error as Error).message;
    throw new Error(`${call.name}: the command on ${host} ${why}`);
  } finally {
    call.signal.removeEventListener("abort", abort);
    close();
  }
};

/** Runs a command; answers how it ended, once its output is complete. */
function execute(
  client: Client,
  command: string,
  env: Record<string, string>,
  stdin: string,
  output: Output,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let how: string | undefined;
    let failure = "";
    const over = () => resolve(how ?? `no exit status: the connection was lost${failure}`);
    client.on("error", (error: Error) => {
      failure = `: ${error.message}`;
    });
    client.once("close", over);
    client.exec(command, Object.keys(env).length > 0 ? { env } : {}, (error, channel) => {
      if (error) return reject(new Error(`could not be started: ${error.message}`));
      // All listeners at once: a quick command's exit status may be in the same packet.
      channel.on("exit", (code: number | null, signal?: string) => {
        how = code === null ? `signal ${signal}` : `status ${code}`;
      });
      channel.once("close", over);
      channel.on("data", (data: Buffer) => output.take("stdout", data));
      channel.stderr.on("data", (data: Buffer) => output.take("stderr", data));
      // A command need not read all of its input.
      channel.on("error", () => {});
      channel.end(stdin);
    });
  });
}

const NO_HOST_KEY = "must be a public key line such as 'ssh-ed25519 AAAA…'";
const limit = (value: unknown) => ((value as number) < -1 ? "must be -1 (no limit), 0 or more" : undefined);
const seconds = (value: unknown) =>
  (value as number) < 0 ? "must be 0 (no limit) or more seconds" : undefined;
const port = (value: unknown) =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536
    ? undefined
    : "must be a port number";

/** connectionBase of connection.go, with its defaults. */
const ENDPOINT: Record<string, Property> = {
  host: { type: "string", required: true },
  port: { type: "number", default: 22, validate: port },
  user: { type: "string", default: "root" },
  password: { type: "string", secret: true },
  privateKey: { type: "string", secret: true },
  privateKeyPassword: { type: "string", secret: true },
  agentSocketPath: { type: "string" },
  hostKey: { type: "string", validate: (value) => (isHostKey(value as string) ? undefined : NO_HOST_KEY) },
  dialErrorLimit: { type: "integer", default: 10, validate: limit },
  perDialTimeout: { type: "integer", default: 15, validate: seconds },
};

export const remoteCommand: ResourceKind = {
  token: "command:remote:Command",
  inputs: {
    ...COMMON_INPUTS,
    connection: {
      type: "object",
      required: true,
      secret: true,
      fields: { ...ENDPOINT, proxy: { type: "object", fields: ENDPOINT } },
    },
    environment: {
      type: "map",
      unimplemented:
        "sshd takes variables only where AcceptEnv names them; put them into stdin or the command",
    },
  },
  outputs: { stdout: {}, stderr: {} },
  ...lifecycle(run),
};
