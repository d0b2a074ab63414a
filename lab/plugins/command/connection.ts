/**
 * SSH connections as connection.go of pulumi-command v1.2.1 makes them: the host key exactly as given, one jump
 * host, retries up to dialErrorLimit. Unlike there, perDialTimeout bounds the handshake too, a dead peer is noticed
 * by keepalives, and each retry through a jump host opens a stream of its own.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { AuthenticationType, Client, ConnectConfig } from "ssh2";
import type { Call } from "../common/kinds";
import { parseHostKey } from "./host-key";

/** One end of a connection, defaults applied. */
export interface Endpoint {
  host: string;
  port: number;
  user: string;
  password?: string;
  privateKey?: string;
  privateKeyPassword?: string;
  agentSocketPath?: string;
  hostKey?: string;
  dialErrorLimit: number;
  perDialTimeout: number;
}

export interface Connection extends Endpoint {
  proxy?: Endpoint;
}

/** An open connection, and the ways to end it together with its jump host's. */
export interface Dialled {
  client: Client;
  /** Says goodbye. */
  close(): void;
  /** Cuts it. */
  destroy(): void;
}

// The cheapest first: 8 to 20 connections may be made at once on two cores.
const ALGORITHMS = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
  ],
  cipher: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
  ],
  compress: ["none"],
} satisfies ConnectConfig["algorithms"];

const KEEPALIVE_MS = 15_000;
const KEEPALIVES_MISSED = 4;

// retry.Until of pulumi/sdk: 100 ms, growing by half, 5 s at most.
const FIRST_DELAY_MS = 100;
const DELAY_GROWTH = 1.5;
const MAX_DELAY_MS = 5_000;

/** Loaded when first needed: most runs of the plugin connect nowhere. */
function ssh2(): typeof import("ssh2") {
  return require("ssh2");
}

/** An endpoint in messages: never with credentials. */
export function describe(endpoint: Endpoint): string {
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${endpoint.user}@${host}:${endpoint.port}`;
}

/** Connects, through the jump host if there is one. Throws when dialErrorLimit is passed or the call is aborted. */
export async function dial(connection: Connection, call: Call): Promise<Dialled> {
  const { proxy } = connection;
  const target = config(connection, "connection", call);
  if (proxy === undefined)
    return together([await withRetry(connection, call, () => connect(target, call.signal))]);
  const jumpTarget = config(proxy, "connection.proxy", call);
  const jump = await withRetry(proxy, call, () => connect(jumpTarget, call.signal));
  try {
    const client = await withRetry(connection, call, async () => {
      const sock = await forward(jump, connection, call.signal);
      return connect({ ...target, sock }, call.signal);
    });
    return together([client, jump]);
  } catch (error) {
    jump.destroy();
    throw new Error(`${(error as Error).message} (through ${describe(proxy)})`);
  }
}

function together(clients: [Client, ...Client[]]): Dialled {
  return {
    client: clients[0],
    close: () => clients.forEach((client) => void client.end()),
    destroy: () => clients.forEach((client) => void client.destroy()),
  };
}

/** Dials until it works, as often as dialErrorLimit allows (0: once; -1: without end). */
async function withRetry<T>(endpoint: Endpoint, call: Call, once: () => Promise<T>): Promise<T> {
  const limit = endpoint.dialErrorLimit;
  let wait = FIRST_DELAY_MS;
  for (let attempt = 1; ; attempt++) {
    let failure: Error;
    try {
      call.signal.throwIfAborted();
      return await once();
    } catch (error) {
      failure = error as Error;
    }
    const where = `${call.name}: cannot connect to ${describe(endpoint)}`;
    const times = attempt === 1 ? "1 attempt" : `${attempt} attempts`;
    if (limit >= 0 && attempt > limit) throw new Error(`${where} after ${times}: ${failure.message}`);
    call.log(`Dial ${attempt}/${limit < 0 ? "inf" : limit} failed: retrying`, "status");
    try {
      await delay(wait, undefined, { signal: call.signal });
    } catch {
      const reason = (call.signal.reason as Error).message;
      throw new Error(`${where}: ${reason} after ${times}; the last one: ${failure.message}`);
    }
    wait = Math.min(wait * DELAY_GROWTH, MAX_DELAY_MS);
  }
}

/** What ssh2 is told, and what of it this file looks at itself. */
interface Target extends ConnectConfig {
  seconds: number;
  expectedKey?: Buffer;
}

/** One attempt: TCP (or the given stream), host key, authentication. */
function connect(target: Target, signal: AbortSignal): Promise<Client> {
  const { Client } = ssh2();
  return new Promise((resolve, reject) => {
    const client = new Client();
    let hostKeyRefused = false;
    const abort = () => fail((signal.reason as Error).message);
    const timer = limited(target.seconds, (why) => fail(why));
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    const fail = (why: string) => {
      settle();
      client.destroy();
      reject(new Error(hostKeyRefused ? "its host key is not the expected one" : why));
    };
    signal.addEventListener("abort", abort, { once: true });
    // Stays for the connection's whole life: an error without a listener would end the process.
    client.on("error", (error) => fail(error.message));
    client.once("close", () => fail("the connection was closed"));
    client.once("ready", () => {
      settle();
      resolve(client);
    });
    client.on("keyboard-interactive", (_name, _text, _language, prompts, answer) => {
      answer(prompts.map(() => target.password ?? ""));
    });
    const hostVerifier = (key: Buffer): boolean => {
      hostKeyRefused = target.expectedKey !== undefined && !key.equals(target.expectedKey);
      return !hostKeyRefused;
    };
    client.connect({ ...target, hostVerifier });
    // At once: the handshake itself is small packets to and fro, which would wait for each other's acknowledgement.
    client.setNoDelay(true);
  });
}

/** Calls back when the time is over; 0 seconds is no limit. */
function limited(seconds: number, over: (why: string) => void): NodeJS.Timeout | undefined {
  return seconds > 0 ? setTimeout(() => over(`no answer within ${seconds} s`), seconds * 1000) : undefined;
}

/** Throws on keys that cannot be read, which no retry would mend. */
function config(endpoint: Endpoint, path: string, call: Call): Target {
  const { host, port, password, privateKey, privateKeyPassword } = endpoint;
  const expected = endpoint.hostKey === undefined ? undefined : parseHostKey(endpoint.hostKey);
  const agent = endpoint.agentSocketPath ?? (process.env.SSH_AUTH_SOCK || undefined);
  if (privateKey !== undefined) {
    const key = ssh2().utils.parseKey(privateKey, privateKeyPassword);
    if (key instanceof Error)
      throw new Error(`${call.name}: ${path}.privateKey cannot be read: ${key.message}`);
  }
  const authHandler: AuthenticationType[] = [];
  if (privateKey !== undefined) authHandler.push("publickey");
  if (password !== undefined) authHandler.push("password", "keyboard-interactive");
  if (agent !== undefined) authHandler.push("agent");
  return {
    host,
    port,
    username: endpoint.user,
    privateKey,
    passphrase: privateKeyPassword,
    password,
    tryKeyboard: password !== undefined,
    agent,
    authHandler,
    algorithms: expected ? { ...ALGORITHMS, serverHostKey: expected.algorithms } : ALGORITHMS,
    expectedKey: expected?.blob,
    // The limit of connect() holds for the whole attempt.
    seconds: endpoint.perDialTimeout,
    readyTimeout: 0,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: KEEPALIVES_MISSED,
  };
}

/** A stream from the jump host to the endpoint. */
function forward(
  jump: Client,
  to: Endpoint,
  signal: AbortSignal,
): Promise<NonNullable<ConnectConfig["sock"]>> {
  return new Promise((resolve, reject) => {
    const timer = limited(to.perDialTimeout, (why) => fail(why));
    const abort = () => fail((signal.reason as Error).message);
    const lost = () => fail("the connection to the jump host was lost");
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      jump.removeListener("close", lost);
    };
    const fail = (why: string) => {
      settle();
      reject(new Error(why));
    };
    signal.addEventListener("abort", abort, { once: true });
    jump.once("close", lost);
    jump.forwardOut("127.0.0.1", 0, to.host, to.port, (error, stream) => {
      if (error) return fail(error.message);
      settle();
      resolve(stream);
    });
  });
}
