/** `npm run cuts`: kills runs at many points, finishes each by the command line, and says whether all is whole. */
import { parseArgs } from "node:util";
import { ordered, type Point, pick, points } from "./points";
import { type Outcome, Series } from "./series";

const help = `npm run cuts -- [--list] [--only POINT]... [--points N] [--json]

Kills up, destroy and the removal of a client (engine, language host, plugins: SIGKILL at once) at points that the
engine's own events tell, on a cluster of four machines; finishes each with "hashistack up" or "destroy", and looks:
machines, nodes, peers, Vault's recovery keys, a second up without changes. Each point takes about a minute. Needs root.

  --list       print the points
  --only P     only this point (may be given again)
  --points N   so many, spread evenly over the table
  --json       print one JSON document at the end
  --help       this text

Exit status: 0 every run was finished well, 1 one was not, 2 wrong use, 130 interrupted.`;

function line({ point, cut, recovered, finishSeconds, problems }: Outcome): string {
  const parts = [
    `${problems.length === 0 ? "ok  " : "FAIL"} ${point.name.padEnd(24)}`,
    cut ? `cut at ${cut.seconds.toFixed(1)} s, ${cut.done} done, ${cut.killed} processes killed` : "not cut",
    ...(cut && cut.running.length > 0 ? [`at work: ${cut.running.slice(0, 4).join(", ")}`] : []),
    ...(finishSeconds === undefined ? [] : [`finished in ${finishSeconds.toFixed(0)} s`]),
  ];
  const more = [...recovered, ...problems].map((words) => `     ${words.split("\n").join("\n     ")}`);
  return [parts.join("; "), ...more].join("\n");
}

interface Asked {
  /** What is printed in place of all else. */
  readonly text?: string;
  readonly json: boolean;
  readonly picked: readonly Point[];
}

/** Reads the arguments. Throws one sentence for what is wrong with them, or with who gives them. */
function read(argv: string[]): Asked {
  const { values } = parseArgs({
    args: argv,
    options: {
      list: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      points: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { help: helped, list, only, points: count, json } = values;
  if (helped) return { text: help, json, picked: [] };
  if (list)
    return { text: points.map(({ name, why }) => `${name.padEnd(26)}${why}`).join("\n"), json, picked: [] };
  if (count !== undefined && !/^[1-9]\d*$/.test(count)) throw new Error("--points: a number from 1 on");
  const picked = ordered(pick(only, count === undefined ? undefined : Number(count)));
  if (process.getuid?.() !== 0)
    throw new Error("the machines need root: sudo --preserve-env=HOME,PATH npm run cuts");
  return { json, picked };
}

async function main(argv: string[]): Promise<number> {
  let asked: Asked;
  try {
    asked = read(argv);
  } catch (error) {
    process.stderr.write(`cuts: ${(error as Error).message} (--help tells more)\n`);
    return 2;
  }
  const { text, json, picked } = asked;
  if (text !== undefined) {
    process.stdout.write(`${text}\n`);
    return 0;
  }
  const series = new Series("bench");
  let stop = false;
  const interrupted = (): void => {
    stop = true;
    process.stderr.write("cuts: ending after this point\n");
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  const outcomes: Outcome[] = [];
  try {
    for (const point of picked) {
      if (stop) break;
      const outcome = await series.run(point);
      outcomes.push(outcome);
      process.stderr.write(`${line(outcome)}\n`);
    }
  } finally {
    await series.close();
  }
  const bad = outcomes.filter(({ problems }) => problems.length > 0);
  if (json) process.stdout.write(`${JSON.stringify(outcomes)}\n`);
  process.stderr.write(`cuts: ${outcomes.length - bad.length} of ${outcomes.length} finished well\n`);
  if (stop) return 130;
  return bad.length > 0 ? 1 : 0;
}

void main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    process.stderr.write(`cuts: ${error.message}\n`);
    process.exitCode = 1;
  },
);
