import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** What of a lab is still there: namespaces, mounts, processes, files, control groups. Nothing of it: []. */
export function traces(lab: string): string[] {
  const found = listed("/run/netns").filter((entry) => entry.startsWith(`${lab}.`));
  if (readFileSync("/proc/mounts", "utf8").includes(`/${lab}/`)) found.push("mount");
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const text = readFileSync(`/proc/${pid}/cgroup`, "utf8") + readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (text.includes(`/${lab}/`)) found.push(`process ${pid}`);
    } catch {
      // It ended while this looked.
    }
  }
  for (const place of ["/var/lib/hashistack-lab", "/run/lock/hashistack-lab"]) {
    if (existsSync(place)) found.push(...readdirSync(place).filter((entry) => entry.split(".")[0] === lab));
  }
  return [...found, ...groups(lab, "/sys/fs/cgroup", 4)];
}

function listed(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function groups(lab: string, at: string, depth: number): string[] {
  return readdirSync(at).flatMap((entry) => {
    const path = join(at, entry);
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
    return entry === lab ? [path] : depth > 0 ? groups(lab, path, depth - 1) : [];
  });
}
