/**
 * Debian's programs that only tests need, with all that they need, in a tree of their own in the cache: Chromium without
 * windows, and the name server BIND. Nothing is installed on the host.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const packages = ["chromium-headless-shell", "fonts-dejavu-core", "bind9"];

/** Extracted and not installed: a program that is only run needs nothing else, and it is a quarter of the time. */
const argv = (target) => [
  "--mode=root",
  "--variant=extract",
  "--components=main",
  "--format=directory",
  '--aptopt=APT::Install-Recommends "false"',
  '--aptopt=Acquire::Languages "none"',
  "--dpkgopt=path-exclude=/usr/share/doc/*",
  "--dpkgopt=path-exclude=/usr/share/man/*",
  "--dpkgopt=path-exclude=/usr/share/locale/*",
  `--include=${packages.join(",")}`,
  "bookworm",
  target,
];

/** The folder of the tree, there or not. */
export function debianTree() {
  const cache =
    process.env.HASHISTACK_CACHE ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "hashistack");
  const digest = createHash("sha256")
    .update(JSON.stringify(argv("target")))
    .digest("hex")
    .slice(0, 16);
  return join(cache, "debian", digest);
}

export const hasDebianTree = () => existsSync(debianTree());

/** Makes the tree where it is not there: a minute, and 110 MB of downloads. */
export async function makeDebianTree() {
  const root = debianTree();
  if (hasDebianTree()) return "cached";
  const folder = dirname(root);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const left of await readdir(folder)) await rm(join(folder, left), { recursive: true, force: true });
  const staged = `${root}.${process.pid}`;
  await run("mmdebstrap", argv(staged), { timeout: 600_000, maxBuffer: 64 << 20 });
  await rename(staged, root);
  return "made";
}

if (process.argv[1] === import.meta.filename) console.log(await makeDebianTree());
