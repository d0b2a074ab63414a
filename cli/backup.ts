/**
 * `hashistack backup-state` and `restore-state`: all that manages a cluster in one encrypted file. What lies in the
 * cluster itself (Vault's secrets, Consul's and Nomad's data) is not in it.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { seal, unseal } from "./archive";
import { runPulumi } from "./engine";
import { CliError } from "./errors";
import { labOf } from "./lab";
import { openWorkspace } from "./options";
import { getPassphrase, type PassphraseSource } from "./passphrase";
import { stackFlag } from "./report";
import { usesLocalCloud } from "./root";
import {
  checkpointFile,
  checkStackName,
  findWorkspace,
  giveBack,
  ownStacks,
  passphraseFile,
  privateDirectory,
  type Workspace,
  writePrivate,
} from "./workspace";

/** What a backup holds, by what it is: where each lies is the folder's affair that takes it in. */
const PARTS = ["state", "passphrase", "salt", "settings"] as const;
type Part = (typeof PARTS)[number];

const manifest = z.object({
  project: z.string(),
  stack: z.string(),
  /** When it was made, ISO 8601. */
  date: z.string(),
  /** The host it was made on, for people. */
  host: z.string(),
  versions: z.object({ hashistack: z.string(), engine: z.string(), node: z.string() }),
  /** When the engine last wrote the state, ISO 8601. */
  stateTime: z.string(),
  resources: z.number(),
  /** The lab of its machines, where they are inside a host. */
  lab: z.string().optional(),
  files: z.partialRecord(z.enum(PARTS), z.object({ sha256: z.string(), bytes: z.number() })),
});
const document = z.object({ manifest, content: z.partialRecord(z.enum(PARTS), z.string()) });

/** What a backup says of itself. */
export type Manifest = z.infer<typeof manifest>;
export interface Backup {
  readonly manifest: Manifest;
  readonly content: Readonly<Partial<Record<Part, string>>>;
}

const checkpoint = z.object({
  checkpoint: z.object({
    latest: z.object({
      manifest: z.object({ time: z.string(), version: z.string().default("") }),
      resources: z.array(z.unknown()).default([]),
    }),
  }),
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function placeOf(workspace: Workspace, stack: string, part: Part): string {
  const places: Record<Part, string> = {
    state: checkpointFile(workspace, stack),
    passphrase: passphraseFile(workspace),
    salt: join(workspace.directory, "settings", stack, `Pulumi.${stack}.yaml`),
    settings: join(workspace.root, `Pulumi.${stack}.yaml`),
  };
  return places[part];
}

function readIf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function stateOf(text: string, where: string): z.infer<typeof checkpoint>["checkpoint"]["latest"] {
  try {
    return checkpoint.parse(JSON.parse(text)).checkpoint.latest;
  } catch {
    throw new CliError(`${where} cannot be read as a state of the engine`);
  }
}

function refuseForeign(workspace: Workspace): void {
  if (workspace.ownBackend) return;
  throw new CliError(
    "the state lies in a backend of your own, not in .hashistack/: keep it by that backend's means, and its passphrase too",
  );
}

/** Neither copies a state that a run is writing, nor puts one under a run's feet. */
function refuseLocked(workspace: Workspace, stack: string): void {
  const folder = join(
    workspace.directory,
    "state",
    ".pulumi",
    "locks",
    "organization",
    workspace.project,
    stack,
  );
  if (existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".json"))) {
    throw new CliError(
      `stack "${stack}" is locked: wait until the run has ended; if it was killed: npx hashistack recover --stack ${stack}`,
    );
  }
}

function ownVersion(): string {
  // Beside the source; from the build it is two folders up.
  const places = [join(__dirname, "package.json"), join(__dirname, "../../cli/package.json")];
  const file = places.find((place) => existsSync(place));
  return file ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : "";
}

/** Collects all that manages a stack. */
export function collect(workspace: Workspace, stack: string, env: NodeJS.ProcessEnv = process.env): Backup {
  refuseForeign(workspace);
  refuseLocked(workspace, stack);
  const content: Partial<Record<Part, string>> = {};
  for (const part of PARTS) {
    const text = readIf(placeOf(workspace, stack, part));
    if (text !== undefined) content[part] = text;
  }
  const given = env.PULUMI_CONFIG_PASSPHRASE_FILE ? readIf(env.PULUMI_CONFIG_PASSPHRASE_FILE) : undefined;
  content.passphrase = env.PULUMI_CONFIG_PASSPHRASE ?? given ?? content.passphrase;
  if (!content.state) throw new CliError(`there is no stack "${stack}" in ${workspace.root} to keep`);
  if (!content.passphrase)
    throw new CliError(`the state's passphrase is not there: ${passphraseFile(workspace)}`);
  const { manifest: written, resources } = stateOf(content.state, checkpointFile(workspace, stack));
  const local = usesLocalCloud(content.settings ?? "");
  return {
    manifest: {
      ...{ project: workspace.project, stack, date: new Date().toISOString(), host: hostname() },
      versions: { hashistack: ownVersion(), engine: written.version, node: process.version },
      ...{ stateTime: written.time, resources: resources.length },
      ...(local ? { lab: labOf(workspace, env) } : {}),
      files: Object.fromEntries(
        Object.entries(content).map(([part, text]) => [
          part,
          { sha256: sha256(text), bytes: Buffer.byteLength(text) },
        ]),
      ),
    },
    content,
  };
}

/** Checks that a decrypted document is a whole backup. */
export function checkBackup(raw: unknown, name: string): Backup {
  const parsed = document.safeParse(raw);
  if (!parsed.success) throw new CliError(`${name} is damaged: it lacks what a backup has`);
  const { manifest, content } = parsed.data;
  for (const part of PARTS) {
    const [said, text] = [manifest.files[part], content[part]];
    if (
      (said === undefined) !== (text === undefined) ||
      (text !== undefined && said?.sha256 !== sha256(text))
    )
      throw new CliError(`${name} is damaged: its ${part} is not what its manifest says`);
  }
  if (!content.state || !content.passphrase)
    throw new CliError(`${name} is damaged: it has no state or no passphrase`);
  checkStackName(manifest.stack);
  return { manifest, content };
}

/**
 * Why a backup may not be put into a folder; undefined where it may. Without `force` neither a newer nor a different
 * state is replaced.
 */
export function objection(workspace: Workspace, backup: Backup, force: boolean): string | undefined {
  const { manifest, content } = backup;
  const { stack } = manifest;
  if (manifest.project !== workspace.project)
    return `the backup is of project "${manifest.project}", and ${workspace.root} is "${workspace.project}"`;
  const samePassphrase = readIf(passphraseFile(workspace))?.trim() === content.passphrase?.trim();
  const others = ownStacks(workspace).filter((name) => name !== stack);
  if (others.length > 0 && !samePassphrase)
    return `${others.join(", ")} in ${workspace.directory} have another passphrase, which would be lost: use another folder`;
  const path = checkpointFile(workspace, stack);
  const present = readIf(path);
  if (present === undefined || present === content.state || force) return undefined;
  const hint = `(--force replaces it, and keeps it aside)`;
  if (!samePassphrase) return `${workspace.root} has another stack "${stack}" ${hint}`;
  const here = Date.parse(stateOf(present, path).manifest.time);
  if (here < Date.parse(manifest.stateTime)) return undefined;
  return `the state of stack "${stack}" in ${workspace.root} is newer than the backup's of ${manifest.stateTime} ${hint}`;
}

/**
 * Puts a backup into a folder, each file for its owner alone. What it replaces is kept aside.
 *
 * @returns where that lies, or undefined where nothing was replaced
 */
export function putBack(workspace: Workspace, backup: Backup): string | undefined {
  const { stack, lab } = backup.manifest;
  privateDirectory(workspace.directory);
  const aside = join(workspace.directory, `before-restore-${new Date().toISOString().replace(/[:.]/g, "-")}`);
  let replaced = false;
  const put = (path: string, text: string): void => {
    if (existsSync(path) && readFileSync(path, "utf8") !== text) {
      const kept = join(privateDirectory(aside), basename(path));
      renameSync(path, kept);
      chmodSync(kept, 0o600);
      replaced = true;
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writePrivate(path, text);
    // The engine's note beside a file is of the file that was there.
    rmSync(`${path}.attrs`, { force: true });
  };
  privateDirectory(join(workspace.directory, "state"));
  put(join(workspace.directory, "state", ".pulumi", "meta.yaml"), "version: 1\n");
  if (backup.content.salt)
    put(
      join(workspace.directory, "settings", stack, "Pulumi.yaml"),
      `name: ${workspace.project}\nruntime: nodejs\n`,
    );
  if (lab && lab !== labOf(workspace, {})) put(join(workspace.directory, "lab"), `${lab}\n`);
  // The state comes last: with it the stack is there.
  for (const part of [...PARTS].reverse()) {
    const text = backup.content[part];
    if (text !== undefined) put(placeOf(workspace, stack, part), text);
  }
  return replaced ? aside : undefined;
}

export interface BackupOptions {
  stack: string;
  cwd: string;
  /** The backup's file. Default: named after project, stack and time, in the working directory. */
  to?: string;
  passphrase: PassphraseSource;
}

/** `hashistack backup-state`. */
export async function backupState(options: BackupOptions): Promise<number> {
  const workspace = openWorkspace(options);
  const backup = collect(workspace, options.stack);
  // A backup with another passphrase than the state's would be worth nothing: the engine says whether it is the one.
  const words = [
    "stack",
    "output",
    "--json",
    "--show-secrets",
    "--non-interactive",
    "--stack",
    options.stack,
  ];
  await runPulumi(workspace, words);
  const { project, stack, date, resources } = backup.manifest;
  const name = `hashistack-${project}-${stack}-${date.replace(/[-:]|\.\d+/g, "")}.backup`;
  const file = resolve(options.to ?? name);
  if (existsSync(file)) throw new CliError(`${file} is there already`);
  const passphrase = await getPassphrase(options.passphrase, true);
  const sealed = await seal(backup, passphrase);
  try {
    writeFileSync(file, sealed, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new CliError(`${file} cannot be written: ${(error as Error).message}`);
  }
  checkBackup(await unseal(readFileSync(file), passphrase, file), file);
  giveBack(workspace);
  process.stdout.write(
    `${file}: state (${resources} resources), passphrase and settings of stack "${stack}", read back and found whole.\n` +
      "Keep it where this host's end does not reach it, and its passphrase elsewhere.\n",
  );
  return 0;
}

export interface RestoreOptions {
  cwd: string;
  force: boolean;
  passphrase: PassphraseSource;
}

/** `hashistack restore-state <file>`. */
export async function restoreState(file: string, options: RestoreOptions): Promise<number> {
  const workspace = findWorkspace(options.cwd);
  refuseForeign(workspace);
  let sealed: Buffer;
  try {
    sealed = readFileSync(file);
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const backup = checkBackup(
    await unseal(sealed, await getPassphrase(options.passphrase, false), file),
    file,
  );
  const { stack, date, host, resources } = backup.manifest;
  refuseLocked(workspace, stack);
  const why = objection(workspace, backup, options.force);
  if (why) throw new CliError(why);
  const aside = putBack(workspace, backup);
  giveBack(workspace);
  const flag = stackFlag(stack);
  process.stdout.write(
    [
      `Stack "${stack}" as it was on ${host} at ${date}, with ${resources} resources, is in ${workspace.root}.`,
      ...(aside ? [`What it replaced lies in ${aside}.`] : []),
      `See what has changed since: npx hashistack doctor${flag}, npx hashistack status${flag}; then npx hashistack up${flag}.`,
      "Work from one folder alone: the other one's state does not see what is done here.",
      "",
    ].join("\n"),
  );
  return 0;
}
