/**
 * `hashistack plan`: what the stack will be by its settings, and what that changes about what is there. It reads the
 * settings' file and the state, and asks no cloud: neither token nor machine is needed.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSettings, rawSettings } from "../components/settings/parse";
import { SettingsError, secretSettings } from "../components/settings/problems";
import {
  changesSince,
  changesText,
  headline,
  isChange,
  outdated,
  type PlanChanges,
  type PlanSummary,
  type PlanWarning,
  planText,
  summarise,
  supportWarnings,
} from "../components/summary";
import { deployedIn, lastingIn } from "./deployed";
import { CliError } from "./errors";
import { openWorkspace, type StackOptions } from "./options";
import { resourcesOf } from "./replace";
import { stackFlag } from "./report";
import type { Workspace } from "./workspace";

/** The part of the library that is used here; it brings no types of its own. */
const yaml = require("js-yaml") as {
  load(text: string): unknown;
  YAMLException: new () => Error & { reason: string; mark?: { line: number } };
};

/** All that is told of a stack. */
export interface Outlook {
  readonly plan: PlanSummary;
  /** Of the day, beside those of the plan. */
  readonly warnings: readonly PlanWarning[];
  /** What would change about what is there. Absent where nobody knows what is there. */
  readonly changes?: PlanChanges;
  /** Why nobody does. */
  readonly unknown?: string;
}

/** `hashistack plan`. Gives the exit code. */
export async function plan(options: StackOptions & { json?: boolean }): Promise<number> {
  const outlook = await look(openWorkspace(options), options.stack, new Date());
  if (outlook.unknown)
    process.stderr.write(`What is there is not known, so neither what changes: ${outlook.unknown}\n`);
  process.stdout.write(`${options.json ? outlookJson(outlook) : outlookText(outlook, options.stack)}\n`);
  return 0;
}

/**
 * What a run of `up` says before it begins: nothing where no machine changes, or where the settings are not in the
 * stack's file, or are wrong, which the program itself will say.
 */
export async function announce(
  workspace: Workspace,
  stack: string,
  say: (line: string) => void,
): Promise<void> {
  try {
    const { plan, warnings, changes } = await look(workspace, stack, new Date());
    if (!changes || !isChange(changes)) return;
    say(headline(plan));
    say(changesText(changes, plan, stackFlag(stack)));
    for (const { text } of [...plan.warnings, ...warnings]) say(`warning: ${text}`);
  } catch (error) {
    if (error instanceof LastingError || !(error instanceof CliError)) throw error;
  }
}

/** A setting is another one than the cluster that lives was made with, and cannot be. */
class LastingError extends CliError {}

/**
 * Reads settings and state.
 * @param today the day of the run, by which versions grow old
 * @throws CliError where the settings cannot be read, are wrong, or are what the cluster that lives cannot become
 */
export async function look(workspace: Workspace, stack: string, today: Date): Promise<Outlook> {
  const settings = settingsOf(workspace, stack);
  const plan = summarise(settings);
  const told = { plan, warnings: supportWarnings(plan.versions, today) };
  try {
    const resources = await resourcesOf(workspace, stack);
    refuseOthers(lastingIn(resources), plan.lasting, stack);
    return { ...told, changes: changesSince(deployedIn(resources), plan, settings.cloud) };
  } catch (error) {
    if (error instanceof LastingError) throw error;
    if (!(error instanceof CliError || error instanceof SyntaxError)) throw error;
    return { ...told, unknown: error.message };
  }
}

function refuseOthers(made: PlanSummary["lasting"], wanted: PlanSummary["lasting"], stack: string): void {
  const others = Object.entries(made).filter(([path, value]) => (wanted[path] ?? value) !== value);
  if (others.length === 0) return;
  const sentences = others.map(
    ([path, value]) =>
      `${path} is ${wanted[path]}, but the cluster was made with ${value}, which it keeps while it lives`,
  );
  throw new LastingError(
    `${sentences.join("\n")}\nSet it back, or end the cluster first: npx hashistack destroy${stackFlag(stack)}`,
  );
}

/**
 * Names of the machines that are not what the settings say, and will not be unless they are made anew.
 * @throws CliError where settings or state cannot be read
 */
export async function outdatedMachines(workspace: Workspace, stack: string): Promise<string[]> {
  const { changes, unknown } = await look(workspace, stack, new Date());
  if (!changes) throw new CliError(`which machines are outdated is not known: ${unknown}`);
  return outdated(changes);
}

/** For people. */
export function outlookText({ plan, warnings, changes }: Outlook, stack: string): string {
  return planText(plan, { warnings, changes, flag: stackFlag(stack) });
}

/** For programs: the stack's output `plan`, with the day's warnings, and `changes`, null where nobody knows them. */
export function outlookJson({ plan, warnings, changes }: Outlook): string {
  return JSON.stringify({ ...plan, warnings: [...plan.warnings, ...warnings], changes: changes ?? null });
}

/**
 * A stack's settings, from Pulumi.<stack>.yaml and what Pulumi.yaml says for all stacks.
 * @throws CliError that says what is wrong with them
 */
function settingsOf(workspace: Workspace, stack: string) {
  const file = `Pulumi.${stack}.yaml`;
  if (!existsSync(join(workspace.root, file))) {
    throw new CliError(
      `there is no ${file} in ${workspace.root}: no stack "${stack}" has its settings there`,
    );
  }
  const config = { ...projectConfig(workspace), ...configIn(workspace, file) };
  const texts = Object.entries(config).map(([key, value]) => [key, textOf(value, key, file)]);
  try {
    return parseSettings(rawSettings(Object.fromEntries(texts)));
  } catch (error) {
    if (error instanceof SettingsError) throw new CliError(`${file}:\n${error.message}`);
    throw error;
  }
}

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function configIn({ root }: Workspace, file: string): Mapping {
  try {
    const parsed = yaml.load(readFileSync(join(root, file), "utf8"));
    const config = isMapping(parsed) ? (parsed.config ?? {}) : {};
    if (isMapping(config)) return config;
    throw new CliError(`${file}: config must be a mapping`);
  } catch (error) {
    if (!(error instanceof yaml.YAMLException)) throw error;
    const where = error.mark ? `, line ${error.mark.line + 1}` : "";
    throw new CliError(`${file} is no YAML: ${error.reason}${where}`);
  }
}

/** What Pulumi.yaml says for all stacks: a value, or a form with a value or a default; a bare key is the project's own. */
function projectConfig(workspace: Workspace): Mapping {
  const entries = Object.entries(configIn(workspace, "Pulumi.yaml")).map(([key, form]): [string, unknown] => [
    key.includes(":") ? key : `${workspace.project}:${key}`,
    isMapping(form) ? (form.value ?? form.default) : form,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** A value as the engine hands it to a program. */
function textOf(given: unknown, key: string, file: string): string {
  const value = withoutSecrets(given, key);
  if (key.startsWith("hashistack:") && hasSecret(value)) {
    throw new CliError(
      `${file}: ${key} is encrypted, and only the engine can read it: the plan cannot be told`,
    );
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A plan says nothing of what a secret setting holds, and needs only that it is there. */
function withoutSecrets(value: unknown, key: string): unknown {
  return secretSettings
    .map((path) => path.split("."))
    .filter(([name]) => key === `hashistack:${name}`)
    .reduce((left, [, ...path]) => withoutSecret(left, path), value);
}

function withoutSecret(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return hasSecret(value) ? "encrypted" : value;
  if (!isMapping(value) || !Object.hasOwn(value, name)) return value;
  return { ...value, [name]: withoutSecret(value[name], rest) };
}

function hasSecret(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasSecret);
  if (!isMapping(value)) return false;
  const entries = Object.entries(value);
  const [first] = entries;
  return (
    (entries.length === 1 && first?.[0] === "secure" && typeof first[1] === "string") ||
    entries.some(([, inner]) => hasSecret(inner))
  );
}
