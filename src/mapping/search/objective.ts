import { loadLimit } from '../estimator/analytic';
import type { Candidate, Prediction } from '../estimator/estimator';

/** What one tenant demands of a plan. */
export interface Demand {
  readonly latencyLimitMs: number;
  /** 1 is the highest. */
  readonly priority: number;
  /** A tenant that asks nothing cannot be served badly; an overloaded component is then not its problem. */
  readonly ratePerS: number;
}

/** The limits that a mapping must keep. */
export interface Limits {
  readonly capW: number | null;
  readonly demands: readonly Demand[];
}

/** How good a mapping is; compare with {@link compareCosts}. */
export interface Cost {
  /** Tenants whose latency cannot be told because something was never measured: nothing is promised to them. */
  readonly unknown: number;
  /**
   * How much is broken, as sums of value/limit - 1: the cap first, then the tenants' limits by priority, highest first.
   * All zero when everything holds.
   */
  readonly broken: readonly number[];
  readonly powerW: number;
  /** Powers in one bucket count as the same. */
  readonly powerBucket: number;
  /** Mean over the tenants of expected latency / limit. */
  readonly latencyRatio: number;
  /**
   * All of it in one number, for a search that goes through worse mappings: about the order of {@link compareCosts}, in logarithms, a
   * tenth more power weighing 0.1.
   */
  readonly energy: number;
}

export interface Evaluated {
  readonly candidate: Candidate;
  readonly prediction: Prediction;
  readonly cost: Cost;
}

/** The priorities in use, highest (1) first. */
export function priorityLevels(demands: readonly Demand[]): number[] {
  return [...new Set(demands.map((demand) => demand.priority))].sort((a, b) => a - b);
}

/** Rates one predicted mapping. `levels` comes from {@link priorityLevels}. */
export function costOf(candidate: Candidate, prediction: Prediction, limits: Limits, levels: readonly number[]): Cost {
  const broken = new Array<number>(levels.length + 1).fill(0);
  if (limits.capW !== null) add(broken, 0, prediction.powerW.upper / limits.capW - 1);
  let ratios = 0;
  let unknown = 0;
  for (let item = 0; item < limits.demands.length; item += 1) {
    const demand = limits.demands[item];
    if (demand === undefined) continue;
    const level = levels.indexOf(demand.priority) + 1;
    const latency = prediction.latencyMs[item] ?? null;
    if (latency === null) unknown += 1;
    else {
      add(broken, level, latency.upper / demand.latencyLimitMs - 1);
      ratios += latency.expected / demand.latencyLimitMs;
    }
    const stages = candidate[item];
    if (demand.ratePerS <= 0 || stages === undefined) continue;
    for (const at of stages) add(broken, level, (prediction.load[at] ?? 0) / loadLimit - 1);
  }
  const powerW = prediction.powerW.expected;
  const latencyRatio = ratios / Math.max(1, limits.demands.length);
  const energy =
    weights.unknown * unknown +
    broken.reduce((sum, excess, level) => sum + excess * weights.broken * weights.lowerLevel ** level, 0) +
    Math.log(Math.max(powerW, 1e-6)) +
    weights.latency * Math.log(Math.max(latencyRatio, 1e-6));
  return { unknown, broken, powerW, powerBucket: bucketOf(powerW), latencyRatio, energy };
}

const weights = { unknown: 100, broken: 20, lowerLevel: 0.5, latency: 0.2 } as const;

function add(broken: number[], level: number, excess: number): void {
  if (excess > 0) broken[level] = (broken[level] ?? 0) + excess;
}

/** Powers that differ by less than this are the same: then the latency decides. A bucket keeps the order transitive. */
const bucketOf = (powerW: number): number => Math.round(Math.log(Math.max(powerW, 1e-6)) / bucketWidth);
const bucketWidth = Math.log(1.005);

/** Differences below this are rounding. */
const negligible = 1e-9;

/** Negative when `a` is better: less unknown, less broken in order of priority, then less power, then less latency. */
export function compareCosts(a: Cost, b: Cost): number {
  if (a.unknown !== b.unknown) return a.unknown - b.unknown;
  for (let level = 0; level < a.broken.length; level += 1) {
    const difference = inSteps(a.broken[level] ?? 0) - inSteps(b.broken[level] ?? 0);
    if (difference !== 0) return difference;
  }
  const power = a.powerBucket - b.powerBucket;
  return power !== 0 ? power : inSteps(a.latencyRatio) - inSteps(b.latencyRatio);
}

/** Steps instead of a tolerance: being the same within a tolerance is not transitive, and the best would depend on the order. */
const inSteps = (value: number): number => Math.round(value / negligible);

/** A remap must promise at least this much less power or breakage ... */
const leastGain = 0.05;
/** ... or this much less latency, which follows the noise of the arrival rates more. */
const leastLatencyGain = 0.1;

/** Whether `better` is so much better than the mapping in force that moving tenants is worth it. */
export function isWorthMoving(inForce: Cost, better: Cost): boolean {
  if (inForce.unknown !== better.unknown) return better.unknown < inForce.unknown;
  for (let level = 0; level < inForce.broken.length; level += 1) {
    const before = inForce.broken[level] ?? 0;
    const after = better.broken[level] ?? 0;
    if (before <= negligible && after <= negligible) continue;
    if (after < before) return after <= negligible || after < before * (1 - leastGain);
    if (after > before + negligible) return false;
  }
  if (better.powerW < inForce.powerW * (1 - leastGain)) return true;
  return (
    better.powerBucket <= inForce.powerBucket && better.latencyRatio < inForce.latencyRatio * (1 - leastLatencyGain)
  );
}
