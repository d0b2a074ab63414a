/** Ends a process and all that came from it at once, as a power cut would: by pid, and so that nobody escapes. */
import { readdirSync, readFileSync } from "node:fs";
import { signal } from "../../lab/machines/groups";

interface Proc {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

function processes(): Proc[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
        // The name stands in brackets and may hold anything.
        const end = stat.lastIndexOf(")");
        const parent = Number(stat.slice(end + 2).split(" ")[1]);
        return [{ pid: Number(entry), parent, name: stat.slice(stat.indexOf("(") + 1, end) }];
      } catch {
        return [];
      }
    });
}

/** Children of a process by name. */
export function childrenNamed(parent: number, name: string): number[] {
  return processes()
    .filter((one) => one.parent === parent && one.name === name)
    .map(({ pid }) => pid);
}

/** Kills a process and its descendants with SIGKILL. Answers how many. */
export function killTree(root: number): number {
  const caught = new Set<number>([root]);
  signal(root, "SIGSTOP");
  // Who is stopped starts nobody: when a look finds no new ones, all are caught.
  for (let before = 0; before !== caught.size; ) {
    before = caught.size;
    const all = processes();
    for (let grown = true; grown; ) {
      grown = false;
      for (const { pid, parent } of all) {
        if (!caught.has(parent) || caught.has(pid)) continue;
        caught.add(pid);
        signal(pid, "SIGSTOP");
        grown = true;
      }
    }
  }
  for (const pid of caught) signal(pid, "SIGKILL");
  return caught.size;
}
