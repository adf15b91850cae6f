// What a search may ask: the learned estimator, and simpler ones in its place.
import type { BatchEstimator, Candidate, Prediction } from '../../src/mapping/estimator/estimator';
import { CoLocationEstimator } from '../../src/mapping/estimator/learned/co-location-estimator';
import { CoLocationFeatures, featureCount, featureNames } from '../../src/mapping/estimator/learned/features';
import type { NetworkRuns } from '../../src/mapping/estimator/learned/network-runs';
import { PreparedCoLocation } from '../../src/mapping/estimator/learned/prepared-co-location';
import type { TrainingSet } from '../../src/mapping/estimator/learned/training-set';
import { networkTable, sampleTable, type Regression, type Table } from '../estimator/tabular';
import type { Instance } from './instance';

/**
 * Predicts one instance.
 * @param network computes the ratios to mean value analysis
 * @param lnPowerMargin how far the upper power is above the expected one
 */
export function estimatorOf(network: NetworkRuns, { coLocation }: Instance, lnPowerMargin: number): BatchEstimator {
  const features = new CoLocationFeatures(new PreparedCoLocation(coLocation));
  const estimator = new CoLocationEstimator(network);
  const networks = coLocation.networks.length;
  const exactly = (value: number) => ({ expected: value, lower: value, upper: value });
  return {
    name: 'estimator',
    estimate: async (candidates: readonly Candidate[]): Promise<Prediction[]> => {
      const { latencyS, powerW } = await estimator.predict(features, candidates);
      return candidates.map((_, row) => ({
        latencyMs: coLocation.networks.map((_network, index) =>
          exactly(1000 * (latencyS[row * networks + index] ?? Infinity)),
        ),
        load: [],
        powerW: {
          ...exactly(powerW[row] ?? Infinity),
          upper: (powerW[row] ?? Infinity) * Math.exp(lnPowerMargin),
        },
      }));
    },
  };
}

/** Nobody learns anything: mean value analysis as it is. */
export const meanValueAnalysis: NetworkRuns = {
  run: (_features, _mask, batch, slots) =>
    Promise.resolve({ latency: new Float32Array(batch * slots), power: new Float32Array(batch) }),
};

/** Nobody disturbs anybody. */
export const additive: NetworkRuns = {
  run: (features, _mask, batch, slots) => {
    const of = (cell: number, name: (typeof featureNames)[number]): number =>
      features[cell * featureCount + featureNames.indexOf(name)] ?? 0;
    return Promise.resolve({
      latency: Float32Array.from({ length: batch * slots }, (_, cell) => -of(cell, 'ln V/A')),
      power: Float32Array.from(
        { length: batch },
        (_, row) => of(row * slots, 'ln power by A') - of(row * slots, 'ln power by V'),
      ),
    });
  },
};

/** Regressions of rows of numbers, fitted to a set. */
export function tabularNetwork(fit: (table: Table) => Regression, train: TrainingSet): NetworkRuns {
  const latency = fit(networkTable(train));
  const power = fit(sampleTable(train));
  return {
    run: (features, mask, batch, slots) => {
      const nothing = new Float32Array(batch * slots);
      const set: TrainingSet = {
        count: batch,
        slots,
        features,
        mask,
        lnLatencyRatio: nothing,
        lnTailOverMean: nothing,
        lnSharedOverAlone: nothing,
        sharedS: nothing,
        lnPowerRatio: new Float32Array(batch),
        sharedPowerW: new Float32Array(batch),
        lnAdditivePower: new Float32Array(batch),
        workload: new Int32Array(batch),
      };
      const rows = latency.predict(networkTable(set));
      let next = 0;
      return Promise.resolve({
        latency: mask.map((present) => (present === 1 ? (rows[next++] ?? 0) : 0)),
        power: power.predict(sampleTable(set)),
      });
    },
  };
}
