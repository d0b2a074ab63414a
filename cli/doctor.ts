/** `hashistack doctor`: what was changed by hand on the machines, by the programs that made them what they shall be. */
import { z } from "zod";
import { CliError } from "./errors";
import { openWorkspace, type StackOptions } from "./options";
import { loadOutputs, type Outputs } from "./outputs";
import { loadPrograms, type MachineProgram, NoAnswer, runOn } from "./programs";
import { stackFlag } from "./report";
import { type SshFiles, writeSshFiles } from "./ssh";
import type { Workspace } from "./workspace";

const findings = z.array(
  z.object({
    /** The step of the set-up that found it. Example: "files". */
    phase: z.string(),
    /** Example: "file /etc/consul.d/agent.json". */
    what: z.string(),
    /** Example: "its mode is 0644, not 0640". */
    why: z.string(),
    /** Whether a repair makes it right; otherwise the machine must be replaced. */
    heals: z.boolean(),
  }),
);
const looked = z.object({ drift: findings, pending: z.array(z.string()) });
const repaired = z.object({ changed: z.array(z.string()), pending: z.array(z.string()) });

/** One thing that is not as planned. */
export type Finding = z.infer<typeof findings>[number];

/** What is known of one machine. */
export interface MachineReport {
  readonly machine: string;
  readonly drift: readonly Finding[];
  /** Why it could not be looked at. */
  readonly problem?: string;
}

/** All that a look at the machines needs. Secret. */
export interface Ward {
  readonly outputs: Outputs;
  readonly programs: ReadonlyMap<string, MachineProgram>;
  readonly ssh: SshFiles;
}

/** What else the stack puts onto support, machine by machine and job by job. */
const ON_SUPPORT = /-signer-profile$|^artifact-/;

const LOOK_SECONDS = 120;
/** A little more than the set-up gives itself. */
const REPAIR_SECONDS = 660;
/** Support lets a hundred connections begin at once; half of that is no crowd. */
const AT_ONCE = 50;

/** Reads what the machines shall be from the state, and how they are reached. */
export async function openWard(workspace: Workspace, stack: string): Promise<Ward> {
  const outputs = await loadOutputs(workspace, stack);
  const programs = await loadPrograms(workspace, stack);
  return { outputs, programs, ssh: writeSshFiles(workspace, stack, outputs) };
}

function machinesOf({ outputs }: Ward): string[] {
  return [...new Set([outputs.support.name, ...Object.keys(outputs.machines)])].sort();
}

/** Works on some at once, a crowd at a time. */
async function all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let begin = 0; begin < items.length; begin += AT_ONCE) {
    done.push(...(await Promise.all(items.slice(begin, begin + AT_ONCE).map(work))));
  }
  return done;
}

/** Programs that make a machine what it shall be, besides its apply. */
function othersOf({ outputs, programs }: Ward, machine: string): MachineProgram[] {
  if (machine !== outputs.support.name) return [];
  return [...programs].filter(([name]) => ON_SUPPORT.test(name)).map(([, program]) => program);
}

function applyOf({ programs }: Ward, machine: string): MachineProgram {
  const found = programs.get(`${machine}-apply`);
  if (!found) throw new NoAnswer("the state does not say what it shall be: run up first", false);
  return found;
}

/** Looks at machines, all at the same time. Changes nothing. */
export function examine(ward: Ward, machines = machinesOf(ward)): Promise<MachineReport[]> {
  return all(machines, (machine) => examineOne(ward, machine));
}

async function examineOne(ward: Ward, machine: string): Promise<MachineReport> {
  const look = (program: MachineProgram) => runOn(ward.ssh, machine, program, "check", LOOK_SECONDS);
  try {
    const { drift, pending } = looked.parse(await look(applyOf(ward, machine)));
    const others = await all(othersOf(ward, machine), look);
    const waiting = pending.map((unit) => ({
      ...{ phase: "units", what: `unit ${unit}`, heals: true },
      why: "it waits for its turn to restart",
    }));
    return {
      machine,
      drift: [...drift, ...others.flatMap((answer) => looked.parse(answer).drift), ...waiting],
    };
  } catch (error) {
    return { machine, drift: [], problem: problemOf(error) };
  }
}

/** Makes a machine what it shall be. Gives what was done, and whether a restart waits. */
async function repairOne(ward: Ward, machine: string): Promise<z.infer<typeof repaired>> {
  const heal = async (program: MachineProgram) =>
    repaired.parse(await runOn(ward.ssh, machine, program, "repair", REPAIR_SECONDS));
  const first = await heal(applyOf(ward, machine));
  const others = await all(othersOf(ward, machine), heal);
  return { ...first, changed: [...first.changed, ...others.flatMap(({ changed }) => changed)] };
}

function problemOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.message;
  if (error instanceof z.ZodError) return "its answer is of another version: run up once";
  throw error;
}

/** 0 nothing, 1 drift, 2 no drift seen but not every machine could be looked at. */
export function exitCodeOf(reports: readonly MachineReport[]): number {
  if (reports.some(({ drift }) => drift.length > 0)) return 1;
  return reports.some(({ problem }) => problem) ? 2 : 0;
}

/**
 * In which order machines are repaired: support first, which signs certificates; then all others but clients at the same
 * time, since their restarts wait for their turn; then the clients one by one, since theirs do not.
 */
export function turnsOf(machines: readonly string[], outputs: Outputs): string[][] {
  const isClient = (name: string): boolean =>
    (outputs.machines[name]?.roles ?? []).every((role) => role === "nomad-client");
  const support = machines.filter((name) => name === outputs.support.name);
  const others = machines.filter((name) => !support.includes(name));
  const turns = [
    support,
    others.filter((name) => !isClient(name)),
    ...others.filter(isClient).map((name) => [name]),
  ];
  return turns.filter((turn) => turn.length > 0);
}

/**
 * Makes the machines that drifted what they shall be, and restarts with care what must: servers one by one, from support.
 *
 * @param say told of each thing that was done, a line each
 * @returns how it is afterwards
 */
export async function repair(
  ward: Ward,
  reports: readonly MachineReport[],
  say: (line: string) => void,
): Promise<MachineReport[]> {
  const drifted = reports.filter(({ drift }) => drift.length > 0).map(({ machine }) => machine);
  const failed = new Map<string, string>();
  for (const turn of turnsOf(drifted, ward.outputs)) {
    await Promise.all(
      turn.map(async (machine) => {
        try {
          const answer = await repairOne(ward, machine);
          for (const line of answer.changed) say(`${machine}: ${line}`);
        } catch (error) {
          failed.set(machine, problemOf(error));
        }
      }),
    );
  }
  // Asked even where nothing drifted: what a server takes itself for shows in no file.
  const support = ward.outputs.support.name;
  const waiting = await restartWaiting(ward, say);
  if (waiting) failed.set(support, [failed.get(support), waiting].filter(Boolean).join("\n"));
  const after = await examine(ward, drifted);
  return reports.map((before) => {
    const now = after.find(({ machine }) => machine === before.machine) ?? before;
    const problem = failed.get(now.machine) ?? now.problem;
    return problem ? { ...now, problem } : now;
  });
}

/** Servers' restarts, by the program that carries them out after any change. Gives why some still wait. */
async function restartWaiting(ward: Ward, say: (line: string) => void): Promise<string | undefined> {
  const program = ward.programs.get("rollout");
  const support = ward.outputs.support.name;
  // Its own limit is in it: each server may take minutes.
  const limit = 60 + 3 * 240 * Object.keys(ward.outputs.machines).length;
  if (!program) {
    say("restarts wait: the state has no rollout yet; run up");
    return undefined;
  }
  try {
    const answer = z
      .object({ restarted: z.array(z.string()), rejoined: z.array(z.string()) })
      .parse(await runOn(ward.ssh, support, program, "repair", limit));
    for (const unit of answer.rejoined) say(`${unit} joined its cluster anew`);
    for (const unit of answer.restarted) say(`${unit} restarted`);
    return undefined;
  } catch (error) {
    return `restarts wait: ${problemOf(error)}`;
  }
}

/** For people. */
export function doctorText(reports: readonly MachineReport[], flag: string): string {
  const width = Math.max(...reports.map(({ machine }) => machine.length)) + 2;
  const lines = reports.flatMap(({ machine, drift, problem }) => {
    const said = [
      ...drift.map(({ what, why, heals }) => `${what}: ${why}${heals ? "" : " (no repair heals this)"}`),
      ...(problem ? [indented(problem, width)] : []),
    ];
    return said.map((line, index) => `${(index === 0 ? machine : "").padEnd(width)}${line}`);
  });
  const sick = reports.filter(({ drift }) => drift.length > 0);
  const unseen = reports.filter(({ problem }) => problem);
  const well = reports.filter(({ drift, problem }) => drift.length === 0 && !problem);
  const replace = sick.filter(({ drift }) => drift.some(({ heals }) => !heals)).map(({ machine }) => machine);
  const end = [
    ...(well.length === reports.length ? [`All ${well.length} machines are as they shall be.`] : []),
    ...(sick.length > 0 ? [`Not as planned: ${sick.map(({ machine }) => machine).join(", ")}.`] : []),
    ...(unseen.length > 0
      ? [`Not looked at to the end: ${unseen.map(({ machine }) => machine).join(", ")}.`]
      : []),
    ...(sick.some(({ drift }) => drift.some(({ heals }) => heals))
      ? [`To heal it: npx hashistack doctor --repair${flag}, or up --repair${flag}`]
      : []),
    ...(replace.length > 0
      ? [`To make anew what no repair heals: npx hashistack replace${flag} ${replace.join(" ")}`]
      : []),
  ];
  return [...lines, ...(lines.length > 0 ? [""] : []), ...end].join("\n");
}

function indented(text: string, width: number): string {
  return text.split("\n").join(`\n${" ".repeat(width)}`);
}

/** For programs: {"machines": {name: {"drift": [{phase, what, why, heals}], "problem"?}}}. */
export function doctorJson(reports: readonly MachineReport[]): string {
  const machines = Object.fromEntries(reports.map(({ machine, ...rest }) => [machine, rest]));
  return JSON.stringify({ machines });
}

/** `hashistack doctor`: 0 nothing, 1 something was changed, 2 not every machine could be looked at. */
export async function doctor(options: StackOptions & { json?: boolean; repair?: boolean }): Promise<number> {
  const { stack } = options;
  const workspace = openWorkspace(options);
  const ward = await openWard(workspace, stack);
  let reports = await examine(ward);
  if (options.repair) reports = await repair(ward, reports, (line) => process.stderr.write(`${line}\n`));
  const flag = stackFlag(stack);
  process.stdout.write(`${options.json ? doctorJson(reports) : doctorText(reports, flag)}\n`);
  return exitCodeOf(reports);
}

/**
 * What `up --repair` does before the engine's own work. What it could not do it says, and leaves to `up`: a machine that
 * is lost, for example, is made anew there.
 */
export async function repairBeforeUp(
  workspace: Workspace,
  stack: string,
  say: (line: string) => void,
): Promise<void> {
  let ward: Ward;
  try {
    ward = await openWard(workspace, stack);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return say(`Nothing to repair yet: ${error.message}.`);
  }
  const before = await examine(ward);
  const after = await repair(ward, before, say);
  if (exitCodeOf(after) !== 0) say(doctorText(after, stackFlag(stack)));
  else if (exitCodeOf(before) === 0) say("Nothing was changed by hand.");
}
