import { EcomapError, isEcomapError } from '../../signals/errors';
import { conformalBins, powerMargin, upperBins } from '../estimator/intervals/conformal';
import type { EstimatorIntervals } from '../estimator/learned/learned-estimator';
import type { LnRatios } from '../estimator/learned/network-runs';
import type { EstimatorNetwork } from '../estimator/learned/network-shape';
import { residualsOf } from '../estimator/learned/residuals';
import { splitByWorkload, type TrainingSet } from '../estimator/learned/training-set';
import type { Trainer, TrainingSettings } from './trainer';

/** What calibration asks of a trainer that begins with the estimator in force. */
export type FineTuner = Pick<Trainer, 'train' | 'predict' | 'lossOf'>;

export interface CalibrationErrors {
  /** Mean absolute errors on held-out workloads, %. */
  readonly latencyMapePct: number;
  readonly powerMapePct: number;
}

export interface CalibrationResult {
  /** The estimator to use from now on: the one before, where fine-tuning did not lower the held-out error. */
  readonly network: EstimatorNetwork;
  readonly kept: boolean;
  /** Why not, in a sentence; null when it was kept. */
  readonly reason: string | null;
  readonly samples: number;
  readonly workloads: number;
  /** Epochs that did best on held-out workloads; 0: none. */
  readonly epochs: number;
  readonly before: CalibrationErrors;
  readonly after: CalibrationErrors;
  /** Of the latency that networks alone would have, on the same workloads, %. */
  readonly additiveMapePct: number;
  readonly intervals: EstimatorIntervals;
  /** Held-out latencies, s: what was measured, and what was predicted of it before and after. For a plot. */
  readonly points: readonly { readonly measuredS: number; readonly beforeS: number; readonly predictedS: number }[];
}

export interface CalibrationProgress {
  /** Epochs done and to do, over all folds and the last training. */
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number;
}

/** What one fold found: enough not to do it again after a restart. */
export interface FoldOutcome {
  /** Index 0: before any training; then after each epoch. */
  readonly losses: readonly number[];
  readonly predictions: readonly LnRatios[];
}

export interface CalibrationOptions {
  readonly network: EstimatorNetwork;
  readonly tuner: FineTuner;
  readonly samples: TrainingSet;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CalibrationProgress) => void;
  /** Folds that an interrupted calibration had finished. */
  readonly finished?: readonly FoldOutcome[];
  readonly onFold?: (finished: readonly FoldOutcome[]) => Promise<void> | void;
}

const folds = 4;
/** Less than this share is chance. */
const leastGain = 0.01;
/** Whatever power gains, latency may not become worse than by this share, which is chance, too. */
const mostLatencyLoss = 0.02;
/** Epochs of the two schedules. The second is for devices far from those that the estimator was pretrained on. */
const schedules = { short: 20, long: 60 } as const;
/** The short schedule ended too early where its best epochs are the last ones and gained this share. */
const stillFalling = { fromEpoch: 18, gain: 0.1 } as const;

/**
 * Settings for so many samples: the rate falls with fewer samples. More than about twenty epochs made it worse on simulated devices
 * of the make that it was pretrained on; on real cores three times as many took a third off the error that was left.
 */
export function fineTuning(samples: number, seed: number, epochs: number = schedules.short): TrainingSettings {
  return {
    epochs,
    learningRate: Math.min(1e-3, Math.max(2e-4, 5e-4 * (samples / 200) ** 0.4)),
    batch: 32,
    seed,
    leastSteps: 0,
    warmUpSteps: 10,
    patience: null,
  };
}

/**
 * Fine-tunes the estimator on measured co-locations. Workloads are dealt to four folds; each is predicted by a network that learned
 * from the other three, so that every measurement serves as held-out once: for how many epochs to train, for the decision to keep
 * the result, and for the intervals. The network that is kept learns from all of them for that many epochs. Where the error still fell
 * at the end of the short schedule, a longer one is tried, too, and the better of the two is taken.
 * @throws EcomapError INVALID_CONFIG with fewer than four workloads; the abort's reason when cancelled
 */
export async function calibrate(options: CalibrationOptions): Promise<CalibrationResult> {
  const { network, tuner, samples, seed, signal } = options;
  const workloads = [...new Set(samples.workload)];
  if (workloads.length < folds) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `Calibration needs measurements of at least ${folds} different workloads, not ${workloads.length}: measure more.`,
    );
  }
  const foldOf = new Map(workloads.map((workload, index) => [workload, index % folds]));
  const beganMs = performance.now();
  let done = 0;
  let trained = 0;
  let total = (folds + 1) * schedules.short;
  const tick = (): void => {
    done += 1;
    trained += 1;
    const secondsEach = (performance.now() - beganMs) / 1000 / trained;
    options.onProgress?.({ done, total, secondsLeft: secondsEach * (total - done) });
  };

  const outcomes = [...(options.finished ?? [])];
  const splits = Array.from({ length: folds }, (_, fold) =>
    splitByWorkload(samples, (workload) => foldOf.get(workload) === fold),
  );
  /** All folds with one schedule; those that were finished before are taken as they are. */
  const crossValidate = async (schedule: number, epochs: number): Promise<readonly FoldOutcome[]> => {
    const first = schedule * folds;
    done += Math.min(folds, Math.max(0, outcomes.length - first)) * epochs;
    for (const { kept, heldOut } of splits.slice(Math.max(0, outcomes.length - first))) {
      const before = await tuner.predict(heldOut);
      const losses = [tuner.lossOf(heldOut, before)];
      const predictions = [before];
      await tuner.train({
        train: kept,
        heldOut,
        settings: fineTuning(samples.count, seed, epochs),
        ...(signal && { signal }),
        onEpoch: (report) => {
          if (report.heldOut === null || report.heldOutLoss === null) return;
          losses.push(report.heldOutLoss);
          predictions.push(report.heldOut);
          tick();
        },
      });
      outcomes.push({ losses, predictions });
      await options.onFold?.(outcomes);
    }
    return outcomes.slice(first, first + folds);
  };
  try {
    let schedule: number = schedules.short;
    let chosen = await crossValidate(0, schedule);
    let best = bestEpoch(splits, chosen, schedule);
    if (best.epoch >= stillFalling.fromEpoch && best.loss < (1 - stillFalling.gain) * best.lossBefore) {
      total += folds * schedules.long + schedules.long - schedules.short;
      const longer = await crossValidate(1, schedules.long);
      const other = bestEpoch(splits, longer, schedules.long);
      if (other.loss < (1 - leastGain) * best.loss) [schedule, chosen, best] = [schedules.long, longer, other];
    }
    const epochs = best.epoch;
    if (epochs === 0) return resultOf(options, splits, chosen, 0, null, notBetter);
    total = done + epochs;
    const tuned = await tuner.train({
      train: samples,
      heldOut: null,
      settings: fineTuning(samples.count, seed, schedule),
      stopAfterEpoch: epochs,
      ...(signal && { signal }),
      onEpoch: tick,
    });
    return resultOf(options, splits, chosen, epochs, tuned, null);
  } catch (error) {
    // A training that diverged leaves the estimator as it was; its intervals can still be had.
    if (!isEcomapError(error) || error.code !== 'INTERNAL_ERROR') throw error;
    const untouched: FoldOutcome[] = [];
    for (const { heldOut } of splits) untouched.push({ losses: [], predictions: [await tuner.predict(heldOut)] });
    return resultOf({ ...options, network }, splits, untouched, 0, null, error.message);
  }
}

const notBetter = 'Fine-tuning did not lower the error on held-out workloads: the estimator stays as it was.';

type Split = ReturnType<typeof splitByWorkload>;

/**
 * The epoch with the lowest loss over all held-out samples, of those that do not make the error of latencies worse; 0 where none
 * gains enough. (The loss is of logarithms and counts power, too: it can fall where what users look at rises.)
 */
function bestEpoch(
  splits: readonly Split[],
  outcomes: readonly FoldOutcome[],
  epochs: number,
): { epoch: number; loss: number; lossBefore: number } {
  const lossAt = (epoch: number): number =>
    splits.reduce((sum, { heldOut }, fold) => sum + heldOut.count * (outcomes[fold]?.losses[epoch] ?? Number.NaN), 0);
  const latencyAt = (epoch: number): number =>
    errorsOf(splits.map(({ heldOut }, fold) => residualsOf(heldOut, outcomes[fold]?.predictions[epoch] ?? nothing)))
      .latencyMapePct;
  const most = (1 + mostLatencyLoss) * latencyAt(0);
  const lossBefore = lossAt(0);
  let [best, loss] = [0, lossBefore];
  for (let epoch = 1; epoch <= epochs; epoch += 1) {
    if (lossAt(epoch) < loss && latencyAt(epoch) <= most) [best, loss] = [epoch, lossAt(epoch)];
  }
  return loss < (1 - leastGain) * lossBefore
    ? { epoch: best, loss, lossBefore }
    : { epoch: 0, loss: lossBefore, lossBefore };
}

function resultOf(
  { network, samples }: CalibrationOptions,
  splits: readonly Split[],
  outcomes: readonly FoldOutcome[],
  epochs: number,
  tuned: EstimatorNetwork | null,
  reason: string | null,
): CalibrationResult {
  const residuals = (epoch: number) =>
    splits.map(({ heldOut }, fold) => residualsOf(heldOut, outcomes[fold]?.predictions[epoch] ?? nothing));
  const [before, after] = [residuals(0), residuals(epochs)];
  const latency = after.flatMap((fold) => fold.latency);
  const tail = after.flatMap((fold) => fold.tail);
  const lnPower = after.flatMap((fold) => fold.lnPower);
  return {
    network: tuned ?? network,
    kept: tuned !== null,
    reason,
    samples: samples.count,
    workloads: new Set(samples.workload).size,
    epochs,
    before: errorsOf(before),
    after: errorsOf(after),
    intervals: { latency: conformalBins(latency), lnPowerMargin: powerMargin(lnPower), tail: upperBins(tail) },
    additiveMapePct: additiveMapeOf(samples),
    points: splits.flatMap(({ heldOut }, fold) => {
      const predictions = outcomes[fold]?.predictions;
      return pointsOf(heldOut, predictions?.[0] ?? nothing, predictions?.[epochs] ?? nothing);
    }),
  };
}

const nothing: LnRatios = { latency: new Float32Array(0), power: new Float32Array(0) };

function errorsOf(residuals: readonly ReturnType<typeof residualsOf>[]): CalibrationErrors {
  const mape = (lnErrors: readonly number[]): number =>
    (100 * lnErrors.reduce((sum, lnError) => sum + Math.abs(Math.expm1(-lnError)), 0)) / lnErrors.length;
  return {
    latencyMapePct: mape(residuals.flatMap(({ latency }) => latency.map(({ lnError }) => lnError))),
    powerMapePct: mape(residuals.flatMap(({ lnPower }) => lnPower)),
  };
}

function pointsOf(set: TrainingSet, before: LnRatios, after: LnRatios): CalibrationResult['points'][number][] {
  return Array.from(set.mask).flatMap((present, cell) => {
    const shared = set.sharedS[cell] ?? 0;
    if (present !== 1) return [];
    return {
      measuredS: shared * Math.exp(set.lnLatencyRatio[cell] ?? 0),
      beforeS: shared * Math.exp(before.latency[cell] ?? 0),
      predictedS: shared * Math.exp(after.latency[cell] ?? 0),
    };
  });
}

/** Nobody disturbs anybody: its ratio to V is A/V. */
function additiveMapeOf(set: TrainingSet): number {
  let sum = 0;
  let networks = 0;
  set.mask.forEach((present, cell) => {
    if (present !== 1) return;
    networks += 1;
    sum += Math.abs(Math.expm1(-(set.lnSharedOverAlone[cell] ?? 0) - (set.lnLatencyRatio[cell] ?? 0)));
  });
  return (100 * sum) / networks;
}
