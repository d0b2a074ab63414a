/** Markdown tables as the formatter writes them: every column as wide as its widest cell. */

/** Rows of equal length, the first of them the head. Gives lines. */
export function alignedTable(rows: readonly (readonly string[])[]): string[] {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill: string) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width, fill)).join(" | ")} |`;
  return [line(head, " "), line([], "-"), ...body.map((row) => line(row, " "))];
}

/** A text whose tables were written without care for their columns, aligned. */
export function withAlignedTables(markdown: string): string {
  return markdown.replace(/(?:^\|.*\|\n)+/gm, (block) => {
    const rows = block
      .trimEnd()
      .split("\n")
      .map((line) =>
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      );
    return `${alignedTable(rows.filter((_, index) => index !== 1)).join("\n")}\n`;
  });
}
