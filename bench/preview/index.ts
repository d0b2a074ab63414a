/** How a preview grows with the number of clients. */
import { join } from "node:path";
import { run } from "../run";
import { growth } from "../stats";
import type { PreviewRun } from "./program";

export type { PreviewRun } from "./program";

/** Numbers of clients that are previewed. */
const previewSizes = [10, 100, 500] as const;

/** The most resources that one more client may cost. */
export const resourceLimit = 12;

/** Previews each size once, one after another. */
export async function measurePreviews(
  signal: AbortSignal,
  sizes: readonly number[] = previewSizes,
): Promise<PreviewRun[]> {
  const runs: PreviewRun[] = [];
  for (const clients of sizes) {
    const text = await run([process.execPath, join(__dirname, "program.js"), String(clients)], {
      what: `preview of ${clients} clients`,
      timeoutSeconds: 600,
      signal,
    });
    runs.push(previewIn(text));
  }
  return runs;
}

/** What the program printed last; before it the cluster has told its plan, which without an engine goes the same way. */
export function previewIn(text: string): PreviewRun {
  return JSON.parse(text.trim().split("\n").at(-1) ?? "") as PreviewRun;
}

/** What one more client costs in a preview, and whether that stays so. */
export interface PreviewVerdict {
  /** Resources, frames included, and those of them that plugins manage: the dearest step. */
  readonly resourcesPerClient: number;
  readonly managedPerClient: number;
  /** Per client, in each step between the sizes. */
  readonly millisecondsPerClient: readonly number[];
  readonly mbPerClient: readonly number[];
  readonly linear: { readonly resources: boolean; readonly seconds: boolean; readonly memory: boolean };
  readonly withinLimit: boolean;
}

/** Judges previews of rising size. */
export function judgePreviews(runs: readonly PreviewRun[]): PreviewVerdict {
  const grow = (value: (run: PreviewRun) => number, tolerance?: number) =>
    growth(
      runs.map((run) => ({ count: run.clients, value: value(run) })),
      tolerance,
    );
  const all = grow((run) => run.resources + run.components, 1);
  const managed = grow((run) => run.resources, 1);
  const milliseconds = grow((run) => run.seconds * 1000);
  const memory = grow((run) => run.peakMb);
  const resourcesPerClient = Math.max(...all.steps);
  return {
    resourcesPerClient,
    managedPerClient: Math.max(...managed.steps),
    millisecondsPerClient: milliseconds.steps,
    mbPerClient: memory.steps,
    linear: { resources: all.linear, seconds: milliseconds.linear, memory: memory.linear },
    withinLimit: resourcesPerClient <= resourceLimit,
  };
}
