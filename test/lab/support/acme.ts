import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { createServer, request as httpsRequest, type Server } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { decode, encode, streamEncode } from "dns-packet";
import { run, until } from "../../../bench/run";
import { zonesOf } from "../../../lab/linode/admin";
import { answerTo } from "../../../lab/linode/dns";
import type { State } from "../../../lab/linode/state";
import { locate } from "../../../lab/toolchain/ensure";
import { defaultToolchain } from "../../../lab/toolchain/index";

/** What the tests of public certificates stand on: an ACME server, a proxy before it that has faults, names. */

/** The file of a program of the toolchain, which is there already. */
export async function programFile(name: string): Promise<string> {
  const chain = defaultToolchain();
  const [found] = await locate(
    chain,
    chain.manifest.filter((program) => program.name === name),
  );
  if (!found) throw new Error(`${name} is not there: npm run toolchain -- ${name}`);
  return found.path;
}

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface PebbleOptions {
  /** Where its files are kept. */
  readonly folder: string;
  /** What it shows whoever asks; valid for `host`. */
  readonly pair: KeyPair;
  /** The root that signed this, PEM. */
  readonly caPem: string;
  /** By which it is asked. Default "localhost". */
  readonly host?: string;
  /** Its port; the next one is its tester's. */
  readonly port: number;
  /** The name server by which it validates, host:port. */
  readonly names: string;
  /** How long its certificates live. Default 90 days. */
  readonly validitySeconds?: number;
  /** How many of a hundred nonces it refuses. Default 0. */
  readonly badNonces?: number;
  /** Words before its own: where it runs. Default: here. */
  readonly where?: (argv: readonly string[]) => string[];
}

/** Let's Encrypt's test server, in its strict mode. Each has roots of its own, and forgets everything when it ends. */
export class Pebble {
  private said = "";

  private constructor(
    private readonly options: PebbleOptions,
    private readonly child: ChildProcess,
  ) {}

  static async start(options: PebbleOptions): Promise<Pebble> {
    const { folder, pair, port, names, validitySeconds = 90 * 86_400, badNonces = 0 } = options;
    const at = (name: string) => join(folder, `pebble-${port}.${name}`);
    writeFileSync(at("crt"), pair.cert);
    writeFileSync(at("key"), pair.key, { mode: 0o600 });
    const config = {
      listenAddress: `:${port}`,
      managementListenAddress: `:${port + 1}`,
      certificate: at("crt"),
      privateKey: at("key"),
      httpPort: 5002,
      tlsPort: 5001,
      keyAlgorithm: "ecdsa",
      retryAfter: { authz: 1, order: 1 },
      profiles: { default: { description: "as Let's Encrypt's", validityPeriod: validitySeconds } },
    };
    writeFileSync(at("json"), JSON.stringify({ pebble: config }));
    const own = [await programFile("pebble"), "-strict", "-config", at("json"), "-dnsserver", names];
    const [program = "", ...args] = options.where?.(own) ?? own;
    const env = {
      ...process.env,
      PEBBLE_VA_NOSLEEP: "1",
      PEBBLE_WFE_NONCEREJECT: String(badNonces),
      // Every issue is validated, however soon after another.
      PEBBLE_AUTHZREUSE: "0",
    };
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const pebble = new Pebble(options, child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        pebble.said = (pebble.said + text).slice(-20_000);
      });
    }
    await until(`Pebble on port ${port}`, 20, async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${pebble.said}`);
      return pebble.root();
    });
    return pebble;
  }

  get directory(): string {
    return `https://${this.options.host ?? "localhost"}:${this.options.port}/dir`;
  }

  /** What it has said of late. */
  get words(): string {
    return this.said;
  }

  /** The root of its certificates, PEM. */
  async root(): Promise<string> {
    const { host = "localhost", port, where } = this.options;
    const url = `https://${host}:${port + 1}/roots/0`;
    const file = join(this.options.folder, "pebble-ca.pem");
    writeFileSync(file, this.options.caPem);
    const curl = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", "--cacert", file, url];
    return run(where?.(curl) ?? curl, { what: "Pebble's root" });
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null || !this.child.pid) return;
    const ended = new Promise((resolve) => this.child.once("close", resolve));
    process.kill(-this.child.pid, "SIGKILL");
    await ended;
  }
}

/** Answers for names, over TCP and UDP, from what an emulated account has. Gives host:port and what ends it. */
export async function serveNames(state: State): Promise<{ address: string; end: () => void }> {
  const reply = (question: Buffer) => answerTo(decode(question), zonesOf(state));
  const stream = createTcpServer((socket) => {
    // Who asks here asks once, and with one packet.
    socket.once("data", (chunk: Buffer) => socket.end(streamEncode(reply(chunk.subarray(2)))));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.listen(0, "127.0.0.1", resolve);
  });
  const { port } = stream.address() as AddressInfo;
  const datagrams = createSocket("udp4");
  datagrams.on("message", (message, from) => {
    datagrams.send(encode(reply(message)), from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    datagrams.once("error", reject);
    datagrams.bind(port, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${port}`,
    end: () => {
      datagrams.close();
      stream.close();
    },
  };
}

/**
 * A proxy before an ACME server that knows what problems its clients were told of. With `limited` it answers whoever orders a
 * certificate as RFC 8555 says that a limit does (6.6). Gives its directory's URL, the problems' types, and what ends it.
 */
export async function between(
  pair: KeyPair,
  far: { port: number; caPem: string },
  { limited = false } = {},
): Promise<{ directory: string; problems: readonly string[]; end: () => void }> {
  const problems: string[] = [];
  const server: Server = createServer(pair, (request, response) => {
    const options = {
      host: "localhost",
      port: far.port,
      path: request.url,
      method: request.method,
      // The URLs that Pebble tells of are then the proxy's.
      headers: request.headers,
      ca: far.caPem,
    };
    const forwarded = httpsRequest(options, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      let [status, headers, body] = [
        answer.statusCode ?? 502,
        answer.headers,
        Buffer.concat(chunks).toString(),
      ];
      if (limited && request.url === "/order-plz" && request.method === "POST") {
        const detail = "too many certificates (5) already issued for this exact set of identifiers";
        body = JSON.stringify({ type: "urn:ietf:params:acme:error:rateLimited", status: 429, detail });
        const nonce = answer.headers["replay-nonce"];
        [status, headers] = [429, { "content-type": "application/problem+json", "retry-after": "3600" }];
        if (nonce) headers["replay-nonce"] = nonce;
      }
      if (headers["content-type"]?.startsWith("application/problem+json"))
        problems.push((JSON.parse(body) as { type: string }).type);
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
    });
    forwarded.on("error", () => response.destroy());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    directory: `https://localhost:${port}/dir`,
    problems,
    end: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
