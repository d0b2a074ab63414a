/** The cache outside the checkout: <root>/<program>/<version>/<platform>/<program>, with a record beside each file. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { cacheDir } from "../machines/paths";
import type { Architecture } from "./program";

const recordSchema = z.object({
  name: z.string(),
  version: z.string(),
  source: z.enum(["release", "module"]),
  origin: z.string(),
  /** Hash of what the file was made by (pin, or module files and flags): a changed recipe makes it stale. */
  recipe: z.string(),
  sha256: z.string(),
  size: z.number(),
  modifiedMs: z.number(),
  seconds: z.number(),
});

/** What is kept beside each cached program. */
export type CacheRecord = z.infer<typeof recordSchema>;

/**
 * The folder that holds the toolchain: HASHISTACK_CACHE, else XDG_CACHE_HOME/hashistack, else ~/.cache/hashistack,
 * and in it `toolchain`.
 */
export function toolchainRoot(environment: NodeJS.ProcessEnv = process.env): string {
  return join(cacheDir(environment), "toolchain");
}

/** This machine's processor as Go spells it. Throws on any other than x64 and arm64. */
export function architecture(): Architecture {
  if (process.arch === "x64") return "amd64";
  if (process.arch === "arm64") return "arm64";
  throw new Error(`the toolchain has no programs for the processor ${process.arch}, only for x64 and arm64`);
}

/** Folder of one program's version for this machine. */
export function programFolder(root: string, name: string, version: string): string {
  return join(root, name, version, `${process.platform}_${architecture()}`);
}

/** A file's SHA-256 in hex. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/**
 * The cached program and its record, or nothing when it is absent, damaged or made by another recipe. The contents
 * are hashed again only when size or time of the file changed, so that the usual answer takes no time.
 */
export async function readCached(
  root: string,
  name: string,
  version: string,
  recipe: string,
): Promise<{ path: string; record: CacheRecord } | undefined> {
  const folder = programFolder(root, name, version);
  const path = join(folder, name);
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(join(folder, `${name}.json`), "utf8")));
    if (record.recipe !== recipe) return undefined;
    const found = await stat(path);
    if (found.size !== record.size) return undefined;
    if (found.mtimeMs !== record.modifiedMs && (await sha256File(path)) !== record.sha256) return undefined;
    return { path, record };
  } catch {
    // Absent, unreadable or half written: all the same, it is obtained again.
    return undefined;
  }
}

/** A fresh folder inside the cache (so that renames stay within one file system), removed after `work`. */
export async function withScratch<T>(root: string, work: (folder: string) => Promise<T>): Promise<T> {
  const scratch = join(root, "scratch");
  const folder = join(scratch, `${process.pid}-${randomBytes(4).toString("hex")}`);
  await mkdir(folder, { recursive: true });
  await dropAbandoned(scratch);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what killed runs left behind. */
async function dropAbandoned(scratch: string): Promise<void> {
  for (const name of await readdir(scratch)) {
    if (!existsSync(`/proc/${name.split("-")[0]}`))
      await rm(join(scratch, name), { recursive: true, force: true });
  }
}

/** Moves a finished file to its place at once; the record goes last, so that a cut publication counts as absent. */
export async function publish(
  root: string,
  file: string,
  details: Pick<CacheRecord, "name" | "version" | "source" | "origin" | "recipe" | "seconds">,
): Promise<{ path: string; record: CacheRecord }> {
  const folder = programFolder(root, details.name, details.version);
  const path = join(folder, details.name);
  const recordPath = join(folder, `${details.name}.json`);
  await chmod(file, 0o755);
  const sha256 = await sha256File(file);
  const { size, mtimeMs } = await stat(file);
  const record: CacheRecord = { ...details, sha256, size, modifiedMs: mtimeMs };
  const recordFile = `${file}.json`;
  await writeFile(recordFile, `${JSON.stringify(record, null, 2)}\n`);
  await mkdir(folder, { recursive: true });
  await rm(recordPath, { force: true });
  await rename(file, path);
  await rename(recordFile, recordPath);
  return { path, record };
}
