/** One program out of a Debian package: apt fetches and verifies it, dpkg-deb unpacks it; nothing is installed. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { DebianPackage } from "./program";
import type { OnPhase } from "./release";
import { run } from "./run";

/** Returns the program's file inside `folder` and the package file it came from. */
export async function fetchDebian(
  recipe: DebianPackage,
  folder: string,
  onPhase: OnPhase,
  signal?: AbortSignal,
): Promise<{ file: string; archive: string }> {
  onPhase("downloading");
  // apt-get drops to the user _apt for downloads where it can; it says so on stderr when it cannot, and goes on.
  const got = await run("apt-get", ["download", recipe.package], { cwd: folder, limitSeconds: 180, signal });
  if (got.status !== 0) {
    throw new Error(
      `apt-get download ${recipe.package} failed: ${lastLine(got.stderr)}; try apt-get update first`,
    );
  }
  const archive = (await readdir(folder)).find((name) => name.endsWith(".deb"));
  if (!archive) throw new Error(`apt-get download ${recipe.package} gave no package file`);
  onPhase("unpacking");
  const contents = join(folder, "contents");
  await mkdir(contents);
  const unpacked = await run("dpkg-deb", ["-x", join(folder, archive), contents], {
    limitSeconds: 120,
    signal,
  });
  if (unpacked.status !== 0) throw new Error(`${archive} cannot be unpacked: ${lastLine(unpacked.stderr)}`);
  return { file: join(contents, recipe.member), archive };
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
