import type { z } from "zod";

/** One thing that is wrong with the settings. */
export interface SettingsProblem {
  /** The setting. Example: "groups.control.keys". */
  readonly path: string;
  /** What is wrong, to be read after the path. Example: "names 2 servers of Consul; a quorum needs an odd number". */
  readonly message: string;
}

/** Everything that is wrong with the settings, at once. Its message has one line for each problem. */
export class SettingsError extends Error {
  /** All that is wrong, in the order of the settings. */
  readonly problems: readonly SettingsProblem[];

  /** @param problems at least one */
  constructor(problems: readonly SettingsProblem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
    this.name = "SettingsError";
    this.problems = problems;
    // The settings are wrong, not the program: where it noticed is of no use to the reader.
    this.stack = `${this.name}: ${this.message}`;
  }
}

/** Collects problems. */
export type Report = (path: readonly PropertyKey[], message: string) => void;

/** A path as it is written. Example: ["groups", "control", "keys", 0] is "groups.control.keys[0]". */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (typeof part === "string" && /^[A-Za-z0-9_-]+$/.test(part))
      text += text === "" ? part : `.${part}`;
    else text += `[${shown(String(part))}]`;
  }
  return text === "" ? "settings" : text;
}

/** A value as it is shown in a message: on one line, never long. */
export function shown(value: unknown): string {
  const text = written(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A bigint or a cycle: no stack's file can hold them, a program can.
    return `a ${typeof value}`;
  }
}

/** `one`, `one and two`, `one, two and three`. */
export function listed(words: readonly string[]): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/** The known name that was probably meant, as the end of a sentence; nothing where none is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: distance(word.slice(0, 64).toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= Math.max(1, Math.floor(near.name.length / 3))
    ? `; did you mean "${near.name}"?`
    : "";
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

type Issue = z.core.$ZodIssue;

/** Settings that are secrets: no message shows anything of them. */
export const secretSettings: readonly string[] = [
  "auth.clientSecret",
  "acme.credential.token",
  "acme.credential.secret",
];

/** What was meant to be a secret is one, however wrong it is, and though it stands where what holds it belongs. */
function secretSentence(path: string, value: unknown): string | undefined {
  const hidden = "(what was given is not shown)";
  if (secretSettings.includes(path))
    return value === undefined ? "is missing" : `must be a text that is not empty ${hidden}`;
  const holds = secretSettings.some((secret) => secret.startsWith(`${path}.`));
  return holds && value !== undefined ? `must be a mapping ${hidden}` : undefined;
}

/** Puts what the schema library found into the user's words. `known` answers the settings known at a path. */
export function reportIssue(
  issue: Issue,
  raw: unknown,
  at: readonly PropertyKey[],
  known: (path: readonly PropertyKey[]) => readonly string[],
  report: Report,
): void {
  const path = [...at, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const names = known(path);
    for (const key of issue.keys) {
      const foreign = names.includes(key);
      report(
        [...path, key],
        foreign ? "is a setting of another kind" : `is not a setting${didYouMean(key, names)}`,
      );
    }
  } else {
    const value = valueAt(raw, issue.path);
    report(path, secretSentence(pathText(path), value) ?? sentence(issue, value));
  }
}

function sentence(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      // Shown, it would be another one than what was written.
      if (issue.expected === "string" && typeof value === "number" && !Number.isSafeInteger(value))
        return "must be a text, so in quotes: as a number it has lost digits";
      return value === undefined ? "is missing" : `must be ${kindOf(issue.expected)}, not ${shown(value)}`;
    case "invalid_value":
      return oneOf(issue.values.map(String), value);
    case "invalid_union":
      return oneOf((issue as { options?: unknown[] }).options?.map(String) ?? [], value);
    case "invalid_key":
      return issue.issues[0]?.message ?? "is not a valid name";
    case "too_small":
      return typeof value === "number"
        ? `must be at least ${issue.minimum}, not ${shown(value)}`
        : issue.message;
    case "too_big":
      return typeof value === "number"
        ? `must be at most ${issue.maximum}, not ${shown(value)}`
        : issue.message;
    default:
      return `${issue.message}, not ${shown(value)}`;
  }
}

function oneOf(options: readonly string[], value: unknown): string {
  const choice =
    options.length === 1 ? `"${options[0]}"` : `one of ${options.map((o) => `"${o}"`).join(", ")}`;
  if (value === undefined) return `is missing; it must be ${choice}`;
  const hint = typeof value === "string" ? didYouMean(value, options) : "";
  return `must be ${choice}, not ${shown(value)}${hint}`;
}

function kindOf(expected: string): string {
  const kinds: Record<string, string> = {
    string: "a text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "a mapping",
    record: "a mapping",
  };
  return kinds[expected] ?? `a ${expected}`;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
