import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Network } from "./addresses.js";
import type { CgroupPlan } from "./cgroups.js";
import { LabError, messageOf } from "./errors.js";
import { lockRoot, stateRoot } from "./names.js";
import { run } from "./run.js";

/** What is known of a lab. */
export interface LabRecord {
  readonly lab: string;
  readonly network: Network;
  /** x of 127.77.x.y. */
  readonly loopback: number;
  /** The index that a machine got last. */
  readonly lastIndex?: number;
  /** The boot of the host in which namespaces and cgroups below were made; another boot has lost them. */
  readonly boot?: string;
  readonly cgroups?: CgroupPlan;
}

/** What is known of a machine. Holds no secret: those go to the machine's disk only. */
export interface MachineRecord {
  readonly id: string;
  readonly name: string;
  readonly index: number;
  readonly public: boolean;
  readonly publicPorts: readonly number[];
  readonly memoryMb?: number;
  /** Read-only layers of its disk, lowest first. */
  readonly layers: readonly string[];
  /** Whether first contact is written on its disk. */
  readonly prepared: boolean;
  readonly desired: "running" | "stopped";
  /** The boot of the host in which its namespace was made. */
  readonly boot?: string;
}

export const labDir = (lab: string): string => join(stateRoot, lab);
const machinesDir = (lab: string): string => join(labDir(lab), "machines");
export const machineDir = (lab: string, name: string): string => join(machinesDir(lab), name);

/** Identity of the host's present boot. */
export const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** Writes a file in one step, readable by root alone. */
export function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

function readJson<T>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new LabError(`${path} is damaged (${messageOf(error)}): "hashistack-lab down" clears the lab.`);
  }
}

/** What is known of a lab; undefined where there is none. Throws a LabError for a damaged record. */
export const readLab = (lab: string): LabRecord | undefined => readJson(join(labDir(lab), "lab.json"));

/** Records a lab. */
export function writeLab(record: LabRecord): void {
  mkdirSync(machinesDir(record.lab), { recursive: true, mode: 0o700 });
  writeAtomically(join(labDir(record.lab), "lab.json"), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** What is known of a machine; undefined where there is none. Throws a LabError for a damaged record. */
export const readMachine = (lab: string, name: string): MachineRecord | undefined =>
  readJson(join(machineDir(lab, name), "machine.json"));

/** Records a machine, and answers its record. */
export function writeMachine(lab: string, record: MachineRecord): MachineRecord {
  mkdirSync(machineDir(lab, record.name), { recursive: true, mode: 0o700 });
  writeAtomically(
    join(machineDir(lab, record.name), "machine.json"),
    `${JSON.stringify(record, undefined, 2)}\n`,
  );
  return record;
}

/** Names with a directory of their own, also those of a `create` that was cut. */
export const machineNames = (lab: string): string[] => entries(machinesDir(lab));

/** The machines that have a record, by index. */
export const machineRecords = (lab: string): MachineRecord[] =>
  machineNames(lab)
    .map((name) => readMachine(lab, name))
    .filter((record) => record !== undefined)
    .sort((one, other) => one.index - other.index);

/** All labs of this host that have a record. */
export const allLabs = (): LabRecord[] =>
  entries(stateRoot)
    .map((lab) => readLab(lab))
    .filter((record) => record !== undefined);

/** Directory entries that are not hidden; none where there is no directory. */
export function entries(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith("."));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Runs `work` while this process holds an exclusive lock on a file. The kernel drops the lock with the process, so a
 * killed run leaves none behind. `work` gets the descriptor: a child that inherits it keeps the lock until its own end.
 */
export async function withLock<T>(
  path: string,
  limitSeconds: number,
  work: (fd: number) => Promise<T>,
): Promise<T> {
  for (;;) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fd = openSync(path, "a", 0o600);
    try {
      // flock(1) locks the open file that both share, and leaves it locked when it ends.
      await run(["flock", "--exclusive", "--timeout", String(limitSeconds), "3"], {
        fds: [fd],
        timeoutMs: (limitSeconds + 5) * 1000,
        what: `Another run of hashistack-lab has held ${path} for ${limitSeconds} s`,
      });
      // Whoever held it may have ended the lab and its locks: then the next caller's is another file.
      if (fstatSync(fd).ino === statSync(path, { throwIfNoEntry: false })?.ino) return await work(fd);
    } finally {
      closeSync(fd);
    }
  }
}

/** The short lock of a lab: allotments and the network. */
export const withLabLock = <T>(lab: string, work: () => Promise<T>): Promise<T> =>
  withLock(join(lockRoot, `${lab}.lab`), 60, work);

/** One verb at a time on one machine. */
export const withMachineLock = <T>(lab: string, name: string, work: () => Promise<T>): Promise<T> =>
  withLock(join(lockRoot, `${lab}.m.${name}`), 120, work);

/** What all labs of the host share: the loopback ranges. */
export const withHostLock = <T>(work: () => Promise<T>): Promise<T> =>
  withLock(join(lockRoot, "host"), 60, work);

/** Removes a directory of whatever size; never crosses into a mount. */
export async function removeTree(path: string): Promise<void> {
  await run(["rm", "-rf", "--one-file-system", path], { timeoutMs: 120_000, what: `Removing ${path}` });
}

/** Removes the lock files of a lab and of its machines. Who waits for one takes the next file. */
export function removeLocks(lab: string): void {
  for (const name of entries(lockRoot)) {
    if (name === `${lab}.lab` || name.startsWith(`${lab}.m.`)) rmSync(join(lockRoot, name), { force: true });
  }
}
