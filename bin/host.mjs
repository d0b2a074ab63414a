/**
 * What this host is and has, and what it lacks. Plain JavaScript without packages: it runs before anything is
 * installed, and changes nothing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Variables kept across sudo; the same reason as in cli/root.ts: caches, downloads, and what the user chose. */
const KEPT = [
  ...[
    "HOME",
    "XDG_CACHE_HOME",
    "HASHISTACK_CACHE",
    "HASHISTACK_RELEASES",
    "HASHISTACK_LAB",
    "CI",
    "NO_COLOR",
  ],
  ...["GOPROXY", "GOSUMDB", "GOFLAGS", "GOCACHE", "GOMODCACHE", "GOTOOLCHAIN"],
  ...["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"],
];

export const isRoot = () => process.getuid?.() === 0;

/** Words that run `argv` as root. Only what needs root runs so: packages, image, machines. */
export function asRoot(argv) {
  if (isRoot()) return argv;
  const kept = KEPT.filter((name) => process.env[name] !== undefined);
  const path = `PATH=${[process.env.PATH, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter)}`;
  // sudo sets a PATH of its own; go and node may lie elsewhere.
  return [
    "sudo",
    ...(process.stdin.isTTY ? [] : ["-n"]),
    `--preserve-env=${kept.join(",")}`,
    "env",
    path,
    ...argv,
  ];
}

/** The packages of a list: first word of each line, comments aside. */
export function parsePackages(text) {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter(Boolean);
}

/** Debian packages of the list that are not installed; undefined where there is no dpkg. */
export function missingPackages() {
  const wanted = parsePackages(readFileSync(join(root, "bin", "host-packages.txt"), "utf8"));
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const format = "${Package} ${db:Status-Status}\n";
  const asked = spawnSync("dpkg-query", ["-W", "-f", format, ...wanted], {
    encoding: "utf8",
  });
  if (asked.error) return undefined;
  const installed = new Set(
    asked.stdout
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return wanted.filter((name) => !installed.has(name));
}

/** Whether what is in node_modules is what package-lock.json asks for. */
export function npmIsCurrent(folder = root) {
  const hidden = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  return sameLock(
    JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")),
    JSON.parse(readFileSync(hidden, "utf8")),
  );
}

/** Compares the lock with npm's own record of what it installed. Optional packages may be absent. */
export function sameLock(wanted, installed) {
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = installed.packages[path];
    if (!found) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return found.version === entry.version && found.link === entry.link;
  });
}

/** Whether `name` is on PATH. */
export function onPath(name) {
  const path = `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  return path.split(delimiter).some((folder) => folder && existsSync(join(folder, name)));
}

export function cacheFolder() {
  const { HASHISTACK_CACHE, XDG_CACHE_HOME } = process.env;
  return HASHISTACK_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "hashistack");
}

const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");

function freeGb(path) {
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  const { bavail, bsize } = statfsSync(at);
  return (bavail * bsize) / 1024 ** 3;
}

function overlayAvailable() {
  const release = read("/proc/sys/kernel/osrelease").trim();
  return (
    /\boverlay$/m.test(read("/proc/filesystems")) ||
    /\/overlay\.ko/.test(read(`/lib/modules/${release}/modules.dep`))
  );
}

/** Whether a mask of capabilities (hex) has SYS_ADMIN (21) and NET_ADMIN (12). */
export function hasCapabilities(mask) {
  return [21n, 12n].every((bit) => ((BigInt(`0x${mask}`) >> bit) & 1n) === 1n);
}

/** All that is asked of the host, as plain values. */
export function hostFacts() {
  const cache = cacheFolder();
  return {
    platform: process.platform,
    architecture: process.arch,
    node: process.versions.node,
    root: isRoot(),
    sudo: onPath("sudo") && spawnSync("sudo", ["-n", "true"]).status === 0,
    terminal: process.stdin.isTTY === true && onPath("sudo"),
    mayMakeMachines: hasCapabilities(/^CapEff:\s*(\w+)/m.exec(read("/proc/self/status"))?.[1] ?? "0"),
    apt: onPath("apt-get"),
    missingPackages: missingPackages(),
    toolchainCached:
      existsSync(join(cache, "toolchain", "nomad")) && existsSync(join(cache, "toolchain", "pulumi")),
    go: onPath("go"),
    clusterExists: existsSync(join(root, ".hashistack", "state")),
    memoryMb: Math.floor(Number(/^MemAvailable:\s*(\d+)/m.exec(read("/proc/meminfo"))?.[1] ?? 0) / 1024),
    cache: { path: cache, freeGb: freeGb(cache) },
    checkout: { path: root, freeGb: freeGb(root) },
    overlay: overlayAvailable(),
    cgroups: /\/sys\/fs\/cgroup/.test(read("/proc/self/mounts")),
    namespaces: ["net", "mnt", "pid", "uts", "ipc", "cgroup"].filter((name) =>
      existsSync(`/proc/self/ns/${name}`),
    ),
  };
}

const LEAST_MEMORY_MB = 3072;
const LEAST_DISK_GB = { cold: 20, warm: 5 };

/** What is missing, a sentence each with what mends it; empty when the host will do. Pure. */
export function missingOf(facts) {
  if (facts.platform !== "linux") {
    return [`Linux is missing: the machines are Linux containers, and this is ${facts.platform}.`];
  }
  const missing = [];
  const need = (holds, sentence) => {
    if (!holds) missing.push(sentence);
  };
  need(
    facts.architecture === "x64" || facts.architecture === "arm64",
    `The processor is ${facts.architecture}; the programs are for x64 and arm64.`,
  );
  need(Number(facts.node.split(".")[0]) >= 20, `Node is ${facts.node}; install Node 20 or newer.`);
  need(
    facts.root || facts.sudo || facts.terminal,
    "Root is missing: packages, image and machines need it; run this as root, or as a user who may use sudo.",
  );
  need(
    !facts.root || facts.mayMakeMachines,
    "This root may not mount or make networks (SYS_ADMIN, NET_ADMIN): run it outside of the container, or in a privileged one.",
  );
  if (facts.missingPackages === undefined || (facts.missingPackages.length > 0 && !facts.apt)) {
    missing.push(
      "Debian's package tools are missing (dpkg, apt-get): use Debian 12 or newer, or a system like it.",
    );
  }
  need(
    facts.go || facts.toolchainCached,
    "Go is missing: cfssl, Fabio and Caddy are always built from their modules, other programs where no release can be downloaded; install Go 1.21 or newer (go.dev/dl).",
  );
  // Once the cluster is there it is what uses the memory.
  need(
    facts.clusterExists || facts.memoryMb >= LEAST_MEMORY_MB,
    `${LEAST_MEMORY_MB} MiB of free memory are needed for eight machines and their daemons; there are ${facts.memoryMb}.`,
  );
  const disk = facts.toolchainCached ? LEAST_DISK_GB.warm : LEAST_DISK_GB.cold;
  need(
    facts.cache.freeGb >= disk,
    `${disk} GB of free disk are needed at ${facts.cache.path} for programs and image; there are ${facts.cache.freeGb.toFixed(1)}.`,
  );
  need(
    facts.checkout.freeGb >= 1,
    `1 GB of free disk is needed at ${facts.checkout.path}; there are ${facts.checkout.freeGb.toFixed(1)}.`,
  );
  need(facts.overlay, "overlayfs is missing: machines share one image through it; try: modprobe overlay.");
  need(
    facts.cgroups,
    "Control groups are not mounted at /sys/fs/cgroup: machines are limited and ended by them.",
  );
  for (const name of ["net", "mnt", "pid", "uts", "ipc", "cgroup"]) {
    need(facts.namespaces.includes(name), `The kernel has no ${name} namespaces: each machine has its own.`);
  }
  return missing;
}
