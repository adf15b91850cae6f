import type {
  BatchEstimator,
  Candidate,
  EstimationContext,
  LatencyPowerEstimator,
  Prediction,
} from '../estimator/estimator';
import { costOf, priorityLevels, type Cost, type Limits } from './objective';

/** Which mapping of what is looked for. */
export interface SearchProblem {
  readonly context: EstimationContext;
  readonly limits: Limits;
  readonly estimator: BatchEstimator | LatencyPowerEstimator;
  /** From `interchangeableGroups`. */
  readonly groups: readonly number[];
  /** Another objective than that of the limits. */
  readonly rate?: (candidate: Candidate, prediction: Prediction) => Cost;
}

/** The objective of a problem. */
export function ratingOf({ rate, limits }: SearchProblem): (candidate: Candidate, prediction: Prediction) => Cost {
  const levels = priorityLevels(limits.demands);
  return rate ?? ((candidate, prediction) => costOf(candidate, prediction, limits, levels));
}
