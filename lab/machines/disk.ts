import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pathBetween } from "./cgroups.js";
import { LabError } from "./errors.js";
import type { FirstContact, MachineSpec } from "./spec.js";

/** The first user's number, as Debian's installer gives it. */
const uid = 1000;

/**
 * Writes what a new machine knows of itself onto its disk, before its first boot: name, identity, and the first
 * contact, or a seed from which cloud-init makes it. Only a disk that no machine has run on is written to; a real host
 * key comes later and stays.
 */
export function prepareDisk(
  upper: string,
  layers: readonly string[],
  name: string,
  { firstContact, userData }: Pick<MachineSpec, "firstContact" | "userData">,
): void {
  put(upper, "/etc/hostname", `${name}\n`, 0o644);
  put(
    upper,
    "/etc/hosts",
    `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 ${name}\n`,
    0o644,
  );
  // Set here, or the machine's first boot would set itself up as systemd's "first boot" does.
  put(upper, "/etc/machine-id", `${randomBytes(16).toString("hex")}\n`, 0o444);
  if (userData !== undefined) putSeed(upper, name, userData);
  if (firstContact) putContact(upper, layers, firstContact);
}

/** The units of cloud-init, which an image without a seed does not start. */
const cloudInitUnits = ["cloud-init-local", "cloud-init", "cloud-config", "cloud-final"];

/**
 * A NoCloud seed, and all that lets cloud-init look for it: https://docs.cloud-init.io, "NoCloud". It finds the network
 * as a cloud's image has it, configured.
 */
function putSeed(upper: string, name: string, userData: string): void {
  const seed = "/var/lib/cloud/seed/nocloud";
  put(
    upper,
    `${seed}/meta-data`,
    `${JSON.stringify({ "instance-id": name, "local-hostname": name })}\n`,
    0o600,
  );
  put(upper, `${seed}/user-data`, userData, 0o600);
  // The image has no locales: cloud-init would fail to set one.
  const settings = { datasource_list: ["NoCloud"], network: { config: "disabled" }, locale: false };
  put(upper, "/etc/cloud/cloud.cfg.d/90-lab.cfg", `${JSON.stringify(settings)}\n`, 0o644);
  // A device 0:0 in an overlay's upper layer hides the image's file: that one keeps cloud-init from starting.
  execFileSync("mknod", [join(upper, "/etc/cloud/cloud-init.disabled"), "c", "0", "0"]);
  const wants = join(upper, "/etc/systemd/system/cloud-init.target.wants");
  mkdirSync(wants, { recursive: true, mode: 0o755 });
  for (const unit of cloudInitUnits)
    symlinkSync(`/lib/systemd/system/${unit}.service`, join(wants, `${unit}.service`));
}

/** What cloud-init would make of the first contact. */
function putContact(upper: string, layers: readonly string[], contact: FirstContact): void {
  const { user } = contact;
  const home = `/home/${user}`;
  addUser(upper, layers, user, home);
  put(upper, `/etc/sudoers.d/90-first-contact`, `${user} ALL=(ALL:ALL) NOPASSWD: ALL\n`, 0o440);
  put(upper, `${home}/.ssh/authorized_keys`, `${contact.authorizedKeys.join("\n")}\n`, 0o600);
  for (const [path, mode] of [
    [home, 0o750],
    [`${home}/.ssh`, 0o700],
  ] as const)
    chmodSync(join(upper, path), mode);
  for (const path of [home, `${home}/.ssh`, `${home}/.ssh/authorized_keys`])
    lchownSync(join(upper, path), uid, uid);
  put(upper, `/etc/ssh/ssh_host_${keyKind(contact.hostKey)}_key`, contact.hostKey, 0o600);
}

/** The kind of a key in OpenSSH's private format, as sshd names its files. */
function keyKind(privateKey: string): "ecdsa" | "ed25519" {
  const body = Buffer.from(privateKey.replace(/-----[A-Z ]+-----/g, ""), "base64");
  return body.includes("ecdsa-sha2-") ? "ecdsa" : "ed25519";
}

/** The user as useradd would make it, with a locked password. */
function addUser(upper: string, layers: readonly string[], user: string, home: string): void {
  const passwd = read(layers, "/etc/passwd");
  if (passwd.split("\n").some((line) => line.startsWith(`${user}:`) || line.split(":")[2] === String(uid))) {
    throw new LabError(`The image already has a user "${user}" or one with the number ${uid}.`);
  }
  put(upper, "/etc/passwd", `${passwd}${user}:x:${uid}:${uid}::${home}:/bin/bash\n`, 0o644);
  // "*" takes no password; "!" would lock the account for keys too.
  put(
    upper,
    "/etc/shadow",
    `${read(layers, "/etc/shadow")}${user}:*:19000:0:99999:7:::\n`,
    0o640,
    shadowGroup(layers),
  );
  put(upper, "/etc/group", `${read(layers, "/etc/group")}${user}:x:${uid}:\n`, 0o644);
  put(upper, "/etc/gshadow", `${read(layers, "/etc/gshadow")}${user}:!::\n`, 0o640, shadowGroup(layers));
}

function shadowGroup(layers: readonly string[]): number {
  const line = read(layers, "/etc/group")
    .split("\n")
    .find((entry) => entry.startsWith("shadow:"));
  return Number(line?.split(":")[2] ?? 0);
}

/** A file of the image: the highest layer that has it. */
function read(layers: readonly string[], path: string): string {
  for (const layer of [...layers].reverse())
    if (existsSync(join(layer, path))) return readFileSync(join(layer, path), "utf8");
  throw new LabError(`The image has no ${path}.`);
}

/** Writes a file; directories it needs are as they are in every Debian. */
function put(upper: string, path: string, text: string, mode: number, gid = 0): void {
  const full = join(upper, path);
  for (const dir of pathBetween(upper, dirname(full))) {
    if (existsSync(dir)) continue;
    mkdirSync(dir);
    chmodSync(dir, 0o755);
  }
  writeFileSync(full, text, { mode: 0o600 });
  chownSync(full, 0, gid);
  chmodSync(full, mode);
}
