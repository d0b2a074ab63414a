/** Programs that the user already has: found on PATH and asked for their version. */

import { constants } from "node:fs";
import { access, mkdir, readFile, realpath, rename, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, sep } from "node:path";
import { z } from "zod";
import { sha256File } from "./cache";
import type { Program } from "./program";
import { run } from "./run";

/** What PATH offered. `version` is absent when the program could not say. */
export interface PathAnswer {
  path: string;
  version?: string;
  sha256: string;
}

const memorySchema = z.record(
  z.string(),
  z.object({ size: z.number(), modifiedMs: z.number(), version: z.string().optional(), sha256: z.string() }),
);

/** Whether `path` is a file that this user may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** The first executable `name` on the search path whose real place is outside all `ours`; symlinks resolved. */
export async function findOnPath(
  name: string,
  searchPath: string,
  ours: readonly string[],
): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter)) {
    if (!folder) continue;
    const candidate = join(folder, name);
    if (!(await isExecutable(candidate))) continue;
    const real = await realpath(candidate);
    if (ours.some((own) => real === own || real.startsWith(own + sep))) continue;
    return real;
  }
  return undefined;
}

/** Asks programs for their versions, remembering the answers by the file's size and time in `memoryFile`. */
export class PathPrograms {
  private memory: z.infer<typeof memorySchema> | undefined;

  /** @param ours folders whose programs do not count: the cache, the checkout. */
  constructor(
    private readonly searchPath: string,
    private readonly ours: readonly string[],
    private readonly memoryFile: string,
  ) {}

  /** What is on PATH under the program's name, if anything. */
  async find(program: Program, all: readonly Program[]): Promise<PathAnswer | undefined> {
    const path = await findOnPath(program.name, this.searchPath, this.ours);
    if (!path) return undefined;
    if (program.releasedWith) {
      const partner = all.find((other) => other.name === program.releasedWith);
      const beside = partner && (await this.find(partner, all));
      if (!beside || dirname(beside.path) !== dirname(path)) return undefined;
      const own = await this.ask(program, path);
      return { ...own, version: beside.version };
    }
    return program.question ? this.ask(program, path) : undefined;
  }

  private async ask(program: Program, path: string): Promise<PathAnswer> {
    const { size, mtimeMs } = await stat(path);
    this.memory ??= await this.load();
    const known = this.memory[path];
    if (known && known.size === size && known.modifiedMs === mtimeMs) {
      return { path, version: known.version, sha256: known.sha256 };
    }
    let version: string | undefined;
    if (program.question) {
      try {
        const { stdout, stderr } = await run(path, program.question.args, { limitSeconds: 10 });
        version = program.question.pattern.exec(`${stdout}\n${stderr}`)?.[1];
      } catch {
        // One that does not run is not the right version, and the next source is tried.
        version = undefined;
      }
    }
    const sha256 = await sha256File(path);
    this.memory[path] = { size, modifiedMs: mtimeMs, version, sha256 };
    await this.save();
    return { path, version, sha256 };
  }

  private async load(): Promise<z.infer<typeof memorySchema>> {
    try {
      return memorySchema.parse(JSON.parse(await readFile(this.memoryFile, "utf8")));
    } catch {
      // Only a memory: absent or unreadable, the programs are asked again.
      return {};
    }
  }

  private async save(): Promise<void> {
    const file = `${this.memoryFile}.${process.pid}`;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(this.memory, null, 2));
    await rename(file, this.memoryFile);
  }
}
