import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { architecture, toolchainRoot } from "../lab/toolchain/cache";
import { ensureTools } from "../lab/toolchain/index";
import { run } from "../lab/toolchain/run";
import type { CloudName } from "./clouds";
import { exitCodes, ImageError } from "./errors";

/**
 * Packer's plugins, where Packer looks for them: `<folder>/<source>/packer-plugin-<name>_v<version>_x5.0_linux_<processor>`,
 * with the sum of each in a file beside it. https://developer.hashicorp.com/packer/docs/plugins/creation/plugin-load-spec
 */

/** What each cloud's template requires. */
export const plugins: Readonly<Record<CloudName, { source: string; version: string }>> = {
  // By Packer itself from its publisher's releases, whose sums it checks: no Go module of it was to be had.
  linode: { source: "github.com/linode/linode", version: "1.10.1" },
  openstack: { source: "github.com/hashicorp/openstack", version: "1.1.2" },
};

/** The version of the plugins' protocol that Packer 1.15 speaks. */
const protocol = "x5.0";
const installSeconds = 600;

/** A plugin's file name. */
export const pluginFile = (cloud: CloudName, version: string): string =>
  `packer-plugin-${cloud}_v${version}_${protocol}_linux_${architecture()}`;

/** Whether a folder has a release of the plugin, of any version. */
export function hasPlugin(folder: string, cloud: CloudName): boolean {
  const place = join(folder, plugins[cloud].source);
  if (!existsSync(place)) return false;
  const [before, after] = pluginFile(cloud, "\0").split("\0");
  return readdirSync(place).some(
    (file) => file.startsWith(before) && file.endsWith(after) && existsSync(join(place, `${file}_SHA256SUM`)),
  );
}

/** Where this user's Packer has its plugins. */
export function userFolder(environment: NodeJS.ProcessEnv): string {
  const { PACKER_PLUGIN_PATH, PACKER_CONFIG_DIR } = environment;
  return PACKER_PLUGIN_PATH || join(PACKER_CONFIG_DIR || join(homedir(), ".config", "packer"), "plugins");
}

/** Puts a plugin and its sum where Packer looks for it, each whole or not at all. */
export function placePlugin(
  folder: string,
  cloud: CloudName,
  plugin: { version: string; path: string; sha256: string },
): void {
  const target = join(folder, plugins[cloud].source, pluginFile(cloud, plugin.version));
  mkdirSync(dirname(target), { recursive: true });
  const staged = `${target}.${process.pid}`;
  copyFileSync(plugin.path, staged);
  chmodSync(staged, 0o755);
  renameSync(staged, target);
  writeFileSync(staged, plugin.sha256);
  renameSync(staged, `${target}_SHA256SUM`);
}

/**
 * The folder with the plugin for a cloud, for PACKER_PLUGIN_PATH; gets the plugin where it is missing.
 * @param packer the program
 * @throws ImageError with what to do where it is not to be had
 */
export async function pluginFolder(
  cloud: CloudName,
  packer: string,
  environment: NodeJS.ProcessEnv,
  say: (words: string) => void,
): Promise<string> {
  const ours = join(toolchainRoot(environment), "packer-plugins");
  if (cloud === "openstack") {
    const [plugin] = await ensureTools(["packer-plugin-openstack"], {
      onProgress: ({ tool, phase }) => say(`${tool}: ${phase}`),
    });
    if (plugin) placePlugin(ours, cloud, plugin);
    return ours;
  }
  const found = [userFolder(environment), ours].find((folder) => hasPlugin(folder, cloud));
  if (found) return found;
  const { source, version } = plugins[cloud];
  say(`Packer's plugin ${source} ${version}: downloading from its publisher`);
  mkdirSync(ours, { recursive: true });
  const { status, stdout, stderr } = await run(packer, ["plugins", "install", source, version], {
    env: { ...environment, PACKER_PLUGIN_PATH: ours, CHECKPOINT_DISABLE: "1" },
    limitSeconds: installSeconds,
  });
  if (status === 0 && hasPlugin(ours, cloud)) return ours;
  // Its first line counts the errors, those that follow name them.
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.replace(/^[\s*]+/, ""));
  const reason = lines.find((line) => line !== "" && !/^\d+ errors? occurred:/.test(line)) ?? "no words";
  throw new ImageError(
    `Packer's plugin ${source} ${version} is not to be had (${reason.slice(0, 200)}); where github.com cannot be reached, ` +
      `bring its release and put it in place: PACKER_PLUGIN_PATH=${ours} ${packer} plugins install --path FILE ${source}`,
    exitCodes.host,
  );
}
