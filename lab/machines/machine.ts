import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressesOf, type MachineAddresses, type Network } from "./addresses.js";
import { hostGroup, machineGroup, trackingBase } from "./cgroups.js";
import {
  listens,
  machineCable,
  machineLines,
  nspawnArgv,
  nspawnEnvironment,
  overlayOptions,
  plugLine,
} from "./commands.js";
import { detach } from "./detach.js";
import { LabError } from "./errors.js";
import { ensureForwards } from "./forwards.js";
import { killGroup, makeMachineGroups, processesOf, signal } from "./groups.js";
import { ip, ipBatch, type OpenLab, removeNamespaces } from "./lab.js";
import { machineLink, machineNamespace, namespacePath, routerNamespace } from "./names.js";
import { scriptPath } from "./paths.js";
import { until } from "./run.js";
import { bootId, type MachineRecord, machineDir, writeMachine } from "./state.js";

export type MachineState = "running" | "stopped" | "dead";

/** A machine as the contract answers it. */
export type Machine = { readonly id: string; readonly name: string } & Omit<MachineAddresses, "mac">;

/** The machine's writable directories. The mode of `upper` is that of the machine's own root directory. */
export function makeDisk(lab: string, name: string): string {
  const dirs = ["upper", "work", "root"].map((dir) => join(machineDir(lab, name), dir));
  for (const dir of dirs) mkdirSync(dir, { recursive: true, mode: 0o755 });
  return dirs[0];
}

/** Starts what is not running of a machine: namespace, forwards, supervisor. Returns when it takes logins. */
export async function boot(open: OpenLab, record: MachineRecord): Promise<void> {
  const { lab, network } = open;
  const { name } = record;
  const addresses = addressesOf(record.index, network, open.loopback, record.public);
  const dir = machineDir(lab, name);
  const groups = makeMachineGroups(open.cgroups, name, record.memoryMb);
  const namespace = machineNamespace(lab, name);
  if (record.boot !== bootId() || !existsSync(namespacePath(namespace))) {
    await plug(lab, record, addresses, network);
    writeMachine(lab, { ...record, boot: bootId() });
  }
  await ensureForwards(open, record, addresses);
  if (stateOf(open, record) === "running") return;
  await cutPower(open, name);
  rmSync(join(dir, "exit.status"), { force: true });
  makeDisk(lab, name);
  writeFileSync(join(dir, "groups"), `${groups.join("\n")}\n`, { mode: 0o600 });
  const root = join(dir, "root");
  const log = join(dir, "console.log");
  const host = hostGroup(trackingBase(open.cgroups), name);
  const options = overlayOptions(record.layers, join(dir, "upper"), join(dir, "work"));
  const argv = [scriptPath("supervise.sh"), dir, host, options, ...nspawnArgv(lab, name, root)];
  const { over } = detach(argv, log, nspawnEnvironment);
  const assertBoots = (): void => {
    const why = over();
    if (why !== undefined) throw new LabError(`Machine ${name} does not boot: ${why}`);
  };
  await until(`The first process of machine ${name}`, 30_000, () => {
    assertBoots();
    return leaderOf(open, name) !== undefined;
  });
  // Whoever made it will want to log in: a refused connection would cost him a pause.
  await until(`SSH of machine ${name}`, 60_000, () => {
    assertBoots();
    const leader = leaderOf(open, name);
    return leader !== undefined && hears(leader, 22);
  });
}

/** Whether anything in a process's network namespace listens on a TCP port. */
function hears(pid: number, port: number): boolean {
  try {
    return ["tcp", "tcp6"].some((table) => listens(readFileSync(`/proc/${pid}/net/${table}`, "utf8"), port));
  } catch {
    // It is just beginning, or ending.
    return false;
  }
}

/** Lays the machine's cable afresh. */
async function plug(
  lab: string,
  record: MachineRecord,
  addresses: MachineAddresses,
  network: Network,
): Promise<void> {
  const namespace = machineNamespace(lab, record.name);
  // A new machine has none; one that was cut, or is of another boot, may have half of it.
  if (record.boot !== undefined || existsSync(namespacePath(namespace))) await unplug(lab, record);
  await ip(["netns", "add", namespace]);
  await ipBatch([], [machineCable(lab, record.name, record.index, addresses.mac)]);
  await Promise.all([
    ipBatch(["-n", namespace], machineLines(addresses, network)),
    ipBatch(["-n", routerNamespace(lab)], [plugLine(record.index)]),
  ]);
}

/** Takes the cable away at once: a namespace lives until its last process is gone, and its cable with it. */
export async function unplug(lab: string, record: { name: string; index?: number }): Promise<void> {
  const router = routerNamespace(lab);
  if (record.index !== undefined && existsSync(namespacePath(router))) {
    // -force goes on where there is no such cable.
    await ipBatch(["-n", router, "-force"], [`link del ${machineLink(record.index)}`]).catch(() => undefined);
  }
  await removeNamespaces([machineNamespace(lab, record.name)]);
}

/** Ends the machine as a power cut does. What its programs had written is on its disk. */
export async function cutPower(open: OpenLab, name: string): Promise<void> {
  const supervisor = supervisorOf(open, name);
  if (supervisor !== undefined) signal(supervisor, "SIGKILL");
  await killGroup(machineGroup(trackingBase(open.cgroups), name));
  await until(`The end of machine ${name}'s supervisor`, 5000, () => supervisorOf(open, name) === undefined);
}

/** The machine's PID 1 as the host numbers it: the child of nspawn. Undefined while there is none. */
export function leaderOf(open: OpenLab, name: string): number | undefined {
  const base = trackingBase(open.cgroups);
  for (const pid of processesOf(machineGroup(base, name))) {
    try {
      // One namespace below the host's, and the first in it; a task's own namespace lies deeper.
      const numbers =
        /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1].split(/\s+/) ?? [];
      if (numbers.length === 2 && numbers[1] === "1") return pid;
    } catch {
      // It ended between the two looks.
    }
  }
  return undefined;
}

/** Whether a machine runs, was halted, or is dead: cut off, or never booted. */
export function stateOf(open: OpenLab, record: MachineRecord): MachineState {
  const base = trackingBase(open.cgroups);
  if (
    processesOf(machineGroup(base, record.name)).length > 0 &&
    supervisorOf(open, record.name) !== undefined
  )
    return "running";
  const status = join(machineDir(open.lab, record.name), "exit.status");
  const halted = existsSync(status) && readFileSync(status, "utf8").trim() === "0";
  return halted || record.desired === "stopped" ? "stopped" : "dead";
}

/** The process that boots the machine again when it reboots. */
export function supervisorOf(open: OpenLab, name: string): number | undefined {
  return processesOf(hostGroup(trackingBase(open.cgroups), name)).find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("/supervise.sh\0");
    } catch {
      return false;
    }
  });
}

/** A machine as the contract answers it: its id, its name, its addresses. */
export function answer(open: OpenLab, record: MachineRecord): Machine {
  const { mac: _, ...addresses } = addressesOf(record.index, open.network, open.loopback, record.public);
  return { id: record.id, name: record.name, ...addresses };
}
