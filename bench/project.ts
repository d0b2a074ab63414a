/**
 * A project of its own, for the bench and for the lab's tests: a copy of the checkout's program and of a stack's
 * settings, and so a state, a passphrase and a lab that nobody else uses.
 */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runPulumi } from "../cli/engine";
import { findWorkspace, type Workspace } from "../cli/workspace";
import { BenchError } from "./errors";
import { checkout } from "./lab";

// It comes with the Pulumi SDK, which reads its own files by it.
const yaml = require("js-yaml") as { load(text: string): unknown; dump(value: unknown): string };

export const stack = "dev";

/** What a stack's file sets. */
export interface StackConfig {
  "hashistack:groups": Record<
    string,
    { roles: string[]; keys: string[]; nodeClass?: string; public?: boolean }
  >;
  [setting: string]: unknown;
}

/** Changes the settings of a project's stack as a user's editor does. */
export function editSettings(folder: string, change: (config: StackConfig) => void): void {
  const file = join(folder, `Pulumi.${stack}.yaml`);
  const settings = yaml.load(readFileSync(file, "utf8")) as { config: StackConfig };
  change(settings.config);
  writeFileSync(file, yaml.dump(settings));
}

/** What the engine reads of a checkout, besides the settings and the packages. */
const copied = ["Pulumi.yaml", "index.ts", "package.json", "tsconfig.json", "components"];

export interface Project {
  readonly workspace: Workspace;
  /** The engine's environment: this process's, with the lab of this project and no backend of the user's. */
  readonly env: NodeJS.ProcessEnv;
  /** Removes it. The lab is ended by who made it. */
  remove(): void;
}

export interface ProjectOptions {
  /** The lab of its machines. Default: the one that the lab names after the project's folder. */
  lab?: string;
  /** Where it is made; a folder that is there already is made anew. Default: a new one for temporary files. */
  folder?: string;
  /** The stack. Default: dev. */
  stack?: string;
  /** The settings, relative to the checkout. Default: the stack's own. */
  settings?: string;
}

/** Makes a project. What is edited in the checkout from now on does not reach it. */
export function makeProject(options: ProjectOptions): Project {
  const folder = emptyFolder(options.folder);
  for (const name of copied) cpSync(join(checkout(), name), join(folder, name), { recursive: true });
  symlinkSync(join(checkout(), "node_modules"), join(folder, "node_modules"));
  const own = `Pulumi.${options.stack ?? stack}.yaml`;
  copyFileSync(join(checkout(), options.settings ?? own), join(folder, own));
  const env: NodeJS.ProcessEnv = { ...process.env };
  if (options.lab) env.HASHISTACK_LAB = options.lab;
  else delete env.HASHISTACK_LAB;
  // A backend, passphrase or home of the user's own would be another place than the one that is removed.
  for (const name of Object.keys(env)) {
    if (/^PULUMI_(BACKEND_URL|CONFIG_PASSPHRASE(_FILE)?|HOME|STACK|ACCESS_TOKEN)$/.test(name))
      delete env[name];
  }
  return {
    workspace: findWorkspace(folder, env),
    env,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function emptyFolder(wanted: string | undefined): string {
  if (!wanted) return mkdtempSync(join(tmpdir(), "hashistack-bench-"));
  rmSync(wanted, { recursive: true, force: true });
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  return wanted;
}

/** The first letter that no machine of the group has, else its number. Example: ["a", "b"] gives "c". */
export function freeKey(keys: readonly string[]): string {
  const letters = "abcdefghijklmnopqrstuvwxyz";
  return [...letters].find((letter) => !keys.includes(letter)) ?? `n${keys.length + 1}`;
}

/** Adds one machine to a group in the project's settings, as a user would. Gives the machine's name. */
export async function addMachine(project: Project, group: string): Promise<string> {
  const { workspace, env } = project;
  const file = join(workspace.root, `Pulumi.${stack}.yaml`);
  const config = (...words: string[]): Promise<string> =>
    runPulumi(workspace, ["config", ...words, "--stack", stack, "--config-file", file], { base: env });
  const groups = JSON.parse(await config("get", "hashistack:groups")) as Record<string, { keys: string[] }>;
  const keys = groups[group]?.keys;
  if (!keys) throw new BenchError(`the dev stack has no group "${group}" to add a machine to`);
  const key = freeKey(keys);
  await config("set", "--path", `hashistack:groups.${group}.keys[${keys.length}]`, key);
  return `${group}-${key}`;
}
