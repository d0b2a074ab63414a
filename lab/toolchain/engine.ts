/** The engine's surroundings: which provider plugins it will find, and the environment it runs in. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { ensureWith, type Toolchain } from "./ensure";
import { projectRoot } from "./goModule";
import { findOnPath, isExecutable } from "./onPath";

/** The providers that the program uses and that have a stand-in. */
const PROVIDERS = ["random", "tls", "command", "vault", "linode"] as const;

/** The least major version of Node that @pulumi/pulumi runs on. */
const LEAST_NODE = 22;

/** Which plugin the engine will use for one provider. */
export interface PluginChoice {
  /** Provider, e.g. "random". */
  name: string;
  /** The version of its npm SDK, which the engine asks for. */
  version: string;
  /** forced: by HASHISTACK_PLUGIN_<NAME>; installed: in Pulumi's plugin folder; path: on PATH; stand-in: ours. */
  source: "forced" | "installed" | "path" | "stand-in";
  path: string;
}

export interface EngineEnvironment {
  /** Folders to put before PATH, first one first. */
  pathEntries: string[];
  /** Variables to set; PATH is not among them. */
  env: Record<string, string>;
  /** The plugin that each provider gets, for reports. */
  plugins: PluginChoice[];
}

/** Chooses the plugin of one provider: a forced one, else an official one where there is one, else the stand-in. */
export async function choosePlugin(
  name: string,
  version: string,
  standInFolder: string,
  chain: Pick<Toolchain, "searchPath" | "ours">,
  environment: NodeJS.ProcessEnv,
): Promise<PluginChoice> {
  const executable = `pulumi-resource-${name}`;
  const variable = `HASHISTACK_PLUGIN_${name.toUpperCase()}`;
  const forced = environment[variable];
  if (forced) {
    const path = resolve(forced);
    if (!(await isExecutable(path)))
      throw new Error(`${variable} names ${path}, which is not an executable file`);
    return { name, version, source: "forced", path };
  }
  const onPath = await findOnPath(executable, chain.searchPath, chain.ours);
  if (onPath) return { name, version, source: "path", path: onPath };
  const home = environment.PULUMI_HOME || join(homedir(), ".pulumi");
  const installed = join(home, "plugins", `resource-${name}-v${version}`, executable);
  if (await isExecutable(installed)) return { name, version, source: "installed", path: installed };
  const standIn = join(standInFolder, executable);
  if (await isExecutable(standIn)) return { name, version, source: "stand-in", path: standIn };
  throw new Error(
    `there is no plugin for the provider ${name} ${version}: run "pulumi plugin install resource ${name} v${version}", or build this checkout so that ${standIn} is there`,
  );
}

/** The folder of links to `choices`, by their content, so that two checkouts do not share one. */
async function linkPlugins(root: string, choices: readonly PluginChoice[]): Promise<string> {
  const key = createHash("sha256")
    .update(JSON.stringify(choices.map(({ name, path }) => [name, path])))
    .digest("hex")
    .slice(0, 16);
  const folder = join(root, "engine", key);
  await mkdir(folder, { recursive: true });
  for (const choice of choices) {
    const link = join(folder, `pulumi-resource-${choice.name}`);
    const target = await readlink(link).catch(() => undefined);
    if (target === choice.path) continue;
    const fresh = `${link}.${randomBytes(4).toString("hex")}`;
    await symlink(choice.path, fresh);
    await rename(fresh, link).catch(async (error) => {
      await rm(fresh, { force: true });
      throw error;
    });
  }
  return folder;
}

/** The folder of a Node that the SDK accepts: this process's own, or that of the npm package. */
function nodeFolder(project: string): string {
  if (Number(process.versions.node.split(".")[0]) >= LEAST_NODE) return dirname(process.execPath);
  const packaged = packageFolder(project, `node-linux-${process.arch}`);
  if (packaged && existsSync(join(packaged, "bin", "node"))) return join(packaged, "bin");
  throw new Error(
    `the Pulumi SDK needs Node ${LEAST_NODE} or newer: this is ${process.versions.node}, and npm has not installed node-linux-${process.arch}`,
  );
}

/** Where an npm package lies that this program, or else the user's project, has; undefined where neither has it. */
function packageFolder(project: string, name: string): string | undefined {
  const known = createRequire(join(project, "package.json"));
  try {
    return dirname(known.resolve(`${name}/package.json`, { paths: [project, process.cwd()] }));
  } catch {
    return undefined;
  }
}

/** The version of a provider's SDK; undefined where the project has none, and so needs no plugin. */
async function sdkVersion(project: string, name: string): Promise<string | undefined> {
  const folder = packageFolder(project, `@pulumi/${name}`);
  if (folder === undefined) return undefined;
  return (JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string }).version;
}

/** engineEnvironment with everything given. */
export async function engineEnvironmentWith(
  chain: Toolchain,
  environment: NodeJS.ProcessEnv,
): Promise<EngineEnvironment> {
  const project = projectRoot();
  const [engine, host] = await ensureWith(chain, ["pulumi", "pulumi-language-nodejs"]);
  const standIns = join(project, "lab", "plugins", "bin");
  const chosen = await Promise.all(
    PROVIDERS.map(async (name) => {
      const version = await sdkVersion(project, name);
      return version === undefined ? undefined : choosePlugin(name, version, standIns, chain, environment);
    }),
  );
  const plugins = chosen.filter((choice) => choice !== undefined);
  // One on PATH stays there. The engine looks for an installed one in its own home, which need not be the user's.
  const linked = plugins.filter(({ source }) => source !== "path");
  const entries = [
    ...(linked.length > 0 ? [await linkPlugins(chain.root, linked)] : []),
    dirname(engine.path),
    dirname(host.path),
    nodeFolder(project),
  ];
  return {
    pathEntries: [...new Set(entries)],
    env: {
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    },
    plugins,
  };
}
