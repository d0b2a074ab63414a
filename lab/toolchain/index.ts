/**
 * The toolchain: the pinned programs of the cluster, the lab and the engine, obtained once into a cache outside the
 * checkout.
 */
import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { architecture, toolchainRoot } from "./cache";
import { type EngineEnvironment, engineEnvironmentWith } from "./engine";
import { type EnsureOptions, ensureWith, type ResolvedTool, type Toolchain } from "./ensure";
import { projectRoot } from "./goModule";
import { MANIFEST } from "./manifest";

export type { EngineEnvironment, PluginChoice } from "./engine";
export type { EnsureOptions, ResolvedTool, ToolchainProgress } from "./ensure";
export { PROGRAM_NAMES } from "./manifest";
export { MissingPrerequisites } from "./prerequisites";

function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}

/** The toolchain of this checkout, by this process's environment (PATH, HASHISTACK_CACHE, HASHISTACK_RELEASES). */
export function defaultToolchain(): Toolchain {
  if (process.platform !== "linux")
    throw new Error(`the toolchain is for Linux, this machine runs ${process.platform}`);
  const project = projectRoot();
  const root = toolchainRoot();
  return {
    manifest: MANIFEST,
    root,
    searchPath: process.env.PATH ?? "",
    ours: [real(root), real(project)],
    releases: process.env.HASHISTACK_RELEASES || undefined,
    builder: {
      modulesFolder: join(project, "lab", "toolchain", "modules"),
      go: "go",
      architecture: architecture(),
    },
  };
}

/**
 * Makes the named programs ready and says where they are, in the order asked for. Each comes from PATH when it is
 * there in exactly the pinned version, else from the cache, else from the publisher's release (SHA-256 pinned,
 * signature checked), else from its Go module. Safe to call at the same time from several
 * processes; when everything is there it takes some milliseconds.
 *
 * Environment: HASHISTACK_CACHE (default ~/.cache/hashistack), HASHISTACK_RELEASES (base URL of a mirror that holds
 * `<host>/<path>`, or `off`).
 *
 * @param names program names of the manifest, or "all" but the optional ones. Example: `["consul", "nomad"]`.
 * @throws MissingPrerequisites when something must be built and go, a C compiler or disk space is missing;
 * an Error of one sentence on an unknown name, a release that fails a check, a failed build, or an abort.
 */
export async function ensureTools(
  names: readonly string[] | "all",
  options: EnsureOptions = {},
): Promise<ResolvedTool[]> {
  return ensureWith(defaultToolchain(), names, options);
}

/**
 * What the Pulumi engine needs in its environment: folders to put first on PATH (engine, language host, a Node that
 * the SDK accepts, and a folder with the provider plugins that are not on PATH: forced ones, those in the user's Pulumi, else our
 * stand-ins) and variables. Gets the engine and the language host first when they are missing.
 *
 * HASHISTACK_PLUGIN_<NAME>=/path/to/plugin (RANDOM, TLS, COMMAND, VAULT, LINODE) forces one plugin.
 */
export async function engineEnvironment(): Promise<EngineEnvironment> {
  return engineEnvironmentWith(defaultToolchain(), process.env);
}
