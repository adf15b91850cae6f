import type { Residual } from '../intervals/conformal';
import type { LnRatios } from './network-runs';
import type { TrainingSet } from './training-set';

/** What predictions are off by: of latency one per network, of power one per sample. */
export interface Residuals {
  readonly latency: readonly Residual[];
  /** The 95th percentile of a latency against the predicted mean; of those networks where it was measured. */
  readonly tail: readonly Residual[];
  readonly lnPower: readonly number[];
}

export function residualsOf(set: TrainingSet, predicted: LnRatios): Residuals {
  const latency: Residual[] = [];
  const tail: Residual[] = [];
  set.mask.forEach((present, cell) => {
    if (present !== 1) return;
    const guess = predicted.latency[cell] ?? 0;
    const lnError = (set.lnLatencyRatio[cell] ?? 0) - guess;
    const lnSlowdown = guess + (set.lnSharedOverAlone[cell] ?? 0);
    latency.push({ lnError, lnSlowdown });
    const lnTail = set.lnTailOverMean[cell] ?? Number.NaN;
    if (!Number.isNaN(lnTail)) tail.push({ lnError: lnError + lnTail, lnSlowdown });
  });
  return { latency, tail, lnPower: Array.from(set.lnPowerRatio, (truth, row) => truth - (predicted.power[row] ?? 0)) };
}
