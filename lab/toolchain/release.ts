/** One program out of its publisher's release: fetched, checked against the pin and the signed sums, unpacked. */
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as yauzl from "yauzl";
import { sha256File } from "./cache";
import { BadRelease, type ReleaseHosts, Unreachable } from "./download";
import type { Architecture, Release } from "./program";
import { run } from "./run";

/** Called when the work turns to another phase. */
export type OnPhase = (phase: string) => void;

/**
 * Fetches, checks and unpacks a release into `folder`; returns the program's file.
 * Throws Unreachable when the host cannot be had or does not hold this release at all, BadRelease when it answers with
 * something that fails a check.
 */
export async function fetchRelease(
  hosts: ReleaseHosts,
  release: Release,
  processor: Architecture,
  folder: string,
  onPhase: OnPhase,
): Promise<string> {
  const location = release.archive(processor);
  const name = basename(location);
  const pin = release.sha256[processor];
  onPhase("downloading");
  if (release.signed) await checkSums(hosts, release.signed, name, pin);
  const archive = join(folder, name);
  if (!(await hosts.file(location, archive))) {
    if (release.signed) {
      throw new BadRelease(
        `the release is incomplete: its sums name ${hosts.url(location)}, which is not there`,
      );
    }
    throw new Unreachable(`${hosts.url(location)} is not there`);
  }
  onPhase("verifying");
  const sha256 = await sha256File(archive);
  if (sha256 !== pin) {
    throw new BadRelease(
      `${hosts.url(location)} is not the published file: SHA-256 ${sha256}, expected ${pin}`,
    );
  }
  const target = join(folder, basename(release.member));
  if (release.format === "zip") await unzip(archive, release.member, target);
  else await untar(archive, release.member, folder, target);
  return target;
}

async function checkSums(
  hosts: ReleaseHosts,
  signed: NonNullable<Release["signed"]>,
  name: string,
  pin: string,
): Promise<void> {
  const sums = await hosts.text(signed.sums);
  if (!sums) throw new Unreachable(`${hosts.url(signed.sums)} is not there`);
  const signature = await hosts.text(signed.signature);
  if (!signature) {
    throw new BadRelease(`the release is not signed: ${hosts.url(signed.signature)} is not there`);
  }
  // An ES module, and only needed here: loaded when a release is really checked.
  const { createMessage, readKey, readSignature, verify } = await import("openpgp");
  const key = await readKey({ armoredKey: signed.key });
  if (key.getFingerprint().toUpperCase() !== signed.fingerprint) {
    throw new BadRelease(
      `the key committed for ${signed.sums} has not the fingerprint ${signed.fingerprint}`,
    );
  }
  try {
    // Throws unless a signature by this key holds.
    await verify({
      message: await createMessage({ binary: sums }),
      signature: await readSignature({ binarySignature: signature }),
      verificationKeys: key,
      expectSigned: true,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BadRelease(`the signature of ${hosts.url(signed.sums)} does not hold: ${reason}`);
  }
  const line = Buffer.from(sums)
    .toString("utf8")
    .split("\n")
    .map((text) => text.trim().split(/\s+/))
    .find(([, file]) => file === name);
  if (line?.[0] !== pin) {
    throw new BadRelease(
      `${hosts.url(signed.sums)} gives ${name} the SHA-256 ${line?.[0] ?? "(none)"}, the manifest pins ${pin}`,
    );
  }
}

// A small library: Debian's base has tar, but neither unzip nor python3 for certain.
function unzip(archive: string, member: string, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    yauzl.open(archive, { lazyEntries: true }, (error, zip) => {
      if (error) return reject(new BadRelease(`${archive} cannot be unpacked: ${error.message}`));
      const fail = (cause: Error) => {
        zip.close();
        reject(new BadRelease(`${archive} cannot be unpacked: ${cause.message}`));
      };
      zip.on("error", fail);
      zip.on("end", () => fail(new Error(`it holds no ${member}`)));
      zip.on("entry", (entry: yauzl.Entry) => {
        if (entry.fileName !== member) return zip.readEntry();
        zip.openReadStream(entry, (openError, stream) => {
          if (openError) return fail(openError);
          pipeline(stream, createWriteStream(target)).then(() => {
            zip.close();
            resolve();
          }, fail);
        });
      });
      zip.readEntry();
    });
  });
}

async function untar(archive: string, member: string, folder: string, target: string): Promise<void> {
  const args = ["-xzf", archive, "-C", folder, "--no-same-owner", member];
  const result = await run("tar", args, { limitSeconds: 300 });
  if (result.status !== 0) {
    throw new BadRelease(
      `${archive} cannot be unpacked: ${result.stderr.trim() || `status ${result.status}`}`,
    );
  }
  await rename(join(folder, member), target);
}
