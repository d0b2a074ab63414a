/** What the load saw, and what of it falls to one drill. Pure. */

/** One request that has ended, as load/main.mjs tells it. */
export interface Entry {
  readonly load: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly ms: number;
  readonly ok: boolean;
  /** How often it was tried. */
  readonly tries: number;
  /** Why the last try that failed did. */
  readonly why?: string;
  /** What was written, of writes. */
  readonly key?: string;
}

/** From when to when, milliseconds since the Unix epoch. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export interface Tally {
  readonly sent: number;
  /** Failed in the end. */
  readonly failed: number;
  /** Failed at the first try, whatever came of it. */
  readonly firstFailed: number;
  /** How often each cause was the last, of those that failed in the end. Example: { "status 502": 3 }. */
  readonly causes: Readonly<Record<string, number>>;
  /** The longest that one took, in milliseconds. 0 of none. */
  readonly longestMs: number;
}

/** The entries that were under way at any moment of a window. */
export function within(entries: readonly Entry[], { from, to }: Window): Entry[] {
  return entries.filter(({ at, ms }) => at < to && at + ms >= from);
}

/** Sums entries up. */
export function tally(entries: readonly Entry[]): Tally {
  const causes: Record<string, number> = {};
  for (const { ok, why = "no cause told" } of entries) {
    if (!ok) causes[why] = (causes[why] ?? 0) + 1;
  }
  return {
    sent: entries.length,
    failed: entries.filter(({ ok }) => !ok).length,
    firstFailed: entries.filter(({ ok, tries }) => !ok || tries > 1).length,
    causes,
    longestMs: Math.max(0, ...entries.map(({ ms }) => ms)),
  };
}

/** Keys of the writes that were acknowledged. */
export function acknowledged(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ ok, key }) => (ok && key ? [key] : []));
}

/** When the last request that failed at its first try ended; undefined where none did. */
export function lastTrouble(entries: readonly Entry[]): number | undefined {
  const ends = entries.filter(({ ok, tries }) => !ok || tries > 1).map(({ at, ms }) => at + ms);
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

/** Example: "3 status 502, 1 silent"; "" of none. */
export function causesText(causes: Readonly<Record<string, number>>): string {
  return Object.entries(causes)
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `${count} ${why}`)
    .join(", ");
}

/** One look at the cluster. */
export interface Look {
  /** When it began, milliseconds since the Unix epoch. */
  readonly at: number;
  /** What is wrong, a sentence each; none: healthy. */
  readonly problems: readonly string[];
}

/** Since when the looks show a healthy cluster, without a gap to the last; undefined when the last does not. */
export function healthySince(looks: readonly Look[]): number | undefined {
  const last = looks.map(({ problems }) => problems.length > 0).lastIndexOf(true);
  return looks[last + 1]?.at;
}
