import { quantile } from '../../signals/statistics';
import { patternInputs } from './pattern-inputs';
import type { ProfileAnswer } from './protocol';
import type { ModelSession } from './model-session';

const warmUpRuns = 3;
const leastRuns = 9;
const mostRuns = 60;
const mostMs = 600;
/** Stable: the medians of the last two groups of this many runs lie within 5 %. */
const groupRuns = 5;
const stableWithin = 0.05;

/** NaN of no runs: no schema lets that pass for a measurement. */
const quantileMs = (times: readonly number[], share: number): number => quantile(times, share) ?? Number.NaN;

function isStable(times: readonly number[]): boolean {
  if (times.length < Math.max(leastRuns, 2 * groupRuns)) return false;
  const last = quantileMs(times.slice(-groupRuns), 0.5);
  const before = quantileMs(times.slice(-2 * groupRuns, -groupRuns), 0.5);
  return Math.abs(last - before) <= stableWithin * before;
}

/** Runs a model alone until its latency is stable, or for about 0.6 s. */
export async function profileSession(session: ModelSession, dims: readonly number[] | null): Promise<ProfileAnswer> {
  const inputs = patternInputs(session.signature, dims);
  for (let run = 0; run < warmUpRuns; run += 1) await session.run(inputs);
  const times: number[] = [];
  let cpuMs = 0;
  const started = performance.now();
  do {
    const run = await session.run(inputs);
    times.push(run.runMs);
    cpuMs += run.cpuMs;
  } while (times.length < mostRuns && !isStable(times) && (times.length < 3 || performance.now() - started < mostMs));
  return {
    sha256: session.sha256,
    p50Ms: quantileMs(times, 0.5),
    p95Ms: quantileMs(times, 0.95),
    meanMs: times.reduce((sum, runMs) => sum + runMs, 0) / times.length,
    cpuMs: cpuMs / times.length,
    loadMs: session.loadMs,
    memoryBytes: session.memoryBytes,
    runs: times.length,
  };
}
