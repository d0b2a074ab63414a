import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { chmod, symlink } from "node:fs/promises";
import { join } from "node:path";
import { LabError, messageOf } from "./errors.js";
import {
  type BakedProgram,
  bakedPrograms,
  packagesArgv,
  packagesDigest,
  parseList,
  programsDigest,
  setupDigest,
  sourceFiles,
} from "./image-layers.js";
import { cacheDir, labSource } from "./paths.js";
import { placeProgram } from "./place-program.js";
import { run } from "./run.js";
import { entries, removeTree, withLock, writeAtomically } from "./state.js";

export interface Image {
  /** Digest of all it is made of. */
  readonly digest: string;
  /** The highest layer's directory. */
  readonly path: string;
  /** The root directories of its layers, lowest first. */
  readonly layers: readonly string[];
}

export type Progress = (words: string) => void;

/** Limit of one package build. A slow mirror may need minutes; nothing needs this. */
const buildLimitMs = 40 * 60_000;

/** The image that machines boot now, if it is built: it costs a look at a few files. */
export function presentImage(bake: boolean): Image | undefined {
  const plan = planOf();
  if (!isBuilt(plan.packages) || !isBuilt(plan.setup)) return undefined;
  if (!bake) return imageOf([plan.packages, plan.setup]);
  const programs = readPointer(plan.setup);
  return programs && isBuilt(programs) ? imageOf([plan.packages, plan.setup, programs]) : undefined;
}

/**
 * Makes what is missing of the image. With `bake` its highest layer has the programs that the toolchain has now.
 * Throws a LabError with the builder's last words.
 */
export async function ensureImage(bake: boolean, progress: Progress): Promise<Image & { builtNow: boolean }> {
  const lock = join(imagesDir(), ".lock");
  return withLock(lock, buildLimitMs / 1000, async (fd) => {
    await removeRemains();
    const { packages, setup } = planOf();
    let builtNow = await ensureLayer(packages, progress, (target) => buildPackages(target, fd, progress));
    builtNow =
      (await ensureLayer(setup, progress, (target) => buildSetup(rootOf(packages), target, fd))) || builtNow;
    if (!bake) return { ...imageOf([packages, setup]), builtNow };
    const tools = await toolsToBake(progress);
    const programs = programsDigest(setup, tools);
    builtNow = (await ensureLayer(programs, progress, (target) => buildPrograms(target, tools))) || builtNow;
    writeAtomically(pointerPath(setup), `${programs}\n`);
    return { ...imageOf([packages, setup, programs]), builtNow };
  });
}

const imagesDir = (): string => join(cacheDir(), "images");
const rootOf = (digest: string): string => join(imagesDir(), digest, "root");
const isBuilt = (digest: string): boolean => existsSync(rootOf(digest));
/** Names the newest layer of programs over a layer of the set-up. */
const pointerPath = (setup: string): string => join(imagesDir(), setup, "programs");
const imageOf = (digests: readonly string[]): Image => {
  const digest = digests[digests.length - 1];
  return { digest, path: join(imagesDir(), digest), layers: digests.map(rootOf) };
};

function readPointer(setup: string): string | undefined {
  return existsSync(pointerPath(setup)) ? readFileSync(pointerPath(setup), "utf8").trim() : undefined;
}

function packageList(): string[] {
  return parseList(readFileSync(join(labSource(), "image/packages.txt"), "utf8"));
}

function planOf(): { packages: string; setup: string } {
  const packages = packagesDigest(packageList(), process.arch);
  const files = sourceFiles(join(labSource(), "image"), ["packages.txt", "mount-debs.sh"]);
  return { packages, setup: setupDigest(packages, files) };
}

/** What a cut build left. Its lock is ours now, so nobody works in it. */
async function removeRemains(): Promise<void> {
  for (const name of readdirSync(imagesDir())) {
    if (name.startsWith(".building-")) await removeTree(join(imagesDir(), name));
  }
}

/** Builds a layer beside its place and moves it there whole. Answers whether it had to. */
async function ensureLayer(
  digest: string,
  progress: Progress,
  build: (target: string) => Promise<void>,
): Promise<boolean> {
  if (isBuilt(digest)) return false;
  const started = Date.now();
  const target = join(imagesDir(), `.building-${digest}`);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  await build(target);
  renameSync(target, join(imagesDir(), digest));
  progress(`image: layer ${digest} done in ${Math.round((Date.now() - started) / 1000)} s`);
  return true;
}

async function buildPackages(target: string, fd: number, progress: Progress): Promise<void> {
  const debs = join(imagesDir(), "debs");
  mkdirSync(join(debs, "partial"), { recursive: true });
  const packages = packageList();
  progress(`image: Debian 12 with ${packages.length} packages and what they need (usually 1 to 3 minutes)`);
  const started = Date.now();
  const heartbeat = setInterval(() => {
    const unpacked = entries(join(target, "root/var/lib/dpkg/info")).filter((name) =>
      name.endsWith(".list"),
    ).length;
    const downloaded = entries(debs).filter((name) => name.endsWith(".deb")).length;
    progress(
      `image: ${Math.round((Date.now() - started) / 1000)} s, ${downloaded} packages downloaded, ${unpacked} unpacked`,
    );
  }, 10_000);
  const hook = join(labSource(), "image/mount-debs.sh");
  try {
    // A mount namespace of its own: what a cut build had mounted goes away with it.
    await run(
      [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        ...packagesArgv(packages, hook, join(target, "root")),
      ],
      {
        timeoutMs: buildLimitMs,
        fds: [fd],
        env: { HASHISTACK_DEBS: debs },
        what: "Building Debian's layer of the image",
        onLine: (line) => {
          if (/^E: /.test(line)) progress(`image: ${line}`);
        },
      },
    );
  } finally {
    clearInterval(heartbeat);
  }
}

async function buildSetup(lower: string, target: string, fd: number): Promise<void> {
  const dirs = ["root", "work", "merged"].map((name) => join(target, name));
  for (const dir of dirs) mkdirSync(dir, { recursive: true, mode: 0o755 });
  const script = join(labSource(), "image/setup-layer.sh");
  const [upper, work, merged] = dirs;
  await run(["unshare", "--mount", "--propagation", "private", script, lower, upper, work, merged], {
    fds: [fd],
    what: "Building the set-up layer of the image",
  });
  await removeTree(work);
  await removeTree(merged);
}

async function toolsToBake(progress: Progress): Promise<BakedProgram[]> {
  progress(`image: programs ${bakedPrograms.join(", ")}`);
  // Loaded only here: the rest of the lab works without a toolchain.
  const { ensureTools } = await import("../toolchain/index.js");
  try {
    return await ensureTools([...bakedPrograms]);
  } catch (error) {
    throw new LabError(`The programs for the image are not to be had: ${messageOf(error)}`);
  }
}

async function buildPrograms(target: string, tools: readonly BakedProgram[]): Promise<void> {
  const root = join(target, "root");
  const places = { programs: join(root, "opt/hashistack/bin"), links: join(root, "usr/local/bin") };
  const made = ["", "opt", "opt/hashistack", "opt/hashistack/bin", "usr", "usr/local", "usr/local/bin"];
  for (const dir of made) {
    mkdirSync(join(root, dir), { recursive: true });
    await chmod(join(root, dir), 0o755);
  }
  for (const tool of tools) {
    const file = await placeProgram(places.programs, tool);
    await symlink(`/opt/hashistack/bin/${file}`, join(places.links, tool.name));
  }
}
