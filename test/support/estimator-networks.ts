import {
  initialWeights,
  type EstimatorNetwork,
  type NetworkShape,
} from '../../src/mapping/estimator/learned/network-shape';
import { featureCount } from '../../src/mapping/estimator/learned/features';
import { scalingOf } from '../../src/mapping/estimator/learned/scaling';
import type { TrainingSet } from '../../src/mapping/estimator/learned/training-set';
import { Random } from '../../src/simulation/random';

export const tinyShape: NetworkShape = { features: featureCount, width: 8, layers: 2, heads: 2, feedForward: 12 };

/** A network that has not learned anything, scaled for a set. */
export function untrained(set: TrainingSet, shape: NetworkShape = tinyShape, seed = 1): EstimatorNetwork {
  const random = new Random(seed);
  return { shape, scaling: scalingOf(set), weights: initialWeights(shape, () => random.uniform()) };
}
