/** Whose time a run was: what of its wall clock each phase took. Pure but for the clock that is given. */
import { type EngineEvent, type PhaseRule, parseUrn } from "../cli/events";

/** One phase of a run. Phases overlap: only the shares add up to the whole. */
export interface PhaseShare {
  readonly title: string;
  /** Resources that were worked on. */
  readonly resources: number;
  /** Seconds from the run's begin until the first of them was begun, and until the last of them was done. */
  readonly from: number;
  readonly to: number;
  /** Seconds in which at least one of them was worked on. */
  readonly busy: number;
  /** Seconds in which it was the earliest phase that was worked on: what everything else waited for. */
  readonly share: number;
}

interface Interval {
  readonly phase: number;
  readonly from: number;
  readonly to: number;
}

/** Titles of what belongs to no rule. */
export const OTHER = "other resources";
export const ENGINE = "engine and program alone";

/** Reads the engine's events as they come, with the seconds at which each was seen. */
export class PhaseClock {
  private readonly begun = new Map<string, { phase: number; at: number }>();
  private readonly intervals: Interval[] = [];

  constructor(private readonly rules: readonly PhaseRule[]) {}

  /** @param at seconds since the run began */
  take(event: EngineEvent, at: number): void {
    const pre = event.resourcePreEvent?.metadata;
    if (pre && pre.op !== "same" && pre.op !== "replace" && (pre.new ?? pre.old)?.custom) {
      const resource = parseUrn(pre.urn);
      if (resource.type.startsWith("pulumi:providers:")) return;
      const rule = this.rules.findIndex(({ holds }) => holds(resource));
      this.begun.set(pre.urn, { phase: rule < 0 ? this.rules.length : rule, at });
    }
    const end = (event.resOutputsEvent ?? event.resOpFailedEvent)?.metadata;
    const open = end && this.begun.get(end.urn);
    if (!open) return;
    this.begun.delete(end.urn);
    this.intervals.push({ phase: open.phase, from: open.at, to: at });
  }

  /**
   * The phases that had something to do, in the order of the rules, and last the time in which no resource was worked
   * on: the engine's start and end, and the program.
   * @param total seconds of the whole run
   */
  shares(total: number): PhaseShare[] {
    const titles = [...this.rules.map(({ title }) => title), OTHER];
    const shares = shareOut(this.intervals, titles.length);
    const phases = titles.flatMap((title, phase) => {
      const own = this.intervals.filter((interval) => interval.phase === phase);
      if (own.length === 0) return [];
      return [
        {
          title,
          resources: own.length,
          from: Math.min(...own.map(({ from }) => from)),
          to: Math.max(...own.map(({ to }) => to)),
          busy: union(own),
          share: shares[phase] as number,
        },
      ];
    });
    const alone = total - phases.reduce((sum, { share }) => sum + share, 0);
    return [...phases, { title: ENGINE, resources: 0, from: 0, to: total, busy: alone, share: alone }];
  }
}

/** Gives each instant to the earliest phase that is worked on in it. */
function shareOut(intervals: readonly Interval[], phases: number): number[] {
  const shares = new Array<number>(phases).fill(0);
  const moments = [...new Set(intervals.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  for (const [index, from] of moments.slice(0, -1).entries()) {
    const to = moments[index + 1] as number;
    const active = intervals.filter((interval) => interval.from <= from && interval.to >= to);
    if (active.length === 0) continue;
    const phase = Math.min(...active.map((interval) => interval.phase));
    shares[phase] = (shares[phase] as number) + to - from;
  }
  return shares;
}

/** Seconds that are in at least one of the intervals. */
function union(intervals: readonly Interval[]): number {
  let covered = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    covered += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return covered;
}
