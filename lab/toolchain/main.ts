/** `npm run toolchain`: makes every program ready and prints where each comes from. */
import { parseArgs } from "node:util";
import { ensureWith, locate, programsNamed, type ResolvedTool, type ToolchainProgress } from "./ensure";
import { defaultToolchain } from "./index";
import { MANIFEST, PROGRAM_NAMES } from "./manifest";

const optional = MANIFEST.filter((program) => program.optional).map(({ name }) => name);

const HELP = `usage: npm run toolchain -- [--list] [--json] [--optional] [program ...]

Makes the programs of the cluster ready (all but the optional ones, or the named ones) and prints, for each, its version and where
it comes from: PATH, the cache, the publisher's release or its Go module.

  --list      only say what is there; fetch and build nothing
  --json      print a JSON array instead of a table
  --optional  the optional ones, too: the lab's tests need them
  --help      print this text

Programs: ${PROGRAM_NAMES.join(", ")}
Optional: ${optional.join(", ")}

Environment: HASHISTACK_CACHE     the cache (default ~/.cache/hashistack)
             HASHISTACK_RELEASES  base URL of a mirror of the releases, or "off" to build from Go modules only
`;

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One line for each change of phase; on a terminal a running phase rewrites its own line. */
function progressPrinter(): ToolchainProgress {
  let open = false;
  const terminal = process.stderr.isTTY;
  let last = "";
  return (event) => {
    const estimate = event.estimateSeconds ? ` of about ${event.estimateSeconds}` : "";
    const line = `[${event.index}/${event.total}] ${event.tool}: ${event.phase} (${event.elapsedSeconds}${estimate} s)`;
    const running = event.estimateSeconds !== undefined;
    if (terminal) {
      process.stderr.write(`${open ? "\r\u001b[K" : ""}${line}${running ? "" : "\n"}`);
      open = running;
    } else if (!running || last !== event.tool || event.elapsedSeconds % 30 < 5) {
      process.stderr.write(`${line}\n`);
    }
    last = event.tool;
  };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      list: { type: "boolean" },
      json: { type: "boolean" },
      optional: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const chain = defaultToolchain();
  const wanted = values.optional ? PROGRAM_NAMES : positionals;
  const programs = programsNamed(chain.manifest, wanted.length > 0 ? wanted : "all");
  const stopped = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopped.abort());
  const names = programs.map((program) => program.name);
  const tools: (ResolvedTool | undefined)[] = values.list
    ? await locate(chain, programs)
    : await ensureWith(chain, names, { onProgress: progressPrinter(), signal: stopped.signal });
  if (values.json) {
    const rows = programs.map(
      (program, index) => tools[index] ?? { name: program.name, version: program.version },
    );
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  const rows = programs.map((program, index) => {
    const tool = tools[index];
    if (!tool) return [program.name, program.version, "missing", "", ""];
    return [tool.name, tool.version, tool.source, tool.origin, tool.path];
  });
  process.stdout.write(`${table([["program", "version", "where from", "origin", "file"], ...rows])}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
