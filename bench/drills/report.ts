/** The drills' outcomes: as a table for the terminal, and as the page that is kept. Pure. */
import { alignedTable } from "../../docs/tables";
import type { Host } from "../host";
import { columns } from "../report";
import type { Excuse } from "./cases";
import type { Outcome } from "./drill";

/** All that is kept of the drills: the last outcome of each. */
export interface Kept {
  /** Versions of the programs, by name. When one changes, former outcomes go; one that is new is none of theirs. */
  readonly versions: Readonly<Record<string, string>>;
  /** On what the last of them were done. */
  readonly host: Pick<Host, "cores" | "memoryMb" | "kernel" | "node">;
  readonly outcomes: readonly Outcome[];
}

/** Puts new outcomes in the place of the former ones of the same drills. In the order of `names`; others are dropped. */
export function merged(former: Kept | undefined, now: Kept, names: readonly string[]): Kept {
  const same =
    former && Object.entries(former.versions).every(([name, version]) => now.versions[name] === version);
  const all = new Map(
    [...(same ? former.outcomes : []), ...now.outcomes].map((outcome) => [outcome.name, outcome]),
  );
  return { ...now, outcomes: names.flatMap((name) => all.get(name) ?? []) };
}

const seconds = (value: number | undefined): string =>
  value === undefined ? "never" : `${value.toFixed(1)} s`;

const of = (count: number, all: number, excused: boolean | undefined): string =>
  `${count} of ${all}${excused && count > 0 ? " *" : ""}`;

const excuses = (outcome: Outcome, who: Excuse["who"][number]): boolean =>
  outcome.excused?.who.includes(who) ?? false;

/** The figures of one drill, behind its name. */
function figures(outcome: Outcome): string[] {
  const { visitors, once, writes, jobs } = outcome;
  return [
    of(visitors.failed, visitors.sent, excuses(outcome, "visitors")),
    of(once.failed, once.sent, false),
    of(writes.failed, writes.sent, excuses(outcome, "writes")),
    of(writes.firstFailed, writes.sent, false),
    String(outcome.lost.length),
    of(jobs.failed + outcome.notRun.length, jobs.sent, excuses(outcome, "jobs")),
    seconds(outcome.healthySeconds),
  ];
}

const heads = ["visits", "once", "writes", "first", "lost", "jobs", "healthy"];

/** The table, what its columns are, and what was missed. */
export function drillsText(outcomes: readonly Outcome[]): string {
  const rows = [["", ...heads], ...outcomes.map((outcome) => [outcome.name, ...figures(outcome)])];
  const missed = outcomes.flatMap(({ name, misses }) => misses.map((miss) => `  ${name}: ${miss}`));
  return [
    columns(rows),
    "",
    "visits, writes, jobs: failed although they were tried again (a job also when it did not run)",
    "once, first: failed when tried once · lost: acknowledged writes that are gone",
    "healthy: after this time all was as it should be, counted from when it began to mend or was mended",
    ...(outcomes.some((outcome) => outcome.excused) ? ["* nothing else could be expected"] : []),
    "",
    missed.length === 0 ? "All aims were reached." : `Missed:\n${missed.join("\n")}`,
  ].join("\n");
}

/** docs/drills.md. */
export function drillsPage({ versions, host, outcomes }: Kept): string {
  const rows = [
    [
      "Drill",
      "What happens",
      "Visits failed",
      "without retry",
      "Writes failed",
      "at first try",
      "Writes lost",
      "Jobs failed",
      "Healthy after",
      "On",
    ],
    ...outcomes.map((outcome) => [
      `\`${outcome.name}\``,
      outcome.what,
      ...figures(outcome).map((figure) => figure.replace("*", "\\*")),
      outcome.at.slice(0, 10),
    ]),
  ];
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const missed = outcomes.flatMap(({ name, misses }) => misses.map((miss) => `- \`${name}\`: ${miss}`));
  const excused = new Set(outcomes.flatMap((outcome) => outcome.excused?.why ?? []));
  return `# Drills

One bad thing after another happens to the dev stack (eight local machines) while a constant load is on it. Written by
\`npm run drill -- --write\`; what each drill does stands in [bench/drills/cases.ts](../bench/drills/cases.ts), and where
nothing breaks but machines, certificates or settings are changed, in [changes.ts](../bench/drills/changes.ts). Those
named \`separate-…\` are done on fourteen machines, with servers of Consul, Vault and Nomad on machines of their own.

The load: 20 visits of the site a second by visitors who retry as browsers do (all addresses of both load balancers, the
next when one refuses or is silent; once more when a connection dies; never because of a status), and 20 by visitors who
make one connection to one address; two writes a second to Consul and two to Vault through support, and as many by a
member, each tried again for 30 s; a small job every 5 s. When load balancers are made anew, visitors are given their
addresses as DNS would: of those that answer, looked at every two seconds.

The aims: whoever tries again never fails, what was acknowledged is never lost, every accepted job runs.

${alignedTable(rows).join("\n")}

"Healthy": what \`npx hashistack status\` looks at is as it should be, the autopilots of the three find all their servers
healthy, and no request fails any more at its first try; counted from the kill, or from when the machine was started, its
cable was plugged in again, or the command that changes something had ended.${[...excused].map((why) => ` \\*: ${why}.`).join("")}

${missed.length === 0 ? "All aims were reached." : `Missed:\n\n${missed.join("\n")}`}

With ${programs.join(", ")}, on ${host.cores} shared cores, ${Math.round(host.memoryMb / 1024)} GB, Linux ${/^[\d.]+/.exec(host.kernel)?.[0]}.
`;
}
