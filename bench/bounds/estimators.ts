import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AnalyticEstimator } from '../../src/mapping/estimator/analytic';
import type { BatchEstimator } from '../../src/mapping/estimator/estimator';
import { LearnedEstimator, type EstimatorIntervals } from '../../src/mapping/estimator/learned/learned-estimator';
import { EstimatorSession } from '../../src/mapping/planner/estimator-session';
import type { WantedEstimator } from '../../src/mapping/planner/protocol';
import { packageRoot } from '../../src/models/package-root';

/** By name, and what ends them. */
export interface OpenEstimators {
  readonly estimators: Readonly<Record<string, BatchEstimator>>;
  readonly close: () => Promise<void>;
}

/** The estimators that promise bounds. @param learned what a calibration left */
export async function estimatorsWith(learned: WantedEstimator): Promise<OpenEstimators> {
  const shippedModel = await readFile(join(packageRoot(), 'models', 'estimator', 'estimator.onnx'));
  const shipped = await EstimatorSession.open(shippedModel);
  const analytic = new AnalyticEstimator();
  const own = await openLearned(learned, shippedModel);
  return {
    estimators: {
      analytic: { name: 'analytic', estimate: async (candidates, context) => analytic.estimate(candidates, context) },
      shipped: new LearnedEstimator(shipped),
      calibrated: new LearnedEstimator(own.session, own.intervals),
    },
    close: async () => {
      await shipped.close();
      await own.session.close();
    },
  };
}

async function openLearned(
  learned: WantedEstimator,
  shippedModel: Uint8Array,
): Promise<{ readonly session: EstimatorSession; readonly intervals: EstimatorIntervals | undefined }> {
  // Where training did not help, its intervals are those of the shipped network.
  if (learned.kind !== 'calibrated') {
    const intervals = learned.kind === 'shipped' ? learned.intervals : undefined;
    return { session: await EstimatorSession.open(shippedModel), intervals };
  }
  const { model, intervals } = learned.source;
  const bytes = 'bytes' in model ? model.bytes : await readFile(model.path);
  return { session: await EstimatorSession.open(bytes), intervals };
}
