import type { Versions } from "../topology/model";
import type { PlannedVersion, PlanWarning } from "./model";

/**
 * Until when a line of a program gets fixes. HashiCorp ends a line when a later one appears (Vault: the next; Consul and
 * Nomad: the third after it), so the end of a line that is still kept is not known beforehand.
 */
export const supportEnds = {
  date: "2026-08-22",
  source: "https://endoflife.date, made from the publisher's releases",
  lines: {
    consul: { "1.21": undefined },
    vault: { "1.21": "2026-04-13" },
    nomad: { "1.11": undefined },
  } as { readonly [P in keyof Versions]?: Readonly<Record<string, string | undefined>> },
} as const;

/** How long before its end a line is warned of. */
const nearDays = 90;
const day = 86_400_000;

/** Each program with its version and the end of its line. */
export function plannedVersions(versions: Versions): PlannedVersion[] {
  return (Object.entries(versions) as [keyof Versions, string][]).map(([program, version]) => {
    const supportedUntil = supportEnds.lines[program]?.[lineOf(version)];
    return { program, version, ...(supportedUntil === undefined ? {} : { supportedUntil }) };
  });
}

/** Example: "1.21" of "1.21.1". */
function lineOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/**
 * Warnings of versions that get no fixes any more, or soon will not.
 * @param today the day of the run; it is no part of the plan, which must not change by itself
 */
export function supportWarnings(versions: readonly PlannedVersion[], today: Date): PlanWarning[] {
  return versions.flatMap(({ program, version, supportedUntil }) => {
    if (supportedUntil === undefined) return [];
    const left = (Date.parse(supportedUntil) + day - today.getTime()) / day;
    if (left > nearDays) return [];
    const when = `${left > 0 ? "gets fixes until" : "gets no fixes since"} ${supportedUntil}`;
    return [
      {
        kind: "version-support",
        text: `${program} ${version}: its line ${lineOf(version)} ${when} (endoflife.date, as of ${supportEnds.date}).`,
      },
    ];
  });
}
