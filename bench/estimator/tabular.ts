// What baselines without attention read: a network's own features, and sums over its company.
import { featureCount, featureNames } from '../../src/mapping/estimator/learned/features';
import type { LnRatios } from '../../src/mapping/estimator/learned/network-runs';
import type { TrainingSet } from '../../src/mapping/estimator/learned/training-set';

/** Rows of numbers with one target each. */
export interface Table {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  readonly targets: Float32Array;
}

export interface Regression {
  predict(table: Table): Float32Array;
}

const companyFeatures = [
  'ln A',
  'share of A on cpu',
  'share of A on gpu',
  'share of A on dla',
  'ln GB/V',
  'ln energy/V',
  'ln slowdown beside itself',
  'ln slowdown of the stressor',
].map((name) => (featureNames as readonly string[]).indexOf(name));

/** Own features, then mean and maximum over the others of what a network does to its company. */
export function networkTable(set: TrainingSet): Table {
  const columns = featureCount + 2 * companyFeatures.length;
  const cells: number[] = [];
  set.mask.forEach((present, cell) => present === 1 && cells.push(cell));
  const values = new Float32Array(cells.length * columns);
  cells.forEach((cell, index) => {
    values.set(set.features.subarray(cell * featureCount, (cell + 1) * featureCount), index * columns);
    const first = Math.floor(cell / set.slots) * set.slots;
    companyFeatures.forEach((feature, at) => {
      let sum = 0;
      let count = 0;
      let most = Number.NEGATIVE_INFINITY;
      for (let other = first; other < first + set.slots; other += 1) {
        if (other === cell || set.mask[other] !== 1) continue;
        const value = set.features[other * featureCount + feature] ?? 0;
        sum += value;
        count += 1;
        most = Math.max(most, value);
      }
      values[index * columns + featureCount + 2 * at] = count === 0 ? 0 : sum / count;
      values[index * columns + featureCount + 2 * at + 1] = count === 0 ? 0 : most;
    });
  });
  const targets = Float32Array.from(cells, (cell) => set.lnLatencyRatio[cell] ?? 0);
  return { rows: cells.length, columns, values, targets };
}

/** Mean and maximum of every feature over the networks of a sample. */
export function sampleTable(set: TrainingSet): Table {
  const columns = 2 * featureCount;
  const values = new Float32Array(set.count * columns);
  for (let row = 0; row < set.count; row += 1) {
    for (let feature = 0; feature < featureCount; feature += 1) {
      let sum = 0;
      let count = 0;
      let most = Number.NEGATIVE_INFINITY;
      for (let cell = row * set.slots; cell < (row + 1) * set.slots; cell += 1) {
        if (set.mask[cell] !== 1) continue;
        const value = set.features[cell * featureCount + feature] ?? 0;
        sum += value;
        count += 1;
        most = Math.max(most, value);
      }
      values[row * columns + 2 * feature] = sum / count;
      values[row * columns + 2 * feature + 1] = most;
    }
  }
  return { rows: set.count, columns, values, targets: set.lnPowerRatio };
}

/** Fits one regression for latency and one for power, and gives their predictions in the form of the network's. */
export function tabularPredictions(
  fit: (table: Table) => Regression,
  train: TrainingSet,
  tests: readonly TrainingSet[],
): LnRatios[] {
  const latency = fit(networkTable(train));
  const power = fit(sampleTable(train));
  return tests.map((test) => {
    const flat = latency.predict(networkTable(test));
    let next = 0;
    return {
      latency: test.mask.map((present) => (present === 1 ? (flat[next++] ?? 0) : 0)),
      power: power.predict(sampleTable(test)),
    };
  });
}
