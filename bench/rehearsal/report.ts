/** What a rehearsal tells. Pure. */

export interface Check {
  /** What must be so. Example: "a second up changes nothing". */
  readonly what: string;
  readonly ok: boolean;
  /** What was found: a figure, or why it is not so. */
  readonly found: string;
}

export interface Report {
  readonly stack: string;
  /** What of the settings was changed for the rehearsal. */
  readonly changes: readonly string[];
  readonly checks: readonly Check[];
  /** How often each route of the emulated API was asked, in all. */
  readonly calls: Readonly<Record<string, number>>;
}

export const passed = ({ checks }: Report): boolean => checks.length > 0 && checks.every(({ ok }) => ok);

export function reportText(report: Report): string {
  const { stack, changes, checks, calls } = report;
  const width = Math.max(...checks.map(({ what }) => what.length));
  const total = Object.values(calls).reduce((sum, count) => sum + count, 0);
  return [
    `Rehearsal of the stack "${stack}" on an emulated Linode`,
    "",
    "Settings that differ from the stack's file:",
    ...changes.map((change) => `  ${change}`),
    "",
    ...checks.map(({ what, ok, found }) => `  ${ok ? "ok    " : "WRONG "} ${what.padEnd(width)}  ${found}`),
    "",
    `Calls of Linode's API, ${total} in all:`,
    ...Object.entries(calls).map(([route, count]) => `  ${String(count).padStart(5)}  ${route}`),
    "",
    passed(report) ? "Everything is as it should be." : "Something is not as it should be.",
  ].join("\n");
}
