/**
 * A browser for the tests: Debian's Chromium without windows, with all that it needs, in a tree of its own in the cache.
 * Nothing is installed on the host.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const packages = ["chromium-headless-shell", "fonts-dejavu-core"];

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
export function browserRoot() {
  const cache =
    process.env.HASHISTACK_CACHE ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "hashistack");
  const digest = createHash("sha256")
    .update(JSON.stringify(argv("target")))
    .digest("hex")
    .slice(0, 16);
  return join(cache, "browser", digest);
}

export const hasBrowser = () => existsSync(browserRoot());

/** Makes the tree where it is not there: a minute, and 100 MB of downloads. */
export async function makeBrowser() {
  const root = browserRoot();
  if (hasBrowser()) return "cached";
  const folder = dirname(root);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const left of await readdir(folder)) await rm(join(folder, left), { recursive: true, force: true });
  const staged = `${root}.${process.pid}`;
  await run("mmdebstrap", argv(staged), { timeout: 600_000, maxBuffer: 64 << 20 });
  await rename(staged, root);
  return "made";
}

if (process.argv[1] === import.meta.filename) console.log(await makeBrowser());
