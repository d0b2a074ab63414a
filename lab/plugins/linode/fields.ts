import type { Call, Property, Values } from "../common/kinds";
import { PartlyMade } from "../common/partly-made";
import { same } from "../common/values";

/** What several kinds share. */

const notNeeded = "the cluster's program does not use it";

/** A property that is refused by name. */
export function unimplemented(reason = notNeeded): Property {
  return { type: "any", unimplemented: reason };
}

export const texts: Property = { type: "list", of: { type: "string" } };

/** Tags are a set, whatever their case (CaseInsensitiveSet in helper/customdiffs and helper/planmodifiers). */
export const tags: Property = {
  ...texts,
  same: (old, now) => same(set(old ?? [], true), set(now ?? [], true)),
};

/** A set of numbers; what was put into it elsewhere stays when none are given. */
export const numberSet: Property = {
  type: "list",
  of: { type: "integer" },
  computed: true,
  same: (old, now) => same(set(old ?? []), set(now ?? [])),
};

function set(value: unknown, anyCase = false): string[] {
  const items = (value as unknown[]).map((item) => (anyCase ? String(item).toLowerCase() : String(item)));
  return [...new Set(items)].sort();
}

/** Says so when a text's length is not within the provider's limits (StringLenBetween, LengthBetween). */
export function length(least: number, most: number): Property["validate"] {
  return (value) => {
    const { length: given } = String(value);
    return given >= least && given <= most
      ? undefined
      : `must have ${least} to ${most} characters: it has ${given}`;
  };
}

/** Says so when a text is none of those that the provider takes. */
export function oneOf(...allowed: string[]): Property["validate"] {
  return (value) => (allowed.includes(String(value)) ? undefined : `must be one of ${allowed.join(", ")}`);
}

/** Without the members that are undefined, empty, 0 or false: linodego's `omitempty`. */
export function withoutEmpty(values: Values): Values {
  const isEmpty = (value: unknown) =>
    value === undefined || value === null || value === "" || value === 0 || value === false;
  return Object.fromEntries(
    Object.entries(values).filter(
      ([, value]) => !isEmpty(value) && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

/** The API's times have no zone and are UTC; the provider writes them with one (RFC3339). */
export function time(value: string): string {
  return /(Z|[+-]\d\d:\d\d)$/.test(value) ? value : `${value}Z`;
}

/** The number of a resource in the API. */
export function number(id: string): number {
  const parsed = Number(id);
  if (!Number.isInteger(parsed)) throw new Error(`${id} is no Linode id`);
  return parsed;
}

/**
 * The inputs after a refresh: what was asked for, as Linode has it now. What was not asked for stays out, and what
 * means the same stays as it was written.
 */
export function refreshed(inputs: Values, now: Values): Values {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, name in now ? (now[name] ?? undefined) : value]),
  );
}

/** No resource can be imported: what the API does not tell (image, user data) could not be compared. */
export function refuseImport(token: string, id: string, state: Values): void {
  if (Object.keys(state).length === 0) {
    throw new Error(`${token}: this stand-in cannot import ${id}, only read what the state has`);
  }
}

/** The official provider gives these kinds no limit of their own; a stand-in's operation always ends. */
const DEFAULT_SECONDS = 600;

/** The same call with a limit: the resource's own (customTimeouts) or the kind's. */
export function within(call: Call, seconds = DEFAULT_SECONDS): Call {
  if (call.seconds > 0) return call;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`timed out after ${seconds} s`)), seconds * 1000);
  timer.unref();
  return { ...call, seconds, signal: AbortSignal.any([call.signal, limit.signal]) };
}

/**
 * What is done after the thing has its id: when it fails, the id is kept in the state all the same.
 * @param known outputs that are known before.
 */
export async function afterMade(
  id: number,
  work: () => Promise<Values>,
  known: Values = {},
): Promise<{ id: string; outputs: Values }> {
  try {
    return { id: String(id), outputs: await work() };
  } catch (error) {
    throw new PartlyMade(error instanceof Error ? error.message : String(error), String(id), known);
  }
}
