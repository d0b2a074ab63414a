import { dirname, join } from "node:path";
import { cgroupRoot, holderUnit } from "./names.js";

/** One mounted cgroup hierarchy. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** Its controllers; for a named v1 hierarchy `name=…`; none for v2, whose controllers are files in it. */
  readonly controllers: readonly string[];
  readonly mount: string;
  /** The directory of the process that asks. */
  readonly own: string;
}

/** How a host shows its control groups. */
export interface CgroupHost {
  /** `hybrid` has controllers on v1 and an empty v2 tree beside them. */
  readonly view: "v1" | "hybrid" | "v2";
  readonly hierarchies: readonly Hierarchy[];
}

/** Where a lab's control groups lie, one directory for each hierarchy. */
export interface CgroupPlan {
  readonly bases: readonly CgroupBase[];
  /** The unit that holds them, where systemd manages a pure v2 tree: it alone may hand out a part of it. */
  readonly unit?: string;
}

export interface CgroupBase {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly dir: string;
}

/**
 * Reads the host's view from the text of /proc/self/cgroup and /proc/self/mountinfo. Hierarchies that are not mounted
 * are left out, and so is a second mount of one.
 */
export function readCgroupHost(selfCgroup: string, mountinfo: string): CgroupHost {
  const own = new Map<string, string>();
  for (const line of selfCgroup.trim().split("\n")) {
    const [, names, ...path] = line.split(":");
    if (names !== undefined) own.set(names, path.join(":"));
  }
  const hierarchies: Hierarchy[] = [];
  for (const line of mountinfo.trim().split("\n")) {
    const [left, right] = line.split(" - ");
    if (!right) continue;
    const [, , , root, mount] = left.split(" ");
    const [type, , options] = right.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const [names, path] =
      type === "cgroup2"
        ? ["", own.get("")]
        : ([...own].find(([key]) => key !== "" && within(key, options)) ?? ["", undefined]);
    if (path === undefined) continue;
    if (hierarchies.some((known) => known.controllers.join() === names)) continue;
    hierarchies.push({
      version: type === "cgroup2" ? 2 : 1,
      controllers: names === "" ? [] : names.split(","),
      mount: unescapeMount(mount),
      own: join(unescapeMount(mount), below(path, unescapeMount(root))),
    });
  }
  const v1 = hierarchies.some(({ version }) => version === 1);
  const v2 = hierarchies.some(({ version }) => version === 2);
  return { view: v1 && v2 ? "hybrid" : v1 ? "v1" : "v2", hierarchies };
}

/** Whether all names of a line of /proc/self/cgroup are mount options of one mount. */
function within(names: string, options: string): boolean {
  const set = new Set(options.split(","));
  return names.split(",").every((name) => set.has(name));
}

/** A cgroup's path below the mount's root; none, the root itself, for what lies outside of the mount. */
function below(path: string, root: string): string {
  const inside = root === "/" ? path : path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
  return inside === "/" || inside.startsWith("/..") ? "" : inside;
}

const unescapeMount = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/**
 * Where a lab's groups go. With controllers on v1 they go below the asking process's own, so that limits which hold for
 * it hold for the machines. In a pure v2 tree, systemd (where it is PID 1) hands out a part: the lab then has a service
 * with Delegate=, and its groups lie in that service's. Without systemd they go below the tree's root, the only place
 * where groups can have both processes and children with controllers.
 */
export function planCgroups(host: CgroupHost, systemd: boolean, lab: string): CgroupPlan {
  const tree = host.hierarchies.find(({ version }) => version === 2);
  if (host.view === "v2" && systemd && tree) {
    const unit = holderUnit(lab);
    return { unit, bases: [{ version: 2, controllers: [], dir: join(tree.mount, "system.slice", unit) }] };
  }
  return {
    bases: host.hierarchies.map(({ version, controllers, mount, own }) => ({
      version,
      controllers,
      dir: join(host.view === "v2" ? mount : own, cgroupRoot, lab),
    })),
  };
}

/** A machine's groups: `host` for the processes that keep it (supervisor, forwards), the other for the machine. */
export const machineGroup = (base: CgroupBase, machine: string): string => join(base.dir, machine);
export const hostGroup = (base: CgroupBase, machine: string): string => join(base.dir, `${machine}.host`);

/** The hierarchy by which a lab's processes are counted and killed: v2 can kill a whole group at once. */
export function trackingBase(plan: CgroupPlan): CgroupBase {
  return (
    plan.bases.find(({ version }) => version === 2) ??
    plan.bases.find(({ controllers }) => controllers.includes("name=systemd")) ??
    plan.bases[0]
  );
}

/** A setting of a control group: what is written into which file. */
export interface CgroupSetting {
  readonly file: string;
  readonly value: string;
}

/** What only the host's files can tell. */
export interface HostDevices {
  /** Major numbers of the host's disks, from /proc/partitions. */
  readonly diskMajors: readonly number[];
}

/** The settings of a machine's group in one hierarchy, in order. `inherit` names files that take the parent's value. */
export function machineSettings(
  base: CgroupBase,
  machine: string,
  host: HostDevices,
  memoryMb: number | undefined,
): CgroupSetting[] {
  const dir = machineGroup(base, machine);
  const settings: CgroupSetting[] = [];
  const bytes = memoryMb === undefined ? undefined : String(memoryMb * 1024 * 1024);
  if (base.controllers.includes("devices")) {
    for (const major of host.diskMajors)
      settings.push({ file: join(dir, "devices.deny"), value: `b ${major}:* rw` });
  }
  if (base.controllers.includes("cpuset"))
    settings.push({ file: join(dir, "cgroup.clone_children"), value: "1" });
  if (bytes && base.controllers.includes("memory")) {
    settings.push({ file: join(dir, "memory.limit_in_bytes"), value: bytes });
  }
  // In a hybrid view the v2 tree has no controllers to set.
  if (bytes && base.version === 2 && base.controllers.length === 0) {
    settings.push({ file: join(dir, "memory.max"), value: bytes });
  }
  return settings;
}

/** Directories from just below `parent` down to `dir`, outermost first. */
export function pathBetween(parent: string, dir: string): string[] {
  const list: string[] = [];
  for (let at = dir; at !== parent && at !== "/" && at !== "."; at = dirname(at)) list.unshift(at);
  return list;
}

/** Major numbers of the host's disks in the text of /proc/partitions; loop devices are no disks. */
export function diskMajors(partitions: string): number[] {
  const majors = new Set<number>();
  for (const line of partitions.trim().split("\n").slice(2)) {
    const [major, , , name] = line.trim().split(/\s+/);
    if (name && !name.startsWith("loop") && !name.startsWith("zram") && !name.startsWith("ram"))
      majors.add(Number(major));
  }
  return [...majors].sort((one, other) => one - other);
}

/** The service that gets a part of systemd's v2 tree. Its devices are what a machine may have: none of the disks. */
export function holderArgv(lab: string, script: string): string[] {
  const devices = [
    "/dev/net/tun rwm",
    "/dev/fuse rwm",
    "char-pts rw",
    "/dev/loop-control rw",
    "block-loop rw",
  ];
  return [
    "systemd-run",
    `--unit=${holderUnit(lab)}`,
    "--collect",
    "--quiet",
    `--description=Machines of hashistack-lab ${lab}`,
    "--property=Delegate=yes",
    "--property=TasksMax=infinity",
    "--property=KillMode=control-group",
    "--property=SendSIGHUP=no",
    "--property=DevicePolicy=closed",
    ...devices.map((device) => `--property=DeviceAllow=${device}`),
    script,
  ];
}
