import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** What an image is made of, as plain data: digests and arguments. */

/** Programs that a baked image carries. */
export const bakedPrograms = ["consul", "vault", "nomad", "multirootca", "cfssl", "fabio", "caddy"] as const;

/** A program as the toolchain answers it. */
export interface BakedProgram {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly sha256: string;
}

/** Raised when the way layers are made changes in a place no digest sees. */
const layoutVersion = "1";

/** Names in a list file: one a line, `#` begins a comment. */
export function parseList(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
}

/** Arguments that make the lowest layer: plain Debian with the packages. */
export const packagesArgv = (packages: readonly string[], hook: string, target: string): string[] => [
  "mmdebstrap",
  "--mode=root",
  "--variant=minbase",
  "--components=main",
  "--format=directory",
  '--aptopt=APT::Install-Recommends "false"',
  '--aptopt=Acquire::Languages "none"',
  "--dpkgopt=force-unsafe-io",
  "--dpkgopt=path-exclude=/usr/share/doc/*",
  "--dpkgopt=path-exclude=/usr/share/man/*",
  "--dpkgopt=path-exclude=/usr/share/locale/*",
  `--include=${packages.join(",")}`,
  // The cache of packages is mounted before anything is downloaded, and stays.
  "--skip=download/empty",
  "--skip=essential/unlink",
  `--setup-hook=${hook}`,
  `--customize-hook=${hook}`,
  "bookworm",
  target,
];

const digestOf = (...parts: readonly string[]): string => {
  const hash = createHash("sha256").update(layoutVersion);
  for (const part of parts) hash.update(`\0${part.length}\0`).update(part);
  return hash.digest("hex").slice(0, 16);
};

/** Digest of the layer of packages. */
export const packagesDigest = (packages: readonly string[], architecture: string): string =>
  digestOf("packages", architecture, ...packagesArgv([...packages].sort(), "hook", "target"));

/** Digest of the layer that makes Debian a machine of the lab: all that lies in lab/image but the package list. */
export const setupDigest = (below: string, files: readonly SourceFile[]): string =>
  digestOf(
    "setup",
    below,
    ...files.flatMap(({ path, executable, text }) => [path, executable ? "x" : "-", text]),
  );

/** Digest of the layer of programs. */
export const programsDigest = (below: string, programs: readonly BakedProgram[]): string =>
  digestOf(
    "programs",
    below,
    ...programs.map(({ name, version, sha256 }) => `${name} ${version} ${sha256}`).sort(),
  );

export interface SourceFile {
  readonly path: string;
  readonly executable: boolean;
  readonly text: string;
}

/** The files of a directory, by path, sorted. */
export function sourceFiles(directory: string, except: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const full = join(dir, entry.name);
      const path = relative(directory, full);
      if (except.includes(path)) continue;
      if (entry.isDirectory()) walk(full);
      else
        files.push({
          path,
          executable: (statSync(full).mode & 0o100) !== 0,
          text: readFileSync(full, "utf8"),
        });
    }
  };
  walk(directory);
  return files.sort((one, other) => (one.path < other.path ? -1 : 1));
}
