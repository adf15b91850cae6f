import { quantile } from '../signals/statistics';
import { Random } from '../simulation/random';

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Null where nothing, or not every value, is known. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  const median = quantile(known, 0.5);
  if (median === null || known.length < values.length) return null;
  return { median, lowest: Math.min(...known), highest: Math.max(...known) };
}

/** Paired differences of one kind. */
export interface Paired {
  readonly pairs: number;
  readonly median: number;
  readonly mean: number;
  /** 95 % interval of the mean: resampled pairs (bootstrap, percentiles). */
  readonly low: number;
  readonly high: number;
  /** Two-sided sign test: how likely so uneven signs are where there is no difference. */
  readonly signP: number;
}

const resamples = 2000;

/** Null where nothing, or not every difference, is known. */
export function pairedOf(differences: readonly (number | null)[], seed: number): Paired | null {
  const spread = spreadOf(differences);
  if (spread === null) return null;
  const known = differences.filter((value) => value !== null);
  const random = new Random(seed);
  const means = Array.from({ length: resamples }, () => mean(known.map(() => random.pick(known))));
  const low = quantile(means, 0.025) ?? spread.lowest;
  const high = quantile(means, 0.975) ?? spread.highest;
  return { pairs: known.length, median: spread.median, mean: mean(known), low, high, signP: signTest(known) };
}

/** Exact, two-sided; differences of zero do not count. 1 where there is nothing else. */
export function signTest(differences: readonly number[]): number {
  const above = differences.filter((value) => value > 0).length;
  const below = differences.filter((value) => value < 0).length;
  const count = above + below;
  let share = 2 ** -count;
  let tail = 0;
  for (let hits = 0; hits <= Math.min(above, below); hits += 1) {
    tail += share;
    share *= (count - hits) / (hits + 1);
  }
  return Math.min(1, 2 * tail);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
