import type { LnRatios } from '../../src/mapping/estimator/learned/network-runs';
import type { TrainingSet } from '../../src/mapping/estimator/learned/training-set';

export interface Scores {
  /** Mean absolute error relative to the measured latency, over networks, %. */
  readonly latencyMapePct: number;
  readonly powerMapePct: number;
  /** Kendall's tau (b) of mean ln latency over the mappings of a workload, mean over workloads. */
  readonly tau: number;
}

export function scoresOf(set: TrainingSet, predicted: LnRatios): Scores {
  let latencySum = 0;
  let networks = 0;
  const means = new Map<number, { predicted: number[]; measured: number[] }>();
  for (let row = 0; row < set.count; row += 1) {
    let predictedLn = 0;
    let measuredLn = 0;
    let own = 0;
    for (let cell = row * set.slots; cell < (row + 1) * set.slots; cell += 1) {
      if (set.mask[cell] !== 1) continue;
      const [guess, truth] = [predicted.latency[cell] ?? 0, set.lnLatencyRatio[cell] ?? 0];
      latencySum += Math.abs(Math.expm1(guess - truth));
      const base = Math.log(set.sharedS[cell] ?? 1);
      predictedLn += base + guess;
      measuredLn += base + truth;
      own += 1;
    }
    networks += own;
    const workload = set.workload[row] ?? 0;
    const lists = means.get(workload) ?? { predicted: [], measured: [] };
    lists.predicted.push(predictedLn / own);
    lists.measured.push(measuredLn / own);
    means.set(workload, lists);
  }
  const taus = [...means.values()]
    .filter(({ predicted: list }) => list.length > 1)
    .map((lists) => kendallTau(lists.predicted, lists.measured))
    // Where one of the two orders nothing (all predicted alike), there is no agreement to speak of.
    .map((tau) => (Number.isFinite(tau) ? tau : 0));
  return {
    latencyMapePct: (100 * latencySum) / networks,
    powerMapePct: powerMape(set, predicted.power),
    tau: taus.reduce((sum, tau) => sum + tau, 0) / taus.length,
  };
}

function powerMape(set: TrainingSet, power: Float32Array): number {
  let sum = 0;
  set.lnPowerRatio.forEach((truth, row) => {
    sum += Math.abs(Math.expm1((power[row] ?? 0) - truth));
  });
  return (100 * sum) / set.count;
}

/** Agreement of two orders, from -1 to 1, ties taken into account. */
export function kendallTau(a: readonly number[], b: readonly number[]): number {
  let agreement = 0;
  let tiesA = 0;
  let tiesB = 0;
  let pairs = 0;
  for (let i = 1; i < a.length; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const signA = Math.sign((a[i] ?? 0) - (a[j] ?? 0));
      const signB = Math.sign((b[i] ?? 0) - (b[j] ?? 0));
      agreement += signA * signB;
      if (signA === 0) tiesA += 1;
      if (signB === 0) tiesB += 1;
      pairs += 1;
    }
  }
  return agreement / Math.sqrt((pairs - tiesA) * (pairs - tiesB));
}
