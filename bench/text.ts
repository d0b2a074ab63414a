/** How figures are written. Pure. */
import type { Figure } from "./stats";

export const seconds = (value: number): string => value.toFixed(1);

/** Example: "17.5", of several runs "17.5 (16.9-18.2)". */
export function figureText(one: Figure | undefined, text = seconds): string {
  if (!one) return "-";
  return one.runs === 1 ? text(one.median) : `${text(one.median)} (${text(one.least)}-${text(one.most)})`;
}

/** Lays rows out in columns; the first row is their heading. The last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] as number)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
