import { isChange, outdated } from "./changes";
import type { MonthlyCost, PlanChanges, PlannedMachine, PlanSummary, PlanWarning } from "./model";

/** A plan for people: plain text without colours, so that it can be piped. */

/** What is told beside the plan itself. */
export interface Told {
  /** Warnings that depend on the day (`supportWarnings`). Default: none. */
  readonly warnings?: readonly PlanWarning[];
  /** What is different from what was deployed. Absent: nobody knows, and nothing is said. */
  readonly changes?: PlanChanges;
  /** Written after `npx hashistack replace`. Example: " --stack prod". Default: "". */
  readonly flag?: string;
}

/** The whole plan. */
export function planText(plan: PlanSummary, { warnings = [], changes, flag = "" }: Told = {}): string {
  return [
    headline(plan),
    machinesText(plan),
    openingsText(plan),
    costText(plan),
    changes && changesText(changes, plan, flag),
    warningsText([...plan.warnings, ...warnings]),
  ]
    .filter((part) => part !== undefined)
    .join("\n\n");
}

/** Example: `Plan of "prod" at linode, nl-ams: 9 machines, 197.50 USD a month.` */
export function headline({ cluster, cloud, region, machines, cost }: PlanSummary): string {
  const where = `${cloud === "local" ? "in this host" : `at ${cloud}`}${region ? `, ${region}` : ""}`;
  const price = cost ? `, ${leastText(cost)} a month` : "";
  return `Plan of "${cluster}" ${where}: ${counted(machines.length, "machine")}${price}.`;
}

function leastText({ monthly, currency, unpriced }: NonNullable<PlanSummary["cost"]>): string {
  return `${unpriced.length > 0 ? "at least " : ""}${money(monthly)} ${currency}`;
}

const addressWords = { reached: "yes", egress: "way out", none: "no" } as const;

function machinesText({ machines, cost, cloud }: PlanSummary): string {
  const sized = cloud !== "local";
  const head = ["Machine", "Roles", ...(sized ? ["Size"] : []), "Public address"];
  const rows = machines.map((machine) => [
    machine.name,
    rolesText(machine),
    ...(sized ? [`${machine.size}${machine.volumeGb ? `, ${machine.volumeGb} GiB` : ""}`] : []),
    addressWords[machine.publicAddress],
    ...(cost ? [machine.cost ? money(machine.cost.total) : "?", partsText(machine.cost)] : []),
  ]);
  return table([[...head, ...(cost ? [cost.currency, ""] : [])], ...rows], cost ? head.length : undefined);
}

function rolesText({ roles, nodeClass }: PlannedMachine): string {
  return `${roles.join(" ")}${nodeClass ? ` (${nodeClass})` : ""}`;
}

/** Example: "24.00 + 5.00 backups"; nothing for a machine alone. */
function partsText(cost: MonthlyCost | undefined): string {
  const parts = (["backups", "volume", "address"] as const).flatMap((part) =>
    cost?.[part] ? [`${money(cost[part])} ${part}`] : [],
  );
  return cost && parts.length > 0 ? [money(cost.machine), ...parts].join(" + ") : "";
}

function openingsText({ openings }: PlanSummary): string {
  const rows = openings.map(({ port, protocol, service, from, machines }) => [
    `${port}/${protocol}`,
    machines.join(", "),
    service,
    `from ${from.length === 0 ? "anybody" : from.join(", ")}`,
  ]);
  return `Open from outside; all else is closed:\n${table(rows)}`;
}

function costText({ cost, cloud }: PlanSummary): string {
  if (cloud === "local") return "Cost: none but this host.";
  if (!cost) return "Cost: not known; the settings' cloud.prices can tell it.";
  const lines = [
    `Cost: ${leastText(cost)} a month, without tax and traffic. Prices${cost.date ? ` of ${cost.date}` : ""}: ${cost.source}.`,
  ];
  if (cost.unpriced.length > 0) lines.push(`Nobody knows the price of ${cost.unpriced.join(", ")}.`);
  return lines.join("\n");
}

/** What is different, a line each. */
export function changesText(changes: PlanChanges, plan: PlanSummary, flag = ""): string {
  if (!isChange(changes)) return "Since the last up: no machine changes.";
  const { added, removed, changed, cost } = changes;
  if (removed.length + changed.length === 0 && added.length === plan.machines.length) {
    return "Since the last up: nothing of it is there yet.";
  }
  const machine = (name: string) => plan.machines.find((one) => one.name === name);
  const lines = [
    ...added.map((name) => ["+", name, describe(machine(name)), ""]),
    ...removed.map((name) => ["-", name, "", ""]),
    ...changed.map(({ machine, what, from, to, waits }) => [
      "~",
      machine,
      `${what}: ${from}, then ${to}`,
      waits ? "(once it is made anew)" : "",
    ]),
  ];
  return [
    `Since the last up:\n${table(lines)}`,
    ...(cost ? [`  ${costChange(cost)}`] : []),
    ...(outdated(changes).length > 0
      ? [
          `  What waits is not changed on a living machine. To make them anew: npx hashistack replace${flag} --outdated`,
        ]
      : []),
  ].join("\n");
}

function describe(machine: PlannedMachine | undefined): string {
  if (!machine) return "";
  return [rolesText(machine), machine.size, machine.cost && money(machine.cost.total)]
    .filter(Boolean)
    .join(", ");
}

function costChange({ before, after, currency }: NonNullable<PlanChanges["cost"]>): string {
  if (before === after) return `${money(after)} ${currency} a month, as before`;
  const difference = `${after < before ? "-" : "+"}${money(Math.abs(after - before))}`;
  return `${money(before)}, then ${money(after)} ${currency} a month (${difference})`;
}

function warningsText(warnings: readonly PlanWarning[]): string | undefined {
  if (warnings.length === 0) return undefined;
  return `To think about:\n${warnings.map(({ text }) => `  ${text}`).join("\n")}`;
}

function counted(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function money(amount: number): string {
  return amount.toFixed(2);
}

/** Rows as aligned columns, indented. @param right the column whose cells end in line */
function table(rows: readonly (readonly string[])[], right?: number): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      `  ${row.map((cell, at) => (at === right ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join("  ")}`.trimEnd(),
    )
    .join("\n");
}
