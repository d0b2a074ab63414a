import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hostGroup, trackingBase } from "../machines/cgroups.js";
import { detach } from "../machines/detach.js";
import { LabError, messageOf } from "../machines/errors.js";
import { killGroup, makeHostGroup, processesOf } from "../machines/groups.js";
import { openLab, standing } from "../machines/lab.js";
import { labSource, scriptPath } from "../machines/paths.js";
import { until } from "../machines/run.js";
import type { AcmeSpec } from "../machines/spec.js";
import { labDir, removeTree, withMachineLock, writeAtomically } from "../machines/state.js";

/** An ACME server that a lab has for as long as it stands: processes of the host's, in the lab's namespace `outside`. */

/** Its place beside the machines; none of them can have the name. */
const place = "outside";

/** How long it may take to answer. */
const startLimitMs = 60_000;

/** What its process is told. */
export interface AskedAcme {
  readonly domains: readonly string[];
  readonly token: string;
  /** Pebble's file. */
  readonly program: string;
}

/** What whoever wants a certificate of it must know. */
export interface AcmeAnswer {
  /** Of the ACME server. */
  readonly directory: string;
  /** Roots of the server, of the API, and of the certificates that it gives, PEM. */
  readonly ca: string;
  /** The API by which records are written: that of an emulated Linode. */
  readonly api: string;
  /** Name servers that answer for the domains. */
  readonly resolvers: readonly string[];
  /** What the API knows the writer by. */
  readonly token: string;
}

/** Where its files are. */
export function acmeFiles(lab: string): Record<"dir" | "asked" | "answer" | "socket" | "log", string> {
  const dir = join(labDir(lab), "acme");
  const at = (name: string) => join(dir, name);
  return {
    dir,
    asked: at("asked.json"),
    answer: at("answer.json"),
    socket: at("linode.sock"),
    log: at("log"),
  };
}

/**
 * Has the server run, and says what it is asked by. One that runs and serves these domains is left as it is; each that is
 * started has roots of its own.
 */
export async function ensureAcme(
  lab: string,
  { domains, network }: AcmeSpec,
  progress: (words: string) => void,
): Promise<AcmeAnswer> {
  const program = await pebble(progress);
  await openLab(lab, network);
  return withMachineLock(lab, place, async () => {
    const before = askedOf(lab);
    if (before && before.domains.join() === domains.join() && runs(lab)) return answerOf(lab);
    return start(lab, { domains, program, token: before?.token ?? randomBytes(32).toString("hex") });
  });
}

/** Starts it again where it should run: after the host's reboot. */
export async function resumeAcme(lab: string, progress: (words: string) => void): Promise<void> {
  await withMachineLock(lab, place, async () => {
    const asked = askedOf(lab);
    if (!asked || runs(lab)) return;
    await start(lab, { ...asked, program: await pebble(progress) });
    progress("the ACME server runs");
  });
}

/** Ends it. One that does not run is a success. */
export async function endAcme(lab: string): Promise<boolean> {
  if (!askedOf(lab)) return false;
  await withMachineLock(lab, place, async () => {
    const open = standing(lab);
    if (open) await killGroup(hostGroup(trackingBase(open.cgroups), place));
    await removeTree(acmeFiles(lab).dir);
  });
  return true;
}

async function start(lab: string, asked: AskedAcme): Promise<AcmeAnswer> {
  const { dir, asked: file, answer, log } = acmeFiles(lab);
  const main = join(labSource(), "../dist/lab/acme/main.js");
  if (!existsSync(main)) throw new LabError(`${main} is not there: "npm run build" makes it.`);
  const { cgroups } = await openLab(lab, undefined);
  const group = makeHostGroup(cgroups, place);
  await killGroup(group);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const old of [answer, log]) rmSync(old, { force: true });
  writeAtomically(file, JSON.stringify(asked));
  const { over } = detach([scriptPath("in-group.sh"), group, process.execPath, main, lab], log);
  await until("The lab's ACME server", startLimitMs, () => {
    const why = over();
    if (why !== undefined) throw new LabError(`The lab's ACME server ended: ${why}`);
    return existsSync(answer);
  });
  return answerOf(lab);
}

const askedOf = (lab: string): AskedAcme | undefined => read(acmeFiles(lab).asked);

function answerOf(lab: string): AcmeAnswer {
  const answer = read<AcmeAnswer>(acmeFiles(lab).answer);
  if (!answer) throw new LabError(`The lab ${lab} has no ACME server that answers.`);
  return answer;
}

function read<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

/** It began to answer, and is there yet: whichever of its processes ends, all is started anew. */
function runs(lab: string): boolean {
  const open = standing(lab);
  if (!open || !existsSync(acmeFiles(lab).answer)) return false;
  return processesOf(hostGroup(trackingBase(open.cgroups), place)).length >= processes;
}

/** The server itself, its part outside, what speaks TLS, and Pebble. */
const processes = 4;

async function pebble(progress: (words: string) => void): Promise<string> {
  const { ensureTools } = await import("../toolchain/index.js");
  try {
    const onProgress = ({ tool, phase }: { tool: string; phase: string }) => progress(`${tool}: ${phase}`);
    const [tool] = await ensureTools(["pebble"], { onProgress });
    return tool?.path ?? "";
  } catch (error) {
    throw new LabError(`Pebble, the ACME server, is not to be had: ${messageOf(error)}`);
  }
}
