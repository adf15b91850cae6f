import { quantile } from '../../signals/statistics';
import type { NamedTensors } from '../tensors/tensors';
import type { ModelSession } from './model-session';
import { monotonicMs } from './monotonic';
import type { ProfileAnswer, ProfileEffort, RerunAnswer } from './protocol';

const warmUpRuns = 3;
const leastRuns = 9;
/** Stable: the medians of the last two groups of runs lie within so much of each other. */
const stableWithin = 0.05;

interface Effort {
  readonly groupRuns: number;
  readonly mostRuns: number;
  readonly mostMs: number;
}
const efforts: Readonly<Record<ProfileEffort, Effort>> = {
  quick: { groupRuns: 5, mostRuns: 60, mostMs: 600 },
  // At least a hundred runs where there is time, so that there is a p99.
  thorough: { groupRuns: 50, mostRuns: 200, mostMs: 2000 },
};
/** Runs that a quantile needs so that it is not the slowest one. */
const runsForP90 = 10;
const runsForP99 = 100;

/** NaN of no runs: no schema lets that pass for a measurement. */
const quantileMs = (times: readonly number[], share: number): number => quantile(times, share) ?? Number.NaN;

function isStable(times: readonly number[], groupRuns: number): boolean {
  if (times.length < Math.max(leastRuns, 2 * groupRuns)) return false;
  const last = quantileMs(times.slice(-groupRuns), 0.5);
  const before = quantileMs(times.slice(-2 * groupRuns, -groupRuns), 0.5);
  return Math.abs(last - before) <= stableWithin * before;
}

/** Runs a model alone until its latency is stable, or for about 0.6 s (2 s where the effort is thorough). */
export async function profileSession(
  session: ModelSession,
  inputs: NamedTensors,
  effort: ProfileEffort,
): Promise<ProfileAnswer> {
  const { groupRuns, mostRuns, mostMs } = efforts[effort];
  for (let run = 0; run < warmUpRuns; run += 1) await session.run(inputs);
  const times: number[] = [];
  let cpuMs = 0;
  const started = performance.now();
  do {
    const run = await session.run(inputs);
    times.push(run.runMs);
    cpuMs += run.cpuMs;
  } while (
    times.length < mostRuns &&
    !isStable(times, groupRuns) &&
    (times.length < 3 || performance.now() - started < mostMs)
  );
  return {
    sha256: session.sha256,
    p50Ms: quantileMs(times, 0.5),
    p90Ms: times.length < runsForP90 ? null : quantileMs(times, 0.9),
    p95Ms: quantileMs(times, 0.95),
    p99Ms: times.length < runsForP99 ? null : quantileMs(times, 0.99),
    meanMs: times.reduce((sum, runMs) => sum + runMs, 0) / times.length,
    cpuMs: cpuMs / times.length,
    loadMs: session.loadMs,
    memoryBytes: session.memoryBytes,
    runs: times.length,
    stable: isStable(times, groupRuns),
  };
}

/**
 * Runs a model without a pause for so long, ms; with a copy of itself they take turns, and what counts is the time until its own
 * turn is over.
 */
export async function rerunSession(
  session: ModelSession,
  copy: ModelSession | null,
  inputs: NamedTensors,
  durationMs: number,
): Promise<RerunAnswer> {
  // Its first run allocates memory.
  if (copy !== null) await copy.run(inputs);
  const startedMs = monotonicMs();
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let endedMs = startedMs;
  do {
    const began = endedMs;
    let cpuMs = 0;
    if (copy !== null) cpuMs += (await copy.run(inputs)).cpuMs;
    cpuMs += (await session.run(inputs)).cpuMs;
    endedMs = monotonicMs();
    times.push(endedMs - began);
    cpuTimes.push(cpuMs);
  } while (endedMs - startedMs < durationMs);
  return {
    runs: times.length,
    p50Ms: quantileMs(times, 0.5),
    cpuP50Ms: quantileMs(cpuTimes, 0.5),
    startedMs,
    endedMs,
  };
}
