/** Which machines a stack has, which of them are lost, and in which turns they are made anew. */
import { existsSync, readFileSync } from "node:fs";
import { runPulumi } from "./engine";
import { CliError } from "./errors";
import { parseUrn } from "./events";
import { localMachines } from "./lab";
import { fileBackend } from "./recover";
import { pickMachine } from "./ssh";
import { checkpointIn, type Workspace } from "./workspace";

/** A machine as the state has it. */
export interface KnownMachine {
  /** Example: "control-a". */
  readonly name: string;
  /** The name in the cloud. */
  readonly cloudName: string;
  /** URN of what makes that name: another name is another machine. */
  readonly urn: string;
  readonly roles: readonly string[];
  /** Whether the local cloud has made it: a run may have been cut before. */
  readonly madeHere: boolean;
}

/** What one run of the engine makes anew. */
export interface Turn {
  /** For people. */
  readonly say: string;
  readonly urns: readonly string[];
}

/** A resource as a state keeps it, secrets sealed. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  /** The cloud's, where it has one. */
  readonly id?: string;
  readonly parent?: string;
  readonly inputs?: Record<string, unknown>;
  readonly outputs?: Record<string, unknown>;
  /** It has a successor, and is deleted by the next run. */
  readonly delete?: boolean;
  /** It is deleted, and its successor is made by the next run. */
  readonly pendingReplacement?: boolean;
}

const SUFFIX = "random:index/randomId:RandomId";
const LOCAL = "command:local:Command";
const MACHINE = "pulumi-hashistack:index:ClusterMachine";
const PRIVATE_KEY = "tls:index/privateKey:PrivateKey";
const AUTHORITY = "pulumi-hashistack:index:ServiceAuthority";
/** How the key of a service's issuing authority is named: the service, and this. */
const ISSUING = "-issuing";
const STACK = "pulumi:pulumi:Stack";

/** The machines of a stack, from its state. Empty where there is none yet. */
export async function knownMachines(workspace: Workspace, stack: string): Promise<KnownMachine[]> {
  return machinesIn(await resourcesOf(workspace, stack));
}

/** All resources of a stack's state. Empty where there is none yet. */
export async function resourcesOf(workspace: Workspace, stack: string): Promise<readonly StateResource[]> {
  const backend = fileBackend(workspace, process.env);
  const file = backend && checkpointIn(backend, workspace.project, stack);
  if (file && existsSync(file)) {
    // Read as a file: each up looks, and the engine takes a second to say the same.
    const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as {
      checkpoint?: { latest?: { resources?: StateResource[] } };
    };
    return checkpoint?.latest?.resources ?? [];
  }
  // A backend of the user's own may keep it under another name, or packed.
  if (workspace.ownBackend) return [];
  let text: string;
  try {
    text = await runPulumi(workspace, ["stack", "export", "--stack", stack, "--non-interactive"]);
  } catch (error) {
    // The engine's words where a backend has no such stack yet.
    if (error instanceof CliError && /no stack named/.test(error.message)) return [];
    throw error;
  }
  return (JSON.parse(text) as { deployment?: { resources?: StateResource[] } }).deployment?.resources ?? [];
}

/** Picks the machines out of a state's resources. Pure. */
export function machinesIn(all: readonly StateResource[]): KnownMachine[] {
  const resources = all.filter((one) => !one.delete && !one.pendingReplacement);
  const outputs = resources.find(({ type }) => type === STACK)?.outputs?.machines;
  const roles = (outputs ?? {}) as Record<string, { roles?: string[] } | undefined>;
  const made = new Set(
    resources
      .filter(({ type }) => type === LOCAL)
      .map(({ urn, parent }) => `${parent} ${parseUrn(urn).name}`),
  );
  return resources.flatMap(({ urn, type, parent, outputs }) => {
    const cloudName = outputs?.hex;
    if (type !== SUFFIX || !parent || typeof cloudName !== "string") return [];
    if (parseUrn(parent).type !== MACHINE) return [];
    const { name } = parseUrn(urn);
    const madeHere = made.has(`${parent} ${name}`);
    return [{ name, cloudName, urn, roles: roles[name]?.roles ?? [], madeHere }];
  });
}

/**
 * Machines that the state has and the cloud has no more. Where the cloud can be asked by this program: the local one.
 * @throws CliError when so many servers are lost that no quorum is left to take in others.
 */
export async function lostMachines(workspace: Workspace, stack: string): Promise<KnownMachine[]> {
  const present = await localMachines(workspace, stack);
  if (!present) return [];
  const known = await knownMachines(workspace, stack);
  const names = new Set(present.map(({ name }) => name));
  const lost = known.filter(({ cloudName, madeHere }) => madeHere && !names.has(cloudName));
  const problem = quorumLost(known, lost);
  if (problem) throw new CliError(problem);
  return lost;
}

/** Says which service's quorum is gone with the lost machines, or undefined. */
export function quorumLost(
  known: readonly KnownMachine[],
  lost: readonly KnownMachine[],
): string | undefined {
  for (const service of ["consul", "vault", "nomad"]) {
    const role = `${service}-server`;
    const all = known.filter(({ roles }) => roles.includes(role));
    const gone = lost.filter(({ roles }) => roles.includes(role));
    if (gone.length > 0 && (all.length - gone.length) * 2 <= all.length) {
      return (
        `${gone.map(({ name }) => name).join(", ")}: lost for good, and with ${gone.length} of ${all.length} ` +
        `${service} servers its quorum, which alone can take in others. What was in it is gone: ` +
        `"npx hashistack destroy", then begin anew`
      );
    }
  }
  return undefined;
}

/** The machines that were asked for by name. @throws CliError for a name that is none, or not clear. */
export function pickMachines(known: readonly KnownMachine[], names: readonly string[]): KnownMachine[] {
  const all = known.map(({ name }) => name);
  const wanted = new Set(names.map((name) => pickMachine(all, name)));
  return known.filter(({ name }) => wanted.has(name));
}

/**
 * In which turns machines are made anew: support first, for all others are reached through it; then one server after the
 * other, so that each successor finds those that know the data; then all others together.
 */
export function turnsOf(machines: readonly KnownMachine[]): Turn[] {
  const has = (part: string) => (one: KnownMachine) => one.roles.some((role) => role.endsWith(part));
  const support = machines.filter(has("support"));
  const servers = machines.filter((one) => has("-server")(one) && !has("support")(one));
  const others = machines.filter((one) => !support.includes(one) && !servers.includes(one));
  return [support, ...servers.map((one) => [one]), others]
    .filter((turn) => turn.length > 0)
    .map((turn) => ({
      say: `Replacing ${turn.map(({ name }) => name).join(", ")}.`,
      urns: turn.map(({ urn }) => urn),
    }));
}

/**
 * The turn in which services get other issuing authorities. @throws CliError for a service that has none.
 *
 * @param services example: ["consul", "site"]
 */
export async function rotation(
  workspace: Workspace,
  stack: string,
  services: readonly string[],
): Promise<Turn> {
  return rotationIn(await resourcesOf(workspace, stack), services);
}

/** As `rotation`, of a state's resources. Pure. */
export function rotationIn(resources: readonly StateResource[], services: readonly string[]): Turn {
  const keys = new Map(
    resources
      .filter(({ type, parent }) => type === PRIVATE_KEY && parent && parseUrn(parent).type === AUTHORITY)
      .map(({ urn }) => [parseUrn(urn).name, urn]),
  );
  const urns = [...new Set(services)].map((service) => {
    const urn = keys.get(`${service}${ISSUING}`);
    if (urn) return urn;
    const known = [...keys.keys()].filter((name) => name.endsWith(ISSUING));
    const names = known.map((name) => name.slice(0, -ISSUING.length)).sort();
    throw new CliError(`"${service}" has no issuing authority in this stack: ${names.join(", ")}`);
  });
  return { say: `Making the issuing authority of ${services.join(", ")} anew.`, urns };
}

/** Arguments by which the engine makes a turn's resources anew. */
export function replaceArgs(turn: Turn | undefined): string[] {
  return (turn?.urns ?? []).flatMap((urn) => ["--replace", urn]);
}
