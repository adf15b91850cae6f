import { setImmediate } from 'node:timers/promises';
import type { BatchEstimator, Candidate, LatencyPowerEstimator } from './estimator';

/** Computing longer than this in one go would be felt by whoever shares the thread, ms. */
const longestMs = 4;
/** Candidates computed before the clock is looked at. */
const slice = 64;

/** An estimator that computes at once, as one that is waited for. It lets others on its thread have their turn now and then. */
export function inBatches(estimator: LatencyPowerEstimator): BatchEstimator {
  let turnBeganMs = performance.now();
  return {
    name: estimator.name,
    async estimate(candidates, context) {
      const predictions = [];
      for (let first = 0; first < candidates.length; first += slice) {
        const some: readonly Candidate[] = candidates.slice(first, first + slice);
        predictions.push(...estimator.estimate(some, context));
        if (performance.now() - turnBeganMs < longestMs) continue;
        await setImmediate();
        turnBeganMs = performance.now();
      }
      return predictions;
    },
  };
}
