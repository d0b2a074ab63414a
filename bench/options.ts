/** What was typed. Pure. */
import { parseArgs } from "node:util";
import { BenchError } from "./errors";

export const parts = ["floor", "cluster", "ingress", "preview"] as const;
export type Part = (typeof parts)[number];

export interface Options {
  /** What is measured. Default: all of it. */
  parts: readonly Part[];
  /** How often. Default 1. */
  runs: number;
  json: boolean;
  /** Leave labs, state and keys as they are at the end. */
  keep: boolean;
  help: boolean;
}

export const help = `npm run bench -- [--only floor|cluster|ingress|preview]... [--runs N] [--json] [--keep]

Measures, on this host, from one run:
  floor     the machines of the dev stack brought up by plain scripts: no TLS, no ACLs, no firewall
  cluster   the dev stack: first up and each phase's share, second up, one client more
  ingress   Fabio and Traefik beside nginx on the same machine and the service alone: throughput and latency
  preview   time, memory and resources of a preview of 10, 100 and 500 clients, with mocks

  --only P  only this part (may be given again); all but preview need root
  --runs N  measure N times and print medians (default 1, at most 20)
  --json    print one JSON document with every run instead of the table
  --keep    leave what the last run made; without it all of it is taken down, also after Ctrl-C or an error
  --help    this text

The labs and the state are the bench's own: a running dev stack stays as it is, but takes its part of the cores.
Exit status: 0 measured, 1 something failed, 2 wrong use, 130 interrupted.`;

/**
 * Reads the arguments.
 * @throws BenchError of one sentence
 */
export function parseOptions(argv: readonly string[]): Options {
  const { only, runs, ...flags } = read(argv);
  const wrong = only.find((word) => !parts.some((part) => part === word));
  if (wrong !== undefined) throw new BenchError(`--only ${wrong}: known are ${parts.join(", ")}`);
  if (!/^[1-9]\d?$/.test(runs) || Number(runs) > 20) throw new BenchError(`--runs ${runs}: must be 1 to 20`);
  return {
    parts: only.length === 0 ? parts : parts.filter((part) => only.includes(part)),
    runs: Number(runs),
    ...flags,
  };
}

function read(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        only: { type: "string", multiple: true, default: [] },
        runs: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new BenchError((error as Error).message.split("\n")[0] as string);
  }
}
