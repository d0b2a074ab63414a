/** `npm run bench`: measures, prints, and takes down what it made. */
import { type ClusterRun, measureCluster } from "./cluster";
import { BenchError, Interrupted } from "./errors";
import { type FloorRun, measureFloor } from "./floor";
import { lookAtHost } from "./host";
import { help, type Options, parseOptions } from "./options";
import { measurePreviews, type PreviewRun } from "./preview";
import { type Measured, reportJson, reportText } from "./report";

const say = (words: string): void => {
  process.stderr.write(`bench: ${words}\n`);
};

async function measure(options: Options, signal: AbortSignal): Promise<Measured> {
  const host = lookAtHost();
  const floor: FloorRun[] = [];
  const cluster: ClusterRun[] = [];
  const preview: PreviewRun[][] = [];
  for (let run = 1; run <= options.runs; run++) {
    const which = options.runs === 1 ? "" : `run ${run} of ${options.runs}: `;
    for (const part of options.parts) {
      say(`${which}${part}`);
      if (part === "floor") floor.push(await measureFloor(signal, options.keep));
      if (part === "cluster") {
        cluster.push(await measureCluster(signal, options.keep, (words) => say(`${which}${words}`)));
      }
      if (part === "preview") preview.push(await measurePreviews(signal));
    }
  }
  return { host, floor, cluster, preview };
}

function needRoot(options: Options): void {
  if (process.getuid?.() === 0 || options.parts.every((part) => part === "preview")) return;
  throw new BenchError(
    "the floor and the cluster need root: sudo --preserve-env=HOME,PATH npm run bench (--only preview does not)",
  );
}

/** Gives the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(argv);
    if (options.help) {
      process.stdout.write(`${help}\n`);
      return 0;
    }
    needRoot(options);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    say(`${error.message} (--help tells more)`);
    return 2;
  }
  const stop = new AbortController();
  const interrupted = (): void => {
    if (!stop.signal.aborted) say("stopping: taking down what was made");
    stop.abort();
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  process.on("SIGHUP", interrupted);
  try {
    const measured = await measure(options, stop.signal);
    process.stdout.write(`${options.json ? reportJson(measured) : reportText(measured)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    say((error as Error).message);
    return 1;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
