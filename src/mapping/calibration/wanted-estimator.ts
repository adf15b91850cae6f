import type { WantedEstimator } from '../planner/protocol';
import type { Calibrated } from './calibrated-store';

/** What a device has learned, as the planner takes it: where the shipped estimator stays, its intervals are those of this device. */
export function wantedEstimatorOf({
  estimator,
  intervals,
}: Pick<Calibrated, 'estimator' | 'intervals'>): WantedEstimator {
  return estimator === null
    ? { kind: 'shipped', intervals: { ...intervals } }
    : { kind: 'calibrated', source: { model: { bytes: estimator }, intervals: { ...intervals } } };
}
