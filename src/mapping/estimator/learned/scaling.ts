import { featureCount } from './features';
import type { Scaling } from './network-shape';
import type { TrainingSet } from './training-set';

/** Keeps constant features from being blown up. */
const leastScale = 1e-3;

/** Mean and standard deviation of features and targets over the networks (not the padding) of a set. */
export function scalingOf(set: TrainingSet): Scaling {
  const mean = new Float64Array(featureCount);
  const square = new Float64Array(featureCount);
  const latency = new Moments();
  let tokens = 0;
  for (let cell = 0; cell < set.mask.length; cell += 1) {
    if (set.mask[cell] !== 1) continue;
    tokens += 1;
    latency.add(set.lnLatencyRatio[cell] ?? 0);
    for (let feature = 0; feature < featureCount; feature += 1) {
      const value = set.features[cell * featureCount + feature] ?? 0;
      mean[feature] = (mean[feature] ?? 0) + value;
      square[feature] = (square[feature] ?? 0) + value * value;
    }
  }
  const power = new Moments();
  for (const value of set.lnPowerRatio) power.add(value);
  return {
    featureMean: Float32Array.from(mean, (sum) => sum / tokens),
    featureScale: Float32Array.from(square, (sum, feature) => {
      const average = (mean[feature] ?? 0) / tokens;
      return Math.sqrt(Math.max(0, sum / tokens - average * average)) + leastScale;
    }),
    latency: latency.scaling(),
    power: power.scaling(),
  };
}

class Moments {
  private count = 0;
  private sum = 0;
  private squares = 0;

  add(value: number): void {
    this.count += 1;
    this.sum += value;
    this.squares += value * value;
  }

  scaling(): { readonly mean: number; readonly scale: number } {
    const mean = this.sum / this.count;
    return { mean, scale: Math.sqrt(Math.max(0, this.squares / this.count - mean * mean)) + leastScale };
  }
}
