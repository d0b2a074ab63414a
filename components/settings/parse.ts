import { checkSettings } from "./checks";
import { completeSettings, type Looked } from "./defaults";
import type { Settings } from "./model";
import {
  didYouMean,
  pathText,
  type Report,
  reportIssue,
  SettingsError,
  type SettingsProblem,
  shown,
} from "./problems";
import { knownAt, sections } from "./schema";

/** The namespace of the settings in a stack's file. */
export const namespace = "hashistack";

type SectionName = keyof typeof sections;
const sectionNames = Object.keys(sections) as SectionName[];

/** Settings that are plain texts: a stack's file hands them over as they are, all others as JSON. */
const texts: readonly string[] = ["name", "datacenter", "region"] satisfies SectionName[];

/**
 * Validates settings and fills in the defaults.
 * @param raw a mapping as a stack's file holds it, without the namespace. Example: { name: "dev", groups: {…} }
 * @throws SettingsError that lists everything wrong, each with its path; never anything else
 */
export function parseSettings(raw: unknown): Settings {
  const problems: SettingsProblem[] = [];
  const report: Report = (path, message) => problems.push({ path: pathText(path), message });
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new SettingsError([{ path: "settings", message: `must be a mapping, not ${shown(raw)}` }]);
  }
  for (const key of Object.keys(raw)) {
    if (!Object.hasOwn(sections, key)) report([key], `is not a setting${didYouMean(key, sectionNames)}`);
  }
  const looked: Looked = {};
  const right = new Set<string>();
  for (const name of sectionNames) {
    const value = Object.hasOwn(raw, name) ? (raw as Record<string, unknown>)[name] : undefined;
    const result = sections[name].safeParse(value);
    if (result.success) {
      Object.assign(looked, { [name]: result.data });
      right.add(name);
    } else for (const issue of result.error.issues) reportIssue(issue, value, [name], knownAt, report);
  }
  // The schema library passes over this one name in silence.
  const { groups } = raw as { groups?: unknown };
  if (typeof groups === "object" && groups !== null && Object.hasOwn(groups, "__proto__")) {
    report(["groups", "__proto__"], "is not a name that a group can have");
  }
  const parsed = completeSettings(looked, right, report);
  checkSettings(parsed, report);
  if (problems.length > 0) throw new SettingsError(problems);
  return parsed as Settings;
}

/**
 * The settings among all of a stack's configuration, as the engine hands it over: every value a text, structured ones
 * as JSON. Example: { "hashistack:name": "dev", "hashistack:ssh": "{\"user\":\"ops\"}" }
 */
export function rawSettings(config: Readonly<Record<string, string>>): Record<string, unknown> {
  const entries = Object.entries(config)
    .filter(([key]) => key.startsWith(`${namespace}:`))
    .map(([key, value]) => [key.slice(namespace.length + 1), value] as const);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, texts.includes(name) ? value : unwrapped(value)]),
  );
}

function unwrapped(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    // A plain text where a structure belongs: parseSettings says what it must be.
    return value;
  }
}
