import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseList } from "../lab/machines/image-layers";

/**
 * What is in a cloud's image, beside Debian itself: the same packages and programs as in the local machines' image, and
 * those of its files that are not for a lab alone.
 */

/** A program as the toolchain answers it. */
export interface ImageProgram {
  readonly name: string;
  readonly version: string;
  /** Where it lies on this host: a file of the program's name. */
  readonly path: string;
  readonly sha256: string;
}

/** Files below lab/image/files that machines of a cloud have, too. */
export const sharedFiles = [
  "etc/ssh/sshd_config.d/10-hashistack.conf",
  "etc/systemd/resolved.conf.d/10-hashistack.conf",
  "etc/systemd/system/ssh.service.d/10-hashistack.conf",
] as const;

/** Those that only a machine of a lab has, with the reason: a cloud's machine boots for itself, keeps its journal and runs cloud-init. */
export const labFiles = [
  "etc/cloud/cloud-init.disabled",
  "etc/systemd/journald.conf.d/10-hashistack.conf",
  "etc/systemd/system-preset/00-hashistack.preset",
  "sbin/lab-init",
] as const;

/** Debian's packages of every machine: the one list. `project` is the checkout's folder. */
export function packageList(project: string): string[] {
  return parseList(readFileSync(join(project, "lab/image/packages.txt"), "utf8"));
}

/** Lays out in `folder` what scripts/ read on the machine: packages, programs (SHA-256, name, version) and files/. */
export function layOut(project: string, folder: string, programs: readonly ImageProgram[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "packages"), `${packageList(project).join("\n")}\n`);
  const lines = programs.map(({ sha256, name, version }) => `${sha256} ${name} ${version}\n`);
  writeFileSync(join(folder, "programs"), lines.join(""));
  for (const file of sharedFiles) {
    const target = join(folder, "files", file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(project, "lab/image/files", file), target);
  }
}
