import type { CoLocationSample } from '../../../signals/co-location';
import { CoLocationFeatures, featureCount } from './features';
import { PreparedCoLocation } from './prepared-co-location';

/**
 * Samples as the trainer reads them: tokens, and the logarithms of measured over analytic. Rows of `slots` tokens; those
 * beyond the networks of a sample are masked out.
 */
export interface TrainingSet {
  readonly count: number;
  readonly slots: number;
  /** [count, slots, featureCount] */
  readonly features: Float32Array;
  /** [count, slots]: 1 for a network, 0 for padding. */
  readonly mask: Float32Array;
  /** [count, slots]: ln(latency / V). */
  readonly lnLatencyRatio: Float32Array;
  /** [count, slots]: ln(95th percentile of the latency / its mean); NaN where it was not measured. */
  readonly lnTailOverMean: Float32Array;
  /** [count]: ln(power / power by V). */
  readonly lnPowerRatio: Float32Array;
  /** [count, slots]: ln(V / A), which makes a ratio to V a slowdown. */
  readonly lnSharedOverAlone: Float32Array;
  /** [count, slots]: V, s. */
  readonly sharedS: Float32Array;
  /** [count]: W by V. */
  readonly sharedPowerW: Float32Array;
  /** [count]: ln of power by A over power by V. */
  readonly lnAdditivePower: Float32Array;
  /** [count] */
  readonly workload: Int32Array;
}

const perNetwork = ['mask', 'lnLatencyRatio', 'lnTailOverMean', 'lnSharedOverAlone', 'sharedS'] as const;
const perSample = ['lnPowerRatio', 'sharedPowerW', 'lnAdditivePower', 'workload'] as const;

/**
 * @param slots tokens per sample: at least as many as the largest set of networks
 * Samples with unknown costs or measurements that are not positive numbers are left out.
 */
export function trainingSetOf(samples: readonly CoLocationSample[], slots: number): TrainingSet {
  const all = empty(samples.length, slots);
  let count = 0;
  for (const sample of samples) {
    const networks = sample.networks.length;
    if (networks > slots) throw new RangeError(`a sample has ${networks} networks, more than ${slots} slots`);
    const measured = [...sample.latencyS, sample.powerW];
    if (measured.some((value) => !(value > 0 && Number.isFinite(value)))) continue;
    const prepared = new PreparedCoLocation(sample);
    const features = new CoLocationFeatures(prepared);
    if (!features.write(sample.mapping, all.features, count * slots * featureCount)) continue;
    const { bases } = features;
    for (let network = 0; network < networks; network += 1) {
      const cell = count * slots + network;
      const shared = bases.sharedS[network] ?? 0;
      all.mask[cell] = 1;
      all.sharedS[cell] = shared;
      all.lnLatencyRatio[cell] = Math.log((sample.latencyS[network] ?? 0) / shared);
      all.lnTailOverMean[cell] = Math.log((sample.tailS?.[network] ?? Number.NaN) / (sample.latencyS[network] ?? 0));
      all.lnSharedOverAlone[cell] = Math.log(shared / (prepared.mapped.aloneS[network] ?? 0));
    }
    all.lnPowerRatio[count] = Math.log(sample.powerW / bases.sharedPowerW);
    all.sharedPowerW[count] = bases.sharedPowerW;
    all.lnAdditivePower[count] = Math.log(bases.additivePowerW / bases.sharedPowerW);
    all.workload[count] = sample.workload;
    count += 1;
  }
  return count === samples.length ? all : firstOf(all, count);
}

function empty(count: number, slots: number): TrainingSet {
  const cells = (): Float32Array => new Float32Array(count * slots);
  return {
    count,
    slots,
    features: new Float32Array(count * slots * featureCount),
    mask: cells(),
    lnLatencyRatio: cells(),
    lnTailOverMean: cells(),
    lnPowerRatio: new Float32Array(count),
    lnSharedOverAlone: cells(),
    sharedS: cells(),
    sharedPowerW: new Float32Array(count),
    lnAdditivePower: new Float32Array(count),
    workload: new Int32Array(count),
  };
}

/** Some of the samples, by index. */
export function pick(set: TrainingSet, indices: readonly number[]): TrainingSet {
  const { slots } = set;
  const chosen = empty(indices.length, slots);
  const copy = (key: (typeof perNetwork)[number] | 'features', from: number, to: number, width: number): void =>
    chosen[key].set(set[key].subarray(from * width, (from + 1) * width), to * width);
  indices.forEach((from, to) => {
    copy('features', from, to, slots * featureCount);
    for (const key of perNetwork) copy(key, from, to, slots);
    for (const key of perSample) chosen[key][to] = set[key][from] ?? 0;
  });
  return chosen;
}

const firstOf = (set: TrainingSet, count: number): TrainingSet =>
  pick(
    set,
    Array.from({ length: count }, (_, index) => index),
  );

/** The samples of some workloads, and the others; a workload is never on both sides, for its samples are alike. */
export function splitByWorkload(
  set: TrainingSet,
  isHeldOut: (workload: number) => boolean,
): { readonly kept: TrainingSet; readonly heldOut: TrainingSet } {
  const kept: number[] = [];
  const heldOut: number[] = [];
  set.workload.forEach((workload, index) => (isHeldOut(workload) ? heldOut : kept).push(index));
  return { kept: pick(set, kept), heldOut: pick(set, heldOut) };
}

/** Several sets of the same number of slots as one. */
export function joinSets(sets: readonly TrainingSet[]): TrainingSet {
  const joined = empty(
    sets.reduce((sum, { count }) => sum + count, 0),
    sets[0]?.slots ?? 0,
  );
  let row = 0;
  for (const set of sets) {
    if (set.slots !== joined.slots) throw new RangeError('sets with different numbers of slots cannot be joined');
    joined.features.set(set.features, row * set.slots * featureCount);
    for (const key of perNetwork) joined[key].set(set[key], row * set.slots);
    for (const key of perSample) joined[key].set(set[key], row);
    row += set.count;
  }
  return joined;
}
