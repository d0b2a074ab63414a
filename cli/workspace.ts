/**
 * Where a stack's own files lie: the folder .hashistack beside Pulumi.yaml. It holds the state (file backend), the
 * passphrase, the settings as the engine keeps them, CA files and the SSH client's files.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CliError } from "./errors";

/** A checkout (or any folder with a Pulumi.yaml) and where this program keeps its files for it. */
export interface Workspace {
  /** Folder of Pulumi.yaml. */
  readonly root: string;
  /** The project's name in Pulumi.yaml. */
  readonly project: string;
  /** `<root>/.hashistack`, mode 0700. */
  readonly directory: string;
  /** Whether the state lies in `directory`: no backend of the user's own was named. */
  readonly ownBackend: boolean;
}

const STACK_NAME = /^[A-Za-z0-9_.-]{1,100}$/;

/** The value of a plain top-level `key: value` line of a YAML file; undefined when there is none. */
export function topLevelScalar(yaml: string, key: string): string | undefined {
  const found = new RegExp(`^${key}:[ \\t]*(.+?)[ \\t]*$`, "m").exec(yaml)?.[1];
  return found?.replace(/[ \t]+#.*$/, "").replace(/^(["'])(.*)\1$/, "$2");
}

/**
 * Finds the nearest folder with a Pulumi.yaml, from `start` upwards. Makes nothing.
 * @throws CliError when there is none, or it names no project.
 */
export function findWorkspace(start: string, env: NodeJS.ProcessEnv = process.env): Workspace {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const file = join(folder, "Pulumi.yaml");
    if (existsSync(file)) {
      const text = readFileSync(file, "utf8");
      const project = topLevelScalar(text, "name");
      if (!project) throw new CliError(`${file} names no project (the line "name: …" is missing)`);
      return {
        root: folder,
        project,
        directory: join(folder, ".hashistack"),
        ownBackend: !env.PULUMI_BACKEND_URL && !/^backend:/m.test(text),
      };
    }
    if (dirname(folder) === folder) {
      throw new CliError(
        `no Pulumi.yaml in ${resolve(start)} or a folder above: run this inside the checkout`,
      );
    }
  }
}

/** Throws unless `stack` can be a stack's name (it becomes part of file names). */
export function checkStackName(stack: string): void {
  if (!STACK_NAME.test(stack) || stack.startsWith(".")) {
    throw new CliError(`"${stack}" cannot be a stack's name: letters, digits, "-", "_" and "." only`);
  }
}

/** Makes a folder that only its owner may look into. */
export function privateDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  return path;
}

/** Writes a file that only its owner may read, in one step: two commands at once never see half of it. */
export function writePrivate(path: string, content: string): void {
  const staged = `${path}.${process.pid}`;
  writeFileSync(staged, content, { mode: 0o600 });
  renameSync(staged, path);
}

/** Makes the folders and, once, the passphrase. Safe to repeat. */
export function prepareWorkspace(workspace: Workspace): void {
  privateDirectory(workspace.directory);
  privateDirectory(join(workspace.directory, "state"));
  const passphrase = passphraseFile(workspace);
  if (existsSync(passphrase)) {
    chmodSync(passphrase, 0o600);
    return;
  }
  // "wx": of two runs that start at once, one makes it and the other reads it.
  try {
    writeFileSync(passphrase, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

export function passphraseFile(workspace: Workspace): string {
  return join(workspace.directory, "passphrase");
}

/** The checkpoint of a stack in a file backend. */
export function checkpointIn(backend: string, project: string, stack: string): string {
  return join(backend, ".pulumi", "stacks", project, `${stack}.json`);
}

/** The checkpoint of a stack in the own backend. */
export function checkpointFile(workspace: Workspace, stack: string): string {
  return checkpointIn(join(workspace.directory, "state"), workspace.project, stack);
}

/** Stacks that have a state in the own backend. */
export function ownStacks(workspace: Workspace): string[] {
  const folder = join(workspace.directory, "state", ".pulumi", "stacks", workspace.project);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

/**
 * What Pulumi needs in its environment. A backend, passphrase or home that the user named is kept; otherwise the
 * state lies in the workspace, and nothing is written to ~/.pulumi.
 */
export function pulumiEnvironment(workspace: Workspace, env: NodeJS.ProcessEnv): Record<string, string> {
  const own = workspace.ownBackend;
  const passphraseGiven = env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE;
  return {
    ...(own ? { PULUMI_BACKEND_URL: `file://${join(workspace.directory, "state")}` } : {}),
    ...(own && !env.PULUMI_HOME ? { PULUMI_HOME: join(workspace.directory, "pulumi") } : {}),
    ...(passphraseGiven ? {} : { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(workspace) }),
    // A settings file without a salt of its own is read with the state's.
    PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_NODEJS_TRANSPILE_ONLY: env.PULUMI_NODEJS_TRANSPILE_ONLY ?? "true",
    PULUMI_DIY_BACKEND_NO_LEGACY_WARNING: "true",
    // The engine asks git whether the folder is clean; as root, git would leave an index that is no longer the user's.
    GIT_OPTIONAL_LOCKS: "0",
  };
}

/**
 * Gives the workspace's files to the user who called sudo, so that the commands which need no root work without it.
 * Does nothing when sudo was not used.
 */
export function giveBack(workspace: Workspace, env: NodeJS.ProcessEnv = process.env): void {
  const uid = Number(env.SUDO_UID);
  const gid = Number(env.SUDO_GID);
  if (process.getuid?.() !== 0 || !Number.isInteger(uid) || !Number.isInteger(gid) || uid === 0) return;
  const walk = (path: string): void => {
    lchownSync(path, uid, gid);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(path, entry.name));
      else lchownSync(join(path, entry.name), uid, gid);
    }
  };
  if (existsSync(workspace.directory)) walk(workspace.directory);
}
