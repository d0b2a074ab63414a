/** The load: bombardier in a machine's network, over HTTP/1.1 and connections that stay. */
import { BenchError } from "../errors";
import type { Lab } from "../lab";
import { run } from "../run";

/** What one target gave. */
export interface LoadFigure {
  /** Answers a second, as fast as they came. */
  readonly perSecond: number;
  /** Milliseconds until an answer at a rate that leaves the machine idle most of the time. */
  readonly medianMs: number;
  readonly slowMs: number;
}

/** As fast as it goes: connections that ask again as soon as they are answered. */
export const full = { connections: 32, seconds: 10 } as const;

/** At this rate, for the latency. */
export const light = { connections: 8, seconds: 10, perSecond: 100 } as const;

/** What bombardier says. */
interface Answer {
  result: {
    timeTakenSeconds: number;
    req2xx: number;
    req1xx: number;
    req3xx: number;
    req4xx: number;
    req5xx: number;
    others: number;
    errors?: { description: string; count: number }[];
    latency: { percentiles: Record<string, number> };
  };
}

export interface Target {
  /** Example: "https://127.0.0.1:9443/health". */
  readonly url: string;
}

/**
 * Puts both loads on a target, after a short one that warms it up. What it shows is not verified: of a target that must be
 * verified the tests tell.
 * @param program bombardier's file
 * @param machine from whose network, by its name in the lab
 */
export async function loadOn(
  lab: Lab,
  machine: string,
  program: string,
  { url }: Target,
  signal: AbortSignal,
): Promise<LoadFigure> {
  const ask = async (seconds: number, connections: number, ...more: string[]): Promise<Answer["result"]> => {
    const words = ["--insecure", "--latencies", "--format=json", "--print=result", "--timeout=5s"];
    const own = [`--duration=${seconds}s`, `--connections=${connections}`, ...more, url];
    const text = await run(lab.argv("exec", machine, "--", program, ...words, ...own), {
      what: `the load on ${url}`,
      signal,
      timeoutSeconds: seconds + 60,
    });
    return answerOf(text, url);
  };
  await ask(2, full.connections);
  const fast = await ask(full.seconds, full.connections);
  const slow = await ask(light.seconds, light.connections, `--rate=${light.perSecond}`);
  return {
    perSecond: fast.req2xx / fast.timeTakenSeconds,
    medianMs: (slow.latency.percentiles["50"] ?? Number.NaN) / 1000,
    slowMs: (slow.latency.percentiles["99"] ?? Number.NaN) / 1000,
  };
}

/**
 * Reads what it said.
 * @throws BenchError of one sentence where an answer was not 2xx: a figure of errors is none
 */
export function answerOf(text: string, url: string): Answer["result"] {
  const { result } = JSON.parse(text) as Answer;
  const { req1xx, req2xx, req3xx, req4xx, req5xx, others, errors = [] } = result;
  const wrong = req1xx + req3xx + req4xx + req5xx + others;
  if (wrong > 0 || req2xx === 0) {
    const why = errors.map(({ description, count }) => `${count} ${description}`).join(", ");
    throw new BenchError(
      `the load on ${url}: ${wrong} of ${wrong + req2xx} answers were not good (${req5xx} of them 5xx${why && `; ${why}`})`,
    );
  }
  return result;
}
