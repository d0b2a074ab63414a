import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../machines/errors.js";
import { run } from "../machines/run.js";
import { labDir, machineDir, readMachine, removeTree, writeAtomically } from "../machines/state.js";

/**
 * Images that were made of the disk of a lab's machine: what the machine had written, over the layers that it booted from.
 * They live as long as the lab.
 */

/** How long copying what a machine wrote may take: some hundred megabytes. */
const copyLimitMs = 300_000;

const folderOf = (lab: string, image: string): string => join(labDir(lab), "images", image.replace("/", "-"));

/** Keeps a machine's disk as an image. The machine should be off, as for a true one. */
export async function keepImage(lab: string, name: string, image: string): Promise<void> {
  const record = readMachine(lab, name);
  if (!record) throw new LabError(`There is no machine ${name} to make an image of.`);
  const folder = folderOf(lab, image);
  const staged = `${folder}.building`;
  mkdirSync(staged, { recursive: true, mode: 0o700 });
  const root = join(folder, "root");
  await run(
    ["cp", "--archive", "--reflink=auto", join(machineDir(lab, name), "upper"), join(staged, "root")],
    {
      timeoutMs: copyLimitMs,
      what: `Copying the disk of machine ${name}`,
    },
  );
  writeAtomically(join(staged, "layers.json"), JSON.stringify([...record.layers, root]));
  renameSync(staged, folder);
}

/** The layers of an image that was kept; undefined for one that the lab has from the start. */
export function imageLayers(lab: string, image: string | undefined): readonly string[] | undefined {
  const file = image && join(folderOf(lab, image), "layers.json");
  return file && existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as string[]) : undefined;
}

export const dropImage = (lab: string, image: string): Promise<void> => removeTree(folderOf(lab, image));

/**
 * What stands for the keys that Linode itself writes onto the disk of a machine: root is logged in to with them. The lab's
 * image lets nobody in as root; Linode's Debian does.
 */
export const rootLogin = (keys: readonly string[]): string =>
  `#cloud-config\n${JSON.stringify({
    users: [],
    disable_root: false,
    ssh_authorized_keys: keys,
    ssh_genkeytypes: ["ed25519"],
    bootcmd: [["rm", "-f", "/etc/ssh/sshd_config.d/10-hashistack.conf"]],
  })}\n`;
