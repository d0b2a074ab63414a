/** Whether the cluster is healthy: what `hashistack status` sees, and what each Raft says of its own servers. */
import { setTimeout as sleep } from "node:timers/promises";
import { expectedOf, judge } from "../../cli/status/judge";
import { observe } from "../../cli/status/observe";
import { BenchError, Interrupted } from "../errors";
import type { Ground, Service } from "./ground";
import { healthySince, type Look } from "./ledger";

/** A look that takes longer is one at a cluster that does not answer. */
const lookLimitMs = 4000;

const autopilot: Readonly<Record<Service, string>> = {
  consul: "/v1/operator/autopilot/health",
  nomad: "/v1/operator/autopilot/health",
  vault: "/v1/sys/storage/raft/autopilot/state",
};

/** What is wrong now, a sentence each. Never rejects. */
export async function problemsOf(ground: Ground): Promise<readonly string[]> {
  const silent = sleep(lookLimitMs, ["The cluster did not answer in time."], { ref: false });
  return Promise.race([silent, look(ground)]);
}

async function look(ground: Ground): Promise<string[]> {
  const [seen, ...rafts] = await Promise.all([
    observe(ground.outputs),
    ...(["consul", "nomad", "vault"] as const).map((service) => raftProblem(ground, service)),
  ]);
  const { problems, unseen } = judge(seen, expectedOf(ground.outputs));
  return [...new Set([...problems, ...unseen, ...rafts.flat()])];
}

/** Autopilot's own word: every server answers, is in contact with the leader, and has nearly all of its log. */
async function raftProblem(ground: Ground, service: Service): Promise<string[]> {
  try {
    const answer = await ground.ask<{ Healthy?: boolean; data?: { healthy: boolean } }>(
      service,
      autopilot[service],
      // What Consul and Nomad say of servers that are not healthy.
      { accept: [429] },
    );
    return (answer.data?.healthy ?? answer.Healthy)
      ? []
      : [`${service}: autopilot finds a server unhealthy.`];
  } catch (error) {
    return [(error as Error).message];
  }
}

export interface UntilHealthy {
  readonly limitSeconds: number;
  /** Default 4. */
  readonly steadySeconds?: number;
  /** Told of each look that differs from the one before. */
  readonly onChange?: (problems: readonly string[]) => void;
}

/**
 * Looks every half second until the cluster has been healthy for `steadySeconds`.
 * @returns since when, in milliseconds since the Unix epoch
 */
export async function untilHealthy(
  ground: Ground,
  { limitSeconds, steadySeconds = 4, onChange }: UntilHealthy,
): Promise<number> {
  const looks: Look[] = [];
  const end = Date.now() + limitSeconds * 1000;
  for (;;) {
    if (ground.signal?.aborted) throw new Interrupted();
    const at = Date.now();
    const problems = await problemsOf(ground);
    if (problems.join() !== (looks.at(-1)?.problems ?? []).join()) onChange?.(problems);
    looks.push({ at, problems });
    const since = healthySince(looks);
    if (since !== undefined && at - since >= steadySeconds * 1000) return since;
    if (at > end) {
      const why = looks.at(-1)?.problems.join(" ") || "it was not healthy for long enough at once";
      throw new BenchError(`the cluster was not healthy again within ${limitSeconds} s: ${why}`);
    }
    await sleep(500);
  }
}
