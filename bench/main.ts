/** `npm run bench`: measures, prints, and takes down what it made. */
import { type ClusterRun, measureCluster } from "./cluster";
import { BenchError, Interrupted } from "./errors";
import { type FloorRun, measureFloor } from "./floor";
import { lookAtHost } from "./host";
import { type IngressRun, measureIngress } from "./ingress";
import { help, type Options, parseOptions } from "./options";
import { measurePreviews, type PreviewRun } from "./preview";
import { type Measured, reportJson, reportText } from "./report";

const say = (words: string): void => {
  process.stderr.write(`bench: ${words}\n`);
};

interface Figures extends Measured {
  floor: FloorRun[];
  cluster: ClusterRun[];
  ingress: IngressRun[];
  preview: PreviewRun[][];
}

/** Measures into `measured`; a part that fails leaves the others theirs. Gives whether all went well. */
async function measure(options: Options, signal: AbortSignal, measured: Figures): Promise<boolean> {
  let well = true;
  const { floor, cluster, ingress, preview } = measured;
  for (let run = 1; run <= options.runs; run++) {
    // A lab has one name: the next run would take the place of what this one kept.
    const keep = options.keep && run === options.runs;
    const which = options.runs === 1 ? "" : `run ${run} of ${options.runs}: `;
    for (const part of options.parts) {
      say(`${which}${part}`);
      const tell = (words: string): void => say(`${which}${words}`);
      try {
        if (part === "floor") floor.push(await measureFloor(signal, keep, tell));
        if (part === "cluster") cluster.push(await measureCluster(signal, keep, tell));
        if (part === "ingress") ingress.push(await measureIngress(signal, keep, tell));
        if (part === "preview") preview.push(await measurePreviews(signal));
      } catch (error) {
        if (error instanceof Interrupted) throw error;
        tell((error as Error).message);
        well = false;
      }
    }
  }
  return well;
}

function needRoot(options: Options): void {
  if (process.getuid?.() === 0 || options.parts.every((part) => part === "preview")) return;
  throw new BenchError(
    "machines need root: sudo --preserve-env=HOME,PATH npm run bench (--only preview does not)",
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
  const measured: Figures = { host: lookAtHost(), floor: [], cluster: [], ingress: [], preview: [] };
  let well = false;
  try {
    well = await measure(options, stop.signal, measured);
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    throw error;
  }
  const { floor, cluster, ingress, preview } = measured;
  if ([floor, cluster, ingress, preview].some(({ length }) => length > 0)) {
    process.stdout.write(`${options.json ? reportJson(measured) : reportText(measured)}\n`);
  }
  return well ? 0 : 1;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
