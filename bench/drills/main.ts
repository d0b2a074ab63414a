/** `npm run drill`: brings up the dev stack, lets bad things happen under load, prints, and takes down what it made. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { supportedVersions } from "../../components/settings/versions";
import { bringUp, onOwnCluster } from "../bring-up";
import { BenchError, Interrupted } from "../errors";
import { lookAtHost } from "../host";
import { checkout } from "../lab";
import { editSettings } from "../project";
import { type Drill, drills } from "./cases";
import { doDrill, type Outcome } from "./drill";
import { Ground } from "./ground";
import { Loads } from "./loads";
import { help, type Options, parseOptions } from "./options";
import { drillsPage, drillsText, type Kept, merged } from "./report";

const say = (words: string): void => {
  process.stderr.write(`drill: ${words}\n`);
};

const names = drills.map(({ name }) => name);

/** Those that were asked for, of the one stack or the other. */
function chosen({ only, separate }: Options): Drill[] {
  const found = drills.filter(
    ({ name, topology }) => only.includes(name) && (topology === "separate") === separate,
  );
  if (found.length === 0)
    throw new BenchError("none of these drills is of this stack; --separate names the other");
  return found;
}
/** The machine from whose network a member's writes come: no drill takes it away for long. */
function steadyMember(ground: Ground): string {
  const client = ground
    .machines("nomad-client")
    .filter((name) => name.startsWith("client-"))
    .at(-1);
  if (!client) throw new BenchError("the dev stack has no client from which writes could come");
  return client;
}

/** Does the drills, into `outcomes`. Gives whether all of them could be done. */
async function practise(ground: Ground, options: Options, outcomes: Outcome[]): Promise<boolean> {
  const loads = await Loads.start(ground, steadyMember(ground));
  try {
    const all = chosen(options);
    for (const [index, drill] of all.entries()) {
      say(`${index + 1} of ${all.length}: ${drill.name}: ${drill.what}`);
      const outcome = await doDrill(drill, ground, loads, (words) => say(`  ${words}`));
      outcomes.push(outcome);
      for (const miss of outcome.misses) say(`  missed: ${miss}`);
      const { visitors, once, writes, healthySeconds } = outcome;
      say(
        `  visits ${visitors.failed}/${visitors.sent} failed (${once.failed} without retry), ` +
          `writes ${writes.failed}/${writes.sent} (${writes.firstFailed} at first), ${outcome.lost.length} lost, ` +
          `healthy ${healthySeconds === undefined ? "never" : `after ${healthySeconds.toFixed(1)} s`}`,
      );
    }
    return true;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    say(`stopped: ${(error as Error).message}`);
    return false;
  } finally {
    await loads.stop();
  }
}

/** Keeps the outcomes in docs/. */
function write(now: Kept): void {
  const data = join(checkout(), "docs/drills.json");
  const former = existsSync(data) ? (JSON.parse(readFileSync(data, "utf8")) as Kept) : undefined;
  const kept = merged(former, now, names);
  writeFileSync(data, `${JSON.stringify(kept, null, 2)}\n`);
  writeFileSync(join(checkout(), "docs/drills.md"), drillsPage(kept));
  say("written: docs/drills.md");
}

/** All of it, in a project and a lab of its own. Gives the exit code. */
async function session(options: Options, signal: AbortSignal): Promise<number> {
  const outcomes: Outcome[] = [];
  let whole = false;
  let interrupted = false;
  const settings = options.separate ? "examples/separate-servers/Pulumi.dev.yaml" : undefined;
  await onOwnCluster({ what: "drill", signal, keep: options.keep, settings, say }, async (project, lab) => {
    try {
      editSettings(project.workspace.root, (config) => {
        config["hashistack:site"] = { ingress: options.ingress };
      });
      say("bringing up the stack");
      const outputs = await bringUp(project, signal);
      whole = await practise(new Ground(lab, outputs, signal, project), options, outcomes);
    } catch (error) {
      // What was done by then is told all the same.
      if (!(error instanceof Interrupted)) throw error;
      interrupted = true;
    }
  });
  const { cores, memoryMb, kernel, node } = lookAtHost();
  const versions = Object.fromEntries(
    Object.entries(supportedVersions).map(([name, [version]]) => [name, version]),
  );
  const now: Kept = { versions, host: { cores, memoryMb, kernel, node }, outcomes };
  if (outcomes.length > 0) {
    process.stdout.write(`${options.json ? JSON.stringify(now, null, 2) : drillsText(outcomes)}\n`);
    if (options.write) write(now);
  }
  if (interrupted) return 130;
  return whole && outcomes.every(({ misses }) => misses.length === 0) ? 0 : 1;
}

async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(argv, names);
    if (options.help || options.list) {
      const width = Math.max(...names.map((name) => name.length));
      const list = drills.map(({ name, what }) => `${name.padEnd(width)}  ${what}`).join("\n");
      process.stdout.write(`${options.help ? help : list}\n`);
      return 0;
    }
    chosen(options);
    if (process.getuid?.() !== 0)
      throw new BenchError("machines need root: sudo --preserve-env=HOME,PATH npm run drill");
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    say(`${error.message} (--help tells more)`);
    return 2;
  }
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (!stop.signal.aborted) say("stopping: taking down what was made");
      stop.abort();
    });
  }
  try {
    return await session(options, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return 130;
    say((error as Error).message);
    return 1;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
