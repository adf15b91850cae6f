import { AnalyticEstimator } from '../estimator/analytic';
import type { BatchEstimator, EstimationContext } from '../estimator/estimator';
import { inBatches } from '../estimator/in-batches';

export interface ChosenEstimator {
  /** Its `name` is what plans say. */
  readonly estimator: BatchEstimator;
  /** For `plan.why`, where it is not the one that was asked for. */
  readonly remarks: readonly string[];
}

/** Says which estimator answers a round. */
export interface Estimators {
  /** @param contexts all that the round looks into: their predictions are compared, so one estimator makes them all */
  choose(contexts: readonly EstimationContext[]): ChosenEstimator;
}

/** The analytic estimator for every round. */
export class AnalyticOnly implements Estimators {
  private readonly estimator = inBatches(new AnalyticEstimator());

  /** @param remarks why there is no other, if another was asked for */
  constructor(private readonly remarks: readonly string[] = []) {}

  choose(): ChosenEstimator {
    return { estimator: this.estimator, remarks: this.remarks };
  }
}
