/** One drill under the load, from a healthy cluster to a healthy cluster. */
import { Interrupted } from "../errors";
import type { Drill, Excuse } from "./cases";
import type { Ground } from "./ground";
import { untilHealthy } from "./health";
import { causesText, lastTrouble, type Tally, tally } from "./ledger";
import { type Loads, loadNames } from "./loads";

/** Before a drill the cluster must be as it should be within this time. */
const readySeconds = 180;

export interface Outcome {
  readonly name: string;
  readonly what: string;
  /** When it was done: ISO 8601. */
  readonly at: string;
  /** Seconds until somebody began to mend it; 0 where it mends itself. */
  readonly awaySeconds: number;
  /** From then on, seconds until the cluster was healthy and no request failed any more. Undefined: not in its limit. */
  readonly healthySeconds?: number;
  readonly visitors: Tally;
  readonly once: Tally;
  /** Of Consul and Vault together. */
  readonly writes: Tally;
  /** Acknowledged writes that are gone. */
  readonly lost: readonly string[];
  readonly jobs: Tally;
  /** Accepted jobs that did not run. */
  readonly notRun: readonly string[];
  readonly excused?: Excuse;
  /** Which aims were missed, a sentence each. */
  readonly misses: readonly string[];
}

/**
 * Does a drill and judges it. Rejects when the cluster is not healthy before, or the load is no more: then nothing could
 * be learned from the next one either.
 * @param say told how the cluster mends
 */
export async function doDrill(
  drill: Drill,
  ground: Ground,
  loads: Loads,
  say: (words: string) => void = () => undefined,
): Promise<Outcome> {
  await untilHealthy(ground, { limitSeconds: readySeconds, steadySeconds: 1 });
  await drill.before?.(ground);
  const from = Date.now();
  let mended = from;
  let since: number | undefined;
  let trouble: string | undefined;
  try {
    await drill.run(ground, () => {
      mended = Date.now();
    });
    since = await untilHealthy(ground, {
      limitSeconds: drill.limitSeconds,
      onChange: (problems) => {
        const words =
          problems.length > 2 ? [...problems.slice(0, 2), `(${problems.length} in all)`] : problems;
        say(`${((Date.now() - mended) / 1000).toFixed(1)} s: ${words.join(" ") || "healthy"}`);
      },
    });
  } catch (error) {
    if (error instanceof Interrupted || ground.signal?.aborted) throw new Interrupted();
    trouble = (error as Error).message;
  }
  const window = { from, to: Date.now() };
  await loads.settled(window.to);
  const writes = {
    consul: loads.of(loadNames.consul, window),
    vault: loads.of(loadNames.vault, window),
  };
  const jobs = loads.of(loadNames.jobs, window);
  const once = loads.of(loadNames.once, window);
  const visitors = loads.of(loadNames.visitors, window);
  const all = [...writes.consul, ...writes.vault, ...jobs, ...once, ...visitors];
  const calm = since && Math.max(since, lastTrouble(all) ?? 0, mended);
  const seen = {
    ...{ name: drill.name, what: drill.what, at: new Date(from).toISOString(), excused: drill.excused },
    awaySeconds: (mended - from) / 1000,
    ...(calm === undefined ? {} : { healthySeconds: (calm - mended) / 1000 }),
    visitors: tally(visitors),
    once: tally(once),
    writes: tally([...writes.consul, ...writes.vault]),
    jobs: tally(jobs),
    lost: trouble
      ? []
      : [...(await loads.lost("consul", writes.consul)), ...(await loads.lost("vault", writes.vault))],
    notRun: trouble ? [] : await loads.notRun(jobs),
  };
  await drill.after?.(ground);
  return { ...seen, misses: [...(trouble ? [`${trouble}.`] : []), ...missesOf(seen)] };
}

/** What the aims say: whoever tries again never fails, what was acknowledged is never lost, what was accepted runs. Pure. */
export function missesOf(
  seen: Pick<Outcome, "visitors" | "writes" | "jobs" | "lost" | "notRun" | "excused">,
): string[] {
  const misses: string[] = [];
  const failed = (who: "visitors" | "writes" | "jobs", what: string): void => {
    const { failed: count, sent, causes } = seen[who];
    if (count > 0 && !seen.excused?.who.includes(who))
      misses.push(
        `${count} of ${sent} ${what} failed although they were tried again (${causesText(causes)}).`,
      );
    if (sent === 0) misses.push(`There were no ${what} at all, so nothing is known of them.`);
  };
  failed("visitors", "visits");
  failed("writes", "writes");
  failed("jobs", "jobs' registrations");
  if (seen.lost.length > 0)
    misses.push(`${seen.lost.length} acknowledged writes are lost (${seen.lost[0]}, …).`);
  if (seen.notRun.length > 0)
    misses.push(`${seen.notRun.length} accepted jobs did not run (${seen.notRun[0]}, …).`);
  return misses;
}
