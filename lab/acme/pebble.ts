import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabError, messageOf } from "../machines/errors.js";
import { run, until } from "../machines/run.js";
import type { KeyPair } from "./certificate.js";

export interface PebbleOptions {
  /** Its file. */
  readonly program: string;
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
    const own = [options.program, "-strict", "-config", at("json"), "-dnsserver", names];
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
    let over: string | undefined;
    child.on("error", ({ message }) => {
      over = `Pebble cannot begin: ${message}.`;
    });
    child.on("close", () => {
      over ??= `Pebble ended: ${pebble.said.trim()}`;
    });
    let why = "";
    try {
      await until(`Pebble on port ${port}`, 20_000, async () => {
        if (over) throw new LabError(over);
        try {
          return (await pebble.root()) !== "";
        } catch (error) {
          why = messageOf(error);
          return false;
        }
      });
    } catch (error) {
      await pebble.end();
      throw over ? error : new LabError(`${messageOf(error)} ${why}`.trim());
    }
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
