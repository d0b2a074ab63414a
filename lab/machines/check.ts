import { existsSync, readFileSync, statfsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { CgroupHost } from "./cgroups.js";
import { readHost, systemdIsInit } from "./groups.js";
import { stateRoot } from "./names.js";
import { cacheDir } from "./paths.js";

/** Something a host lacks: what, why the lab wants it, and what mends it. */
export interface Missing {
  readonly what: string;
  readonly why: string;
  readonly mend: string;
}

/** All that is asked of a host, as plain values. */
export interface HostFacts {
  readonly platform: string;
  readonly architecture: string;
  readonly uid: number;
  /** Effective capabilities, a bit mask. */
  readonly capabilities: bigint;
  readonly programs: readonly string[];
  readonly filesystems: readonly string[];
  readonly namespaces: readonly string[];
  readonly ipv6: boolean;
  readonly memoryMb: number;
  /** Free disk and kind of file system of the places where labs and caches lie. */
  readonly state: DiskFacts;
  readonly cache: DiskFacts;
  readonly cgroups: CgroupHost;
  readonly systemd: boolean;
  /** Controllers that the host offers for machines. */
  readonly controllers: readonly string[];
}

export interface DiskFacts {
  readonly path: string;
  readonly freeMb: number;
  /** Magic number of its file system, as statfs(2) gives it. */
  readonly type: number;
}

/** Programs the lab runs, and the Debian package that has each. */
export const programs: Record<string, string> = {
  "systemd-nspawn": "systemd-container",
  "systemd-socket-activate": "systemd",
  "/lib/systemd/systemd-socket-proxyd": "systemd",
  mmdebstrap: "mmdebstrap",
  ip: "iproute2",
  nft: "nftables",
  sysctl: "procps",
  flock: "util-linux",
  nsenter: "util-linux",
  unshare: "util-linux",
};

const overlayMagic = 0x794c7630;
const capSysAdmin = 21n;
const capNetAdmin = 12n;
/** Ten machines want about half of this. */
const leastMemoryMb = 2048;
const leastDiskMb = 4096;

/** What is missing, most fundamental first. A pure function of the facts. */
export function missingOf(facts: HostFacts): Missing[] {
  const missing: Missing[] = [];
  const need = (holds: boolean, what: string, why: string, mend: string): void => {
    if (!holds) missing.push({ what, why, mend });
  };
  need(
    facts.platform === "linux",
    "Linux",
    "machines are Linux containers",
    "use a Linux host or a Linux machine inside it",
  );
  if (facts.platform !== "linux") return missing;
  need(
    ["x64", "arm64"].includes(facts.architecture),
    `an x86-64 or ARM64 processor, not ${facts.architecture}`,
    "the programs are built for these",
    "use another host",
  );
  need(facts.uid === 0, "root", "machines need namespaces, mounts and control groups", "run it with sudo");
  if (facts.uid === 0) {
    const has = (bit: bigint): boolean => ((facts.capabilities >> bit) & 1n) === 1n;
    need(
      has(capSysAdmin) && has(capNetAdmin),
      "the capabilities SYS_ADMIN and NET_ADMIN",
      "this root may not mount or make networks",
      "run it outside of the container, or in a privileged one",
    );
  }
  for (const [program, debian] of Object.entries(programs)) {
    need(
      facts.programs.includes(program),
      program,
      "the lab runs it",
      `apt-get install --no-install-recommends ${debian}`,
    );
  }
  need(
    facts.filesystems.includes("overlay"),
    "overlayfs",
    "machines share one read-only image",
    "modprobe overlay",
  );
  for (const namespace of ["net", "mnt", "pid", "uts", "ipc", "cgroup"]) {
    need(
      facts.namespaces.includes(namespace),
      `${namespace} namespaces`,
      "a machine has its own",
      "use a kernel that has them",
    );
  }
  need(facts.ipv6, "IPv6", "machines speak it among themselves", "boot the kernel without ipv6.disable=1");
  need(
    facts.memoryMb >= leastMemoryMb,
    `${leastMemoryMb} MiB of free memory (there are ${facts.memoryMb})`,
    "a cluster of eight machines and their daemons lives in it",
    "stop other programs or use a larger host",
  );
  for (const [disk, why] of [
    [facts.state, "machines' disks lie there"],
    [facts.cache, "the image and the programs lie there"],
  ] as const) {
    need(
      disk.freeMb >= leastDiskMb,
      `${leastDiskMb} MiB of free disk at ${disk.path} (there are ${disk.freeMb})`,
      why,
      "free some space",
    );
  }
  need(
    facts.state.type !== overlayMagic,
    `a real file system at ${facts.state.path}`,
    "an overlay cannot lie on an overlay",
    `mount a volume at ${facts.state.path}`,
  );
  need(
    facts.cgroups.hierarchies.length > 0,
    "control groups",
    "machines are counted, limited and ended by them",
    "mount cgroup2 at /sys/fs/cgroup",
  );
  if (facts.cgroups.hierarchies.length > 0) {
    for (const controller of ["cpu", "memory", "pids"]) {
      need(
        facts.controllers.includes(controller),
        `the control group controller ${controller}`,
        "Nomad limits its tasks by it",
        `boot the kernel without cgroup_disable=${controller}, or use a host that hands it on`,
      );
    }
  }
  return missing;
}

/** Looks at this host; changes nothing. */
export function checkHost(): Promise<Missing[]> {
  return Promise.resolve(missingOf(factsOf()));
}

function factsOf(): HostFacts {
  const cgroups = existsSync("/proc/self/cgroup") ? readHost() : { view: "v2" as const, hierarchies: [] };
  return {
    platform: process.platform,
    architecture: process.arch,
    uid: process.getuid?.() ?? -1,
    capabilities: BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(text("/proc/self/status"))?.[1] ?? "0"}`),
    programs: Object.keys(programs).filter(isInstalled),
    filesystems: [...text("/proc/filesystems").split(/\s+/), ...(overlayLoadable() ? ["overlay"] : [])],
    namespaces: ["net", "mnt", "pid", "uts", "ipc", "cgroup"].filter((name) =>
      existsSync(`/proc/self/ns/${name}`),
    ),
    ipv6: existsSync("/proc/net/if_inet6"),
    memoryMb: Math.floor(Number(/^MemAvailable:\s*(\d+)/m.exec(text("/proc/meminfo"))?.[1] ?? 0) / 1024),
    state: diskFacts(stateRoot),
    cache: diskFacts(cacheDir()),
    cgroups,
    systemd: systemdIsInit(),
    controllers: controllersOf(cgroups),
  };
}

const text = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

function isInstalled(program: string): boolean {
  if (program.startsWith("/")) return existsSync(program);
  const path = `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  return path.split(delimiter).some((dir) => existsSync(join(dir, program)));
}

/** Whether the kernel's modules have overlayfs, where it is not loaded yet: mounting one loads it. */
function overlayLoadable(): boolean {
  const release = text("/proc/sys/kernel/osrelease").trim();
  return /\/overlay\.ko/.test(text(`/lib/modules/${release}/modules.dep`));
}

/** Free space of the nearest directory that exists. */
function diskFacts(path: string): DiskFacts {
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  const { bavail, bsize, type } = statfsSync(at);
  return { path, freeMb: Math.floor((bavail * bsize) / 1024 / 1024), type };
}

function controllersOf({ view, hierarchies }: CgroupHost): string[] {
  if (view !== "v2") return hierarchies.flatMap(({ controllers }) => controllers);
  return hierarchies.flatMap(({ mount }) => text(join(mount, "cgroup.controllers")).trim().split(" "));
}
