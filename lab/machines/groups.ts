import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type CgroupBase,
  type CgroupPlan,
  diskMajors,
  holderArgv,
  hostGroup,
  machineGroup,
  machineSettings,
  pathBetween,
  planCgroups,
  readCgroupHost,
  trackingBase,
} from "./cgroups.js";
import { LabError, messageOf } from "./errors.js";
import { cgroupRoot } from "./names.js";
import { scriptPath } from "./paths.js";
import { run, until } from "./run.js";

/** Control groups on the host's disk: made, looked into, killed, removed. */

/** Whether systemd is this host's first process. */
export const systemdIsInit = (): boolean => existsSync("/run/systemd/system");

/** How this host shows its control groups. */
export const readHost = () =>
  readCgroupHost(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));

/** Whether the directories in which a recorded plan lies are still there. */
export const planStands = (plan: CgroupPlan): boolean => plan.bases.every(({ dir }) => existsSync(dir));

/** Makes the lab's directories in each hierarchy and answers where they are. */
export async function makeLabGroups(lab: string): Promise<CgroupPlan> {
  const plan = planCgroups(readHost(), systemdIsInit(), lab);
  if (plan.bases.length === 0)
    throw new LabError("This host has no control groups mounted below /sys/fs/cgroup.");
  if (plan.unit) {
    if (!existsSync(plan.bases[0].dir)) {
      await run(holderArgv(lab, scriptPath("holder.sh")), { what: `Starting ${plan.unit}` });
    }
    await until(`${plan.unit}'s control group`, 10_000, () => existsSync(join(plan.bases[0].dir, "holder")));
  }
  for (const base of plan.bases) {
    const above = plan.unit ? dirname(base.dir) : base.dir.slice(0, base.dir.lastIndexOf(`/${cgroupRoot}/`));
    for (const dir of pathBetween(above, base.dir)) makeGroup(base, dir);
    if (base.version === 2) handOnControllers(above, base.dir, plan.unit !== undefined);
  }
  return plan;
}

/** In a v2 tree a group's controllers are those its parent hands on, from the top down. */
function handOnControllers(above: string, dir: string, ours: boolean): void {
  for (const group of ours ? [dir] : [above, ...pathBetween(above, dir)]) {
    const offered = readFileSync(join(group, "cgroup.controllers"), "utf8").trim();
    if (!offered) return;
    // Each alone: one that the kernel refuses (realtime processes, say) does not cost the others.
    for (const controller of offered.split(" ")) {
      try {
        writeFileSync(join(group, "cgroup.subtree_control"), `+${controller}`);
      } catch {
        // `check` tells which controllers machines lack.
      }
    }
  }
}

function makeGroup(base: CgroupBase, dir: string): void {
  mkdirSync(dir, { recursive: true });
  if (!base.controllers.includes("cpuset")) return;
  // A new v1 cpuset has no cores and no memory, and takes no process before it has.
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    writeFileSync(join(dir, file), readFileSync(join(dirname(dir), file), "utf8").trim());
  }
}

/** Makes the group of what runs on the host for a machine, or for a place beside the machines; answers it. */
export function makeHostGroup(plan: CgroupPlan, name: string): string {
  const base = trackingBase(plan);
  makeGroup(base, hostGroup(base, name));
  return hostGroup(base, name);
}

/** Makes a machine's groups with their limits, and answers the machine's own, one for each hierarchy. */
export function makeMachineGroups(plan: CgroupPlan, machine: string, memoryMb: number | undefined): string[] {
  const host = { diskMajors: diskMajors(readFileSync("/proc/partitions", "utf8")) };
  makeHostGroup(plan, machine);
  return plan.bases.map((base) => {
    const dir = machineGroup(base, machine);
    makeGroup(base, dir);
    for (const { file, value } of machineSettings(base, machine, host, memoryMb)) {
      try {
        writeFileSync(file, value);
      } catch (error) {
        throw new LabError(`Machine ${machine}: ${file} refuses "${value}" (${messageOf(error)}).`);
      }
    }
    return dir;
  });
}

/** Whether a process with this number is in the group or below it. */
export function holdsProcess(group: string, pid: number): boolean {
  return processesOf(group).includes(pid);
}

/** The processes in a group and all below it; none where it does not exist. */
export function processesOf(group: string): number[] {
  const found: number[] = [];
  for (const dir of groupsBelow(group)) {
    try {
      for (const line of readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n"))
        if (line) found.push(Number(line));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return found;
}

const isGone = (error: unknown): boolean =>
  ["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "");

/** A group and all below it, deepest first. */
function groupsBelow(group: string): string[] {
  let children: string[];
  try {
    children = readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(group, entry.name));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
  return [...children.flatMap(groupsBelow), group];
}

/** Ends every process in the group at once, as a power cut does, and waits until none is left. */
export async function killGroup(group: string): Promise<void> {
  if (!existsSync(group)) return;
  await until(`The end of the processes in ${group}`, 20_000, () => {
    const left = processesOf(group);
    if (left.length === 0) return true;
    if (existsSync(join(group, "cgroup.kill"))) {
      writeFileSync(join(group, "cgroup.kill"), "1");
    } else {
      for (const pid of left) signal(pid, "SIGKILL");
    }
    return false;
  });
}

/** Sends a signal to a process, or by a negative number to a process group, that may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Removes a machine's groups in every hierarchy. Their processes are dead: the kernel may need a moment to notice. */
export async function removeMachineGroups(plan: CgroupPlan, machine: string): Promise<void> {
  const dirs = plan.bases.flatMap((base) => [machineGroup(base, machine), hostGroup(base, machine)]);
  await removeGroups(dirs);
}

async function removeGroups(dirs: readonly string[]): Promise<void> {
  for (const dir of dirs) {
    await until(`The removal of the control group ${dir}`, 10_000, () => {
      for (const group of groupsBelow(dir)) {
        try {
          rmdirSync(group);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "EBUSY") return false;
          if (!isGone(error)) throw error;
        }
      }
      return true;
    });
  }
}

/** Removes a lab's directories, and the one that all labs share when this was the last. */
export async function removeLabGroups(plan: CgroupPlan): Promise<void> {
  if (plan.unit) {
    // Its processes are dead, so systemd may have put it away already: what counts is that its group is gone.
    await run(["systemctl", "stop", plan.unit]).catch(() => undefined);
    await until(`The end of ${plan.unit}`, 20_000, () => !existsSync(plan.bases[0].dir));
    return;
  }
  await removeGroups(plan.bases.map(({ dir }) => dir));
  for (const { dir } of plan.bases) {
    try {
      rmdirSync(dirname(dir));
    } catch (error) {
      // Another lab's groups are in it.
      if (!["ENOTEMPTY", "EBUSY", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? ""))
        throw error;
    }
  }
}
