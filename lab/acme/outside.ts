import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiPort } from "../linode/outside.js";
import { adminAddress } from "../machines/addresses.js";
import { LabError } from "../machines/errors.js";
import { labSource } from "../machines/paths.js";
import { until } from "../machines/run.js";
import { type KeyPair, ownCertificate } from "./certificate.js";
import { Pebble } from "./pebble.js";

/** An ACME server outside of a lab, where an emulated Linode is, and what a stack must be told of it. */

export interface AcmeOutsideOptions {
  /** Pebble's file. */
  readonly program: string;
  /** Words that run a command outside, where names are asked of the emulated domains. */
  readonly fromOutside: (command: readonly string[]) => string[];
  /** Where files are kept while it runs. */
  readonly folder: string;
}

/** What the setting `acme` says of it, but for e-mail, domains and credential. */
export interface AcmeOutsideSettings {
  readonly directory: string;
  /** Roots of the server, of the API, and of the certificates that it gives, PEM. */
  readonly ca: string;
  readonly provider: "linode";
  readonly api: string;
  readonly resolvers: readonly string[];
}

export interface AcmeOutside {
  readonly pebble: Pebble;
  /** Root of its certificates, PEM. */
  readonly root: string;
  readonly settings: AcmeOutsideSettings;
  end(): Promise<void>;
}

const host = adminAddress.ipv4;
const ports = { acme: 14_000, linode: 8443 };

/**
 * Raises Pebble, in its strict mode, beside an emulated Linode: it validates by the emulated domains' names, and the
 * emulated API answers by TLS too, as whoever writes records wants it.
 */
export async function raiseAcme({ program, fromOutside, folder }: AcmeOutsideOptions): Promise<AcmeOutside> {
  const pair = await ownCertificate(host);
  const front = await speakTls(fromOutside, pair, folder);
  let pebble: Pebble | undefined;
  const end = async () => {
    await pebble?.end();
    await ended(front);
  };
  try {
    pebble = await Pebble.start({
      ...{ program, folder, pair, caPem: pair.cert, host, port: ports.acme, names: "127.0.0.1:53" },
      where: fromOutside,
    });
    const root = await pebble.root();
    const settings = {
      directory: pebble.directory,
      ca: `${pair.cert}${root}`,
      provider: "linode" as const,
      api: `https://${host}:${ports.linode}`,
      resolvers: [host],
    };
    return { pebble, root, settings, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function speakTls(
  fromOutside: AcmeOutsideOptions["fromOutside"],
  pair: KeyPair,
  folder: string,
): Promise<ChildProcess> {
  const files = Object.entries(pair).map(([what, pem]: [string, string]) => {
    const file = join(folder, `front-${what}.pem`);
    writeFileSync(file, pem, { mode: 0o600 });
    return [what, file];
  });
  const { cert = "", key = "" } = Object.fromEntries(files) as Partial<KeyPair>;
  const front = join(labSource(), "acme/tls-front.mjs");
  const [command = "", ...argv] = fromOutside([
    ...[process.execPath, front, `${ports.linode}`, `${apiPort}`, cert, key],
  ]);
  const child = spawn(command, argv, { stdio: ["ignore", "pipe", "inherit"] });
  let refused: string | undefined;
  child.on("error", ({ message }) => {
    refused = message;
  });
  try {
    await until("TLS before the emulated API", 10_000, () => {
      if (refused) throw new LabError(`What speaks TLS before the emulated API cannot begin: ${refused}.`);
      if (child.exitCode !== null)
        throw new LabError(`What speaks TLS before the emulated API ended with ${child.exitCode}.`);
      return child.stdout?.read() !== null;
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
