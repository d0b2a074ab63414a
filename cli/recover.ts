/**
 * Takes up a run that was cut: a killed engine leaves its lock, and the creates that it had begun stand in the state
 * as pending. Only what is provably left over is touched, and what was done is said.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineError, runEngine, runPulumi } from "./engine";
import { CliError } from "./errors";
import { parseUrn } from "./events";
import { clearHalfWritten } from "./half-written";
import { sweepLinode, sweptTypes } from "./linode";
import { checkpointIn, type Workspace } from "./workspace";

/** What the engine writes into a lock of a file backend. */
export interface Lock {
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  /** ISO 8601. */
  readonly timestamp: string;
}

/** What is known of this host and of the process that has the lock's number now. */
export interface HostFacts {
  readonly hostname: string;
  /** When this host was started, milliseconds since the Unix epoch. */
  readonly bootedAt: number;
  /** The process with the lock's number, if there is one. */
  readonly process?: { readonly startedAt: number; readonly program: string };
}

export type Verdict =
  | { readonly owner: "dead"; readonly why: string }
  | { readonly owner: "alive" | "unknown"; readonly why: string };

/** Clocks are read to a hundredth of a second, and the boot's time to a second. */
const TOLERANCE_MS = 2000;

/** Judges whether the owner of a lock is provably dead. Pure. */
export function judgeLock(lock: Lock, facts: HostFacts): Verdict {
  const when = Date.parse(lock.timestamp);
  if (lock.hostname !== facts.hostname) {
    return { owner: "unknown", why: `it was made on another host, ${lock.hostname}, by ${lock.username}` };
  }
  if (!Number.isFinite(when) || !Number.isInteger(lock.pid) || lock.pid <= 0) {
    return { owner: "unknown", why: "it says neither when nor by which process it was made" };
  }
  if (when + TOLERANCE_MS < facts.bootedAt)
    return { owner: "dead", why: "this host was started after it was made" };
  if (!facts.process) return { owner: "dead", why: `its process ${lock.pid} is gone` };
  if (facts.process.startedAt > when + TOLERANCE_MS) {
    return { owner: "dead", why: `its process ${lock.pid} is gone (another one has its number now)` };
  }
  if (facts.process.program && !/pulumi/.test(facts.process.program)) {
    return { owner: "dead", why: `process ${lock.pid} is ${facts.process.program}, not the engine` };
  }
  return { owner: "alive", why: `process ${lock.pid} runs since ${new Date(when).toISOString()}` };
}

/** Reads the facts for one process from /proc. */
export function hostFacts(pid: number): HostFacts {
  const btime = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1];
  const bootedAt = Number(btime) * 1000;
  const facts = { hostname: hostname(), bootedAt };
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name stands in brackets and may hold anything: fields are counted after the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return facts;
    const startedAt = bootedAt + (Number(fields[19]) / 100) * 1000;
    return { ...facts, process: { startedAt, program: programOf(pid) } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return facts;
    throw error;
  }
}

/** Name of the executable; empty when it may not be seen (another user's process). */
function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return "";
  }
}

/** One create, update… that the engine had begun and not ended. */
export interface PendingOperation {
  readonly type: string;
  readonly resource: {
    readonly urn: string;
    readonly type?: string;
    readonly provider?: string;
    readonly inputs?: Readonly<Record<string, unknown>>;
  };
}

/** Plugins whose creates may be repeated: keys and the programs on machines are, by their own make, the same again. */
const REPEATABLE = /^(command|random|tls|vault|pulumi):/;

/** Sorts pending operations into those that may be forgotten and those that may have left something behind. */
export function sortPending(operations: readonly PendingOperation[]): {
  repeatable: string[];
  uncertain: string[];
} {
  const repeatable: string[] = [];
  const uncertain: string[] = [];
  for (const { type, resource } of operations) {
    const { type: kind, name } = parseUrn(resource.urn);
    // Only a create can leave what the state does not know; the rest is tried again as it stands.
    if (type !== "creating" || REPEATABLE.test(kind) || sweptTypes.includes(kind)) repeatable.push(name);
    else uncertain.push(`${name} (${kind})`);
  }
  return { repeatable, uncertain };
}

/** What Vault makes at a path, and makes no second time there: a repeated create would be refused. */
const AT_A_PATH = /^vault:(index\/mount:Mount|(index|jwt)\/authBackend:AuthBackend)$/;

/** What is mounted first and configured next. */
const CONFIGURED = /^vault:jwt\//;

/** How long Vault may be asked for them. */
const askingLimitMs = 60_000;

/** A resource as the state has it. */
interface Adopted {
  readonly urn: string;
  readonly id: string;
}

/**
 * Creates of mounts that were begun, as if they were made: Vault is asked next whether they are. Their id is their path
 * (terraform-provider-vault: resource_mount.go, resource_auth_backend.go, resource_jwt_auth_backend.go). Pure.
 */
export function adoptMounts({ resources = [], pending_operations: pending = [] }: DeploymentPart): Adopted[] {
  const known = new Set(resources.map(({ urn }) => urn));
  return pending.flatMap(({ type, resource }) => {
    const { urn, inputs, provider } = resource;
    const path = inputs?.path;
    if (type !== "creating" || !AT_A_PATH.test(parseUrn(urn).type) || known.has(urn)) return [];
    // Who cannot be asked by a provider that the state has is not asked.
    if (typeof path !== "string" || !known.has((provider ?? "").replace(/::[^:]*$/, ""))) return [];
    return [{ ...resource, custom: true, id: path, outputs: inputs }];
  });
}

/** The folder of a file backend, or undefined for another one. */
export function fileBackend(workspace: Workspace, env: NodeJS.ProcessEnv): string | undefined {
  if (workspace.ownBackend) return join(workspace.directory, "state");
  const url = env.PULUMI_BACKEND_URL ?? "";
  return /^file:\/\/\//.test(url) ? fileURLToPath(url.replace(/\?.*$/, "")) : undefined;
}

/**
 * Recovers one stack. Gives a line for each thing that was done; none when there was nothing to do.
 * @throws CliError when the stack is locked by a run that lives, or may live.
 */
export async function recover(workspace: Workspace, stack: string): Promise<string[]> {
  const backend = fileBackend(workspace, process.env);
  // Other backends keep their locks elsewhere: `pulumi cancel` and `pulumi refresh` are theirs.
  if (!backend) return [];
  const unlocked = releaseLocks(backend, workspace, stack);
  const checkpoint = checkpointIn(backend, workspace.project, stack);
  const mended = clearHalfWritten(dirname(checkpoint), basename(checkpoint));
  // Most states have neither strays nor pending creates, which a look at the file tells quicker than the engine.
  const text = existsSync(checkpoint) ? readFileSync(checkpoint, "utf8") : "";
  return [
    ...unlocked,
    ...mended.map((name) => `Deleted ${name}, which a cut run had left half-written beside the state.`),
    ...(await sweepLinode(workspace, stack, text)),
    ...(text.includes('"pending_operations"') ? await forgetPending(workspace, stack) : []),
  ];
}

function releaseLocks(backend: string, workspace: Workspace, stack: string): string[] {
  const folder = join(backend, ".pulumi", "locks", "organization", workspace.project, stack);
  if (!existsSync(folder)) return [];
  const said: string[] = [];
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".json"))) {
    const file = join(folder, name);
    const lock = readLock(file);
    const verdict: Verdict = lock
      ? judgeLock(lock, hostFacts(lock.pid))
      : { owner: "unknown", why: "it cannot be read" };
    if (verdict.owner !== "dead") {
      const advice =
        verdict.owner === "alive"
          ? "wait for it to end, or end it with Ctrl-C there"
          : `if you know that it is over, delete ${file}`;
      throw new CliError(`stack "${stack}" is locked by another run: ${verdict.why}; ${advice}`);
    }
    rmSync(file, { force: true });
    rmSync(`${file}.attrs`, { force: true });
    said.push(`Removed the lock that a cut run left on stack "${stack}": ${verdict.why}.`);
  }
  // Only here, where nobody holds a lock: a run that lives may be writing its own.
  for (const name of clearHalfWritten(folder)) {
    said.push(`Removed ${name}, which a cut run had left half-written among the locks of stack "${stack}".`);
  }
  return said;
}

function readLock(file: string): Lock | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Lock;
  } catch {
    return undefined;
  }
}

/** What `pulumi stack export` prints, as far as it is needed. */
interface Deployment {
  readonly deployment?: DeploymentPart;
}

interface DeploymentPart {
  readonly pending_operations?: readonly PendingOperation[];
  readonly resources?: readonly { readonly urn: string }[];
}

async function forgetPending(workspace: Workspace, stack: string): Promise<string[]> {
  const state = new StackState(workspace, stack);
  const exported = await state.get();
  const pending = exported.deployment?.pending_operations ?? [];
  if (pending.length === 0 || !exported.deployment) return [];
  const { repeatable, uncertain } = sortPending(pending);
  if (uncertain.length > 0) {
    throw new CliError(
      `a cut run may have made ${uncertain.join(", ")}, which the state of stack "${stack}" does not know: look in ` +
        `the cloud, delete or import what is there, then run ` +
        `"npx hashistack exec -- pulumi refresh --clear-pending-creates --stack ${stack}"`,
    );
  }
  const without = { ...exported, deployment: { ...exported.deployment, pending_operations: [] } };
  const mounts = adoptMounts(exported.deployment);
  await state.put(without);
  return [
    `A cut run had begun ${repeatable.length} operation${repeatable.length > 1 ? "s" : ""} that may be repeated ` +
      `(${repeatable.join(", ")}); ${repeatable.length > 1 ? "they are" : "it is"} no longer marked as pending.`,
    ...(mounts.length > 0 ? [await lookAtMounts(state, without, mounts)] : []),
  ];
}

/** The engine's own means to change a state, and by its providers what it tells of. */
class StackState {
  constructor(
    private readonly workspace: Workspace,
    private readonly stack: string,
  ) {}

  async get(): Promise<Deployment> {
    return JSON.parse(await this.run(["stack", "export"])) as Deployment;
  }

  async put(state: Deployment): Promise<void> {
    await this.run(["stack", "import"], JSON.stringify(state));
  }

  /** Takes resources into the state as they are. */
  async adopt(resources: readonly Adopted[]): Promise<void> {
    const { deployment, ...more } = await this.get();
    await this.put({
      ...more,
      deployment: { ...deployment, resources: [...(deployment?.resources ?? []), ...resources] },
    });
  }

  /** Asks the provider of each what it is, or lets it delete it. */
  async each(verb: "refresh" | "destroy", resources: readonly Adopted[]): Promise<void> {
    const args = resources.flatMap(({ urn }) => ["--target", urn]);
    const { stack, workspace } = this;
    await runEngine({ verb, stack, cwd: workspace.root, args, signal: AbortSignal.timeout(askingLimitMs) });
  }

  private run(words: readonly string[], input?: string): Promise<string> {
    const args = [...words, "--stack", this.stack, "--non-interactive"];
    return runPulumi(this.workspace, args, input === undefined ? {} : { input });
  }
}

/**
 * Asks Vault what it has of these, by the state's own provider, and says so. A login that was mounted and not configured is no login
 * to the provider, which forgets it: it is taken away, to be made whole. Where Vault cannot be asked, the state is as it was
 * `before`: what is not known to be there is not taken for made.
 */
async function lookAtMounts(
  state: StackState,
  before: Deployment,
  mounts: readonly Adopted[],
): Promise<string> {
  const names = mounts.map(({ urn }) => parseUrn(urn).name).join(", ");
  try {
    await state.adopt(mounts);
    await state.each("refresh", mounts);
    const left = new Set((await state.get()).deployment?.resources?.map(({ urn }) => urn));
    const half = mounts.filter(({ urn }) => !left.has(urn) && CONFIGURED.test(parseUrn(urn).type));
    if (half.length > 0) {
      await state.adopt(half);
      await state.each("destroy", half);
    }
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    await state.put(before);
    const why = error instanceof EngineError ? error.failures.map(({ message }) => message) : [error.message];
    return (
      `Vault could not be asked which of these it has already: ${names} (${why.join("; ") || error.message}). ` +
      'Should a run end with "path is already in use": docs/operations.md, "If a run is killed".'
    );
  }
  return `Vault was asked which of these it has already: ${names}.`;
}
