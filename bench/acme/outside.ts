/** An ACME server outside of a lab, where an emulated Linode is, and what a stack must be told of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabLinode } from "../../lab/linode/lab-linode";
import { apiPort } from "../../lab/linode/outside";
import { adminAddress } from "../../lab/machines/addresses";
import { checkout } from "../lab";
import { until } from "../run";
import { type KeyPair, ownCertificate } from "./certificate";
import { Pebble } from "./pebble";

export interface AcmeOutside {
  readonly pebble: Pebble;
  /** Root of its certificates, PEM. */
  readonly root: string;
  /** What the setting `acme` says of it, but for e-mail, domains and credential. */
  readonly settings: {
    readonly directory: string;
    readonly ca: string;
    readonly provider: "linode";
    readonly api: string;
    readonly resolvers: readonly string[];
  };
  end(): Promise<void>;
}

const host = adminAddress.ipv4;
const ports = { acme: 14_000, linode: 8443 };

/**
 * Raises Pebble, in its strict mode, beside an emulated Linode: it validates by the emulated domains' names, and the
 * emulated API answers by TLS too, as whoever writes records wants it.
 *
 * @param folder where files are kept while it runs
 */
export async function raiseAcme(linode: LabLinode, folder: string): Promise<AcmeOutside> {
  const pair = await ownCertificate(host);
  const front = await speakTls(linode, pair, folder);
  try {
    const pebble = await Pebble.start({
      ...{ folder, pair, caPem: pair.cert, host, port: ports.acme, names: "127.0.0.1:53" },
      where: linode.fromOutside,
    });
    try {
      const root = await pebble.root();
      return {
        pebble,
        root,
        settings: {
          directory: pebble.directory,
          ca: `${pair.cert}${root}`,
          provider: "linode",
          api: `https://${host}:${ports.linode}`,
          resolvers: [host],
        },
        end: async () => {
          await pebble.end();
          await ended(front);
        },
      };
    } catch (error) {
      await pebble.end();
      throw error;
    }
  } catch (error) {
    await ended(front);
    throw error;
  }
}

async function speakTls(linode: LabLinode, pair: KeyPair, folder: string): Promise<ChildProcess> {
  const files = Object.entries(pair).map(([what, pem]: [string, string]) => {
    const file = join(folder, `front-${what}.pem`);
    writeFileSync(file, pem, { mode: 0o600 });
    return [what, file];
  });
  const { cert = "", key = "" } = Object.fromEntries(files) as Partial<KeyPair>;
  const program = join(checkout(), "bench/acme/tls-front.mjs");
  const [command = "", ...argv] = linode.fromOutside([
    ...[process.execPath, program, `${ports.linode}`, `${apiPort}`, cert, key],
  ]);
  const child = spawn(command, argv, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await until("TLS before the emulated API", 10, async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      return child.stdout?.read() ? true : undefined;
    });
  } catch (error) {
    await ended(child);
    throw error;
  }
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || !child.pid) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await closed;
}
