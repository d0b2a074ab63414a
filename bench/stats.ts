/** Figures from several runs. Pure. */

/** The middle of the values; of an even number of them the mean of the two middle ones. Undefined of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) return undefined;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** One figure of several runs. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

/** Sums up the values that are there; undefined where none is. */
export function figure(values: readonly (number | undefined)[]): Figure | undefined {
  const present = values.filter((value) => value !== undefined);
  const middle = median(present);
  if (middle === undefined) return undefined;
  return { median: middle, least: Math.min(...present), most: Math.max(...present), runs: present.length };
}

/** How a quantity grows with a count: the price of one more, between each count and the next. */
export interface Growth {
  /** Price of one more in each step, in the order of the counts. */
  readonly steps: readonly number[];
  /** Whether no step is dearer than the one before by more than `tolerance`. */
  readonly linear: boolean;
}

/**
 * The growth of a quantity over counts that rise.
 * @param tolerance a later step may cost this many times the earlier one. Default 1.5: timings and heaps are not exact.
 */
export function growth(
  points: readonly { readonly count: number; readonly value: number }[],
  tolerance = 1.5,
): Growth {
  const steps = points.slice(1).map((point, index) => {
    const before = points[index] as { count: number; value: number };
    return (point.value - before.value) / (point.count - before.count);
  });
  const linear = steps.every(
    (step, index) => index === 0 || step <= (steps[index - 1] as number) * tolerance,
  );
  return { steps, linear };
}
