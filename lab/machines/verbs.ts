import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { resumeAcme } from "../acme/server.js";
import { freeIndex, indexOfHost } from "./addresses.js";
import { hostGroup, machineGroup, planCgroups, trackingBase } from "./cgroups.js";
import { prepareDisk } from "./disk.js";
import { exitCodes, LabError, messageOf, unknownMachine } from "./errors.js";
import {
  killGroup,
  readHost,
  removeLabGroups,
  removeMachineGroups,
  signal,
  systemdIsInit,
} from "./groups.js";
import { ensureImage, type Progress, presentImage } from "./image.js";
import {
  namespacesOf,
  type OpenLab,
  openLab,
  removeEmptyStateRoot,
  removeNamespaces,
  standing,
} from "./lab.js";
import {
  answer,
  boot,
  cutPower,
  leaderOf,
  type Machine,
  type MachineState,
  makeDisk,
  stateOf,
  supervisorOf,
  unplug,
} from "./machine.js";
import { until } from "./run.js";
import type { MachineSpec } from "./spec.js";
import {
  labDir,
  type MachineRecord,
  machineDir,
  machineNames,
  machineRecords,
  readLab,
  readMachine,
  removeLocks,
  removeTree,
  withLabLock,
  withMachineLock,
  writeLab,
  writeMachine,
} from "./state.js";

/** How long a machine may take to halt before it is cut off. A leftover task can hold systemd back for 90 s. */
const haltLimitMs = 10_000;

/**
 * Makes a machine, or takes up the one of this name, and boots it. It may not yet answer over SSH.
 * @param layers what its disk lies on, lowest first, in place of the image's
 */
export async function createMachine(
  lab: string,
  spec: MachineSpec,
  progress: Progress,
  layers?: readonly string[],
): Promise<Machine> {
  const below = layers ?? (presentImage(spec.bake) ?? (await ensureImage(spec.bake, progress))).layers;
  return withMachineLock(lab, spec.name, async () => {
    const known = readMachine(lab, spec.name);
    if (known && known.public !== spec.public) {
      const is = known.public ? "public" : "private";
      throw new LabError(`Machine ${spec.name} exists and is ${is}: destroy it first.`, exitCodes.usage);
    }
    const { open, allotted } = known
      ? { open: await openLab(lab, spec.network), allotted: known }
      : await allot(lab, spec, below);
    let record = writeMachine(lab, { ...allotted, publicPorts: spec.publicPorts, desired: "running" });
    if (!record.prepared) {
      // A run that was cut in here began again from nothing: no machine has seen this disk.
      await removeTree(join(machineDir(lab, record.name), "upper"));
      const upper = makeDisk(lab, record.name);
      prepareDisk(upper, record.layers, record.name, spec);
      record = writeMachine(lab, { ...record, prepared: true });
    }
    await boot(open, record);
    return answer(open, record);
  });
}

/** Gives a new machine its index and its id, in a lab that stands. */
async function allot(
  lab: string,
  spec: MachineSpec,
  layers: readonly string[],
): Promise<{ open: OpenLab; allotted: MachineRecord }> {
  for (;;) {
    const open = await openLab(lab, spec.network);
    const allotted = await withLabLock(lab, async () => {
      // Who removed the last machine may have ended the lab since it was opened.
      const record = standing(lab);
      if (!record) return undefined;
      const others = machineRecords(lab);
      const { name, publicPorts, memoryMb, host } = spec;
      const holder = host && others.find(({ index }) => index === indexOfHost(host));
      if (holder) throw new LabError(`Machine ${name} shall have number ${host}, which ${holder.name} has.`);
      const taken = new Set(others.map(({ index }) => index));
      const index = host ? indexOfHost(host) : freeIndex(taken, open.network, record.lastIndex);
      if (!host) writeLab({ ...record, lastIndex: index });
      return writeMachine(lab, {
        id: `${name}.${randomBytes(4).toString("hex")}`,
        name,
        index,
        public: spec.public,
        publicPorts,
        memoryMb,
        layers,
        prepared: false,
        desired: "running",
      });
    });
    if (allotted) return { open, allotted };
  }
}

/** Starts a machine that is recorded. */
export const startMachine = (lab: string, name: string): Promise<Machine & { state: MachineState }> =>
  onMachine(lab, name, async (open, record) => {
    await boot(open, writeMachine(lab, { ...record, desired: "running" }));
  });

/** Halts a machine cleanly; cuts it off when it takes too long. */
export const stopMachine = (lab: string, name: string): Promise<Machine & { state: MachineState }> =>
  onMachine(lab, name, async (open, record) => {
    writeMachine(lab, { ...record, desired: "stopped" });
    await halt(open, name);
  });

/** Ends a machine as a power cut does; it stays recorded as one that should run. */
export const killMachine = (lab: string, name: string): Promise<Machine & { state: MachineState }> =>
  onMachine(lab, name, (open) => cutPower(open, name));

/** Reboots a machine cleanly and returns when its new PID 1 has begun; starts one that does not run. */
export const rebootMachine = (lab: string, name: string): Promise<Machine & { state: MachineState }> =>
  onMachine(lab, name, async (open, record) => {
    writeMachine(lab, { ...record, desired: "running" });
    const leader = leaderOf(open, name);
    if (leader !== undefined && stateOf(open, record) === "running") {
      // SIGRTMIN+5 asks systemd to start reboot.target; node has no name for real-time signals.
      process.kill(leader, 34 + 5);
      try {
        await until("The reboot", haltLimitMs, () => ![undefined, leader].includes(leaderOf(open, name)));
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        await cutPower(open, name);
      }
    }
    await boot(open, { ...record, desired: "running" });
  });

async function halt(open: OpenLab, name: string): Promise<void> {
  const supervisor = supervisorOf(open, name);
  if (supervisor !== undefined) {
    signal(supervisor, "SIGTERM");
    try {
      await until("The halt", haltLimitMs, () => supervisorOf(open, name) === undefined);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
    }
  }
  await cutPower(open, name);
}

async function onMachine(
  lab: string,
  name: string,
  work: (open: OpenLab, record: MachineRecord) => Promise<void>,
): Promise<Machine & { state: MachineState }> {
  if (!readMachine(lab, name)) throw unknownMachine(lab, name);
  const open = await openLab(lab, undefined);
  return withMachineLock(lab, name, async () => {
    const record = readMachine(lab, name);
    if (!record) throw unknownMachine(lab, name);
    if (!record.prepared)
      throw new LabError(`Machine ${name} was never finished: create it again or destroy it.`);
    await work(open, record);
    return { ...answer(open, record), state: stateOf(open, readMachine(lab, name) ?? record) };
  });
}

/** All machines with their state. None where there is no lab. */
export async function listMachines(
  lab: string,
): Promise<(Machine & { state: MachineState; publicPorts: readonly number[] })[]> {
  const record = readLab(lab);
  if (!record) return [];
  const open = { ...record, cgroups: record.cgroups ?? plannedGroups(lab), boot: record.boot ?? "" };
  return machineRecords(lab).map((machine) => ({
    ...answer(open, machine),
    publicPorts: machine.publicPorts,
    state: stateOf(open, machine),
  }));
}

const plannedGroups = (lab: string) => planCgroups(readHost(), systemdIsInit(), lab);

/**
 * Makes the lab stand again after the host's reboot or a killed run, and starts the machines that should run: all that can.
 * Throws a LabError with a sentence for each that does not.
 */
export async function resumeLab(lab: string, progress: Progress): Promise<void> {
  if (!readLab(lab)) throw new LabError(`There is no lab ${lab} to resume.`);
  const open = await openLab(lab, undefined);
  const ends = await Promise.allSettled(
    machineRecords(lab).map(({ name }) =>
      withMachineLock(lab, name, async () => {
        // Whoever had the lock may have removed or stopped it.
        const machine = readMachine(lab, name);
        if (!machine?.prepared || machine.desired !== "running") return;
        await boot(open, machine);
        progress(`${name} runs`);
      }),
    ),
  );
  await resumeAcme(lab, progress);
  const failures = ends.flatMap((end) => (end.status === "rejected" ? [messageOf(end.reason)] : []));
  if (failures.length > 0) throw new LabError(failures.join(" "));
}

/**
 * Removes a machine: at once, without a halt; with the last one ends the lab, unless it shall be kept. One that does not
 * exist is a success.
 */
export async function destroyMachine(lab: string, name: string, keepLab = false): Promise<boolean> {
  const record = readLab(lab);
  if (!record || !machineNames(lab).includes(name)) return false;
  await withMachineLock(lab, name, () => removeMachine(lab, name, record.cgroups ?? plannedGroups(lab)));
  if (!keepLab && machineNames(lab).length === 0) {
    await withLabLock(lab, async () => {
      if (machineNames(lab).length === 0) await dismantle(lab, () => undefined);
    });
  }
  return true;
}

async function removeMachine(lab: string, name: string, cgroups: OpenLab["cgroups"]): Promise<void> {
  const base = trackingBase(cgroups);
  // First who would start it again.
  await killGroup(hostGroup(base, name));
  await killGroup(machineGroup(base, name));
  await unplug(lab, { name, index: readMachine(lab, name)?.index });
  await removeMachineGroups(cgroups, name);
  await removeTree(machineDir(lab, name));
}

/**
 * Ends the lab: machines, forwards, namespaces, control groups, state. Works by what it finds, not by what is recorded
 * alone, so a lab whose state is damaged ends too.
 */
export function endLab(lab: string, progress: Progress): Promise<{ machines: number }> {
  return withLabLock(lab, () => dismantle(lab, progress));
}

/** Ends the lab for one who holds its lock. */
async function dismantle(lab: string, progress: Progress): Promise<{ machines: number }> {
  let cgroups = plannedGroups(lab);
  try {
    cgroups = readLab(lab)?.cgroups ?? cgroups;
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    progress(error.message);
  }
  await killGroup(trackingBase(cgroups).dir);
  const names = machineNames(lab);
  await Promise.all(names.map((name) => removeTree(machineDir(lab, name))));
  await removeNamespaces(namespacesOf(lab));
  await removeLabGroups(cgroups);
  await removeTree(labDir(lab));
  removeEmptyStateRoot();
  removeLocks(lab);
  return { machines: names.length };
}
