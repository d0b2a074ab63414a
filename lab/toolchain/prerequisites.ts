/** What must be on the host before programs can be built; all of it is told at once, before any work. */

import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { type GoBuilder, goLine } from "./goModule";
import { findOnPath } from "./onPath";
import type { Program } from "./program";
import { run } from "./run";

/** Something is missing on the host; `missing` has one sentence each. */
export class MissingPrerequisites extends Error {
  constructor(readonly missing: readonly string[]) {
    super(missing.join("\n"));
  }
}

// The four big programs leave some 14 GB of modules and build cache behind together.
const GIGABYTES_A_BIG_BUILD = 3.5;
const BIG_BUILD_SECONDS = 60;

/** Throws MissingPrerequisites when what is to be made from modules cannot be made here. */
export async function checkPrerequisites(
  toBuild: readonly Program[],
  builder: GoBuilder,
  searchPath: string,
): Promise<void> {
  if (toBuild.length === 0) return;
  const missing = await checkGo(toBuild, builder);
  const has = async (name: string) => (await findOnPath(name, searchPath, [])) !== undefined;
  const cgo = toBuild.filter((program) => program.module?.cgo).map((program) => program.name);
  const compiler = (process.env.CC || "gcc").split(" ")[0];
  if (cgo.length > 0 && !(await has(compiler)) && !(compiler === "gcc" && (await has("cc")))) {
    missing.push(
      `${cgo.join(", ")} needs a C compiler to be built, and there is none: install Debian's gcc and libc6-dev.`,
    );
  }
  if (missing.length > 0) throw new MissingPrerequisites(missing);
}

async function checkGo(toBuild: readonly Program[], builder: GoBuilder): Promise<string[]> {
  const names = toBuild.map((program) => program.name).join(", ");
  let facts: { GOVERSION: string; GOTOOLCHAIN: string; GOCACHE: string; GOMODCACHE: string };
  try {
    const asked = ["env", "-json", "GOVERSION", "GOTOOLCHAIN", "GOCACHE", "GOMODCACHE"];
    const result = await run(builder.go, asked, { limitSeconds: 20, cwd: builder.modulesFolder });
    facts = JSON.parse(result.stdout);
  } catch {
    return [
      `${names} must be built, because no release host answers, and there is no go on PATH: install Go 1.21 or newer (go.dev/dl).`,
    ];
  }
  const problems: string[] = [];
  const own = facts.GOVERSION.replace(/^go/, "");
  const lines = await Promise.all(
    toBuild.flatMap((program) => (program.module ? [goLine(builder.modulesFolder, program.module)] : [])),
  );
  const needed = lines.reduce((most, line) => (compareVersions(line, most) > 0 ? line : most), "1.21");
  const canFetch = compareVersions(own, "1.21") >= 0 && facts.GOTOOLCHAIN !== "local";
  if (compareVersions(own, needed) < 0 && !canFetch) {
    problems.push(
      `Go ${own} is too old to build ${names}: install Go ${needed} or newer, or 1.21 or newer with GOTOOLCHAIN=auto.`,
    );
  }
  const big = toBuild.filter((program) => (program.module?.buildSeconds ?? 0) > BIG_BUILD_SECONDS).length;
  for (const folder of new Set([facts.GOCACHE, facts.GOMODCACHE])) {
    const free = await freeGigabytes(folder);
    const need = big * GIGABYTES_A_BIG_BUILD;
    if (free < need) {
      problems.push(
        `Building ${names} needs ${need} GB of disk, and ${folder} has ${free.toFixed(1)} GB free.`,
      );
    }
  }
  return problems;
}

async function freeGigabytes(folder: string): Promise<number> {
  let there = folder;
  while (!existsSync(there) && there !== dirname(there)) there = dirname(there);
  const found = await statfs(there);
  return (found.bavail * found.bsize) / 1024 ** 3;
}

/** Negative, zero or positive as `left` is older than, equal to or newer than `right` (dotted numbers). */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => text.split(/[^0-9]+/).map(Number));
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
