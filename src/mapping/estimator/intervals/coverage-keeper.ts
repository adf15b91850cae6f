import type { EstimatorIntervals } from '../learned/learned-estimator';
import { defaultAlpha } from './conformal';
import { CoverageWatch, type CoverageStatus } from './coverage-watch';

/** A prediction that has met its measurement, both in the same unit. */
export interface PredictedAndMeasured {
  readonly predicted: number;
  readonly measured: number;
}

/** Intervals that were made anew, and why. */
export interface RefreshedIntervals {
  readonly intervals: EstimatorIntervals;
  /** For the status. */
  readonly text: string;
}

const pct = (share: number): string => `${Math.round(100 * share)} %`;

/**
 * Holds the intervals of the estimator in force to what is measured while it is used: latencies by predicted slowdown, power from
 * above. Where too few measurements lie within, because the workload has drifted or the device has changed, the intervals are
 * made anew of the recent ones, the latest counting most. Without intervals of its own (nothing was calibrated) there is nothing to
 * keep, and it answers null.
 */
export class CoverageKeeper {
  private readonly latency: CoverageWatch | null;
  private readonly power: CoverageWatch | null;

  constructor({ latency, lnPowerMargin }: EstimatorIntervals) {
    this.latency = latency === null ? null : new CoverageWatch(latency);
    this.power =
      lnPowerMargin === null
        ? null
        : new CoverageWatch({ alpha: defaultAlpha, cuts: [], halfWidths: [Math.max(0, lnPowerMargin)], counts: [0] });
  }

  /** The intervals in force. */
  get intervals(): EstimatorIntervals {
    return { latency: this.latency?.bins ?? null, lnPowerMargin: this.power?.bins.halfWidths[0] ?? null };
  }

  /** @param lnSlowdown predicted, against running alone. @returns null while the intervals hold */
  observeLatency(pair: PredictedAndMeasured, lnSlowdown: number): RefreshedIntervals | null {
    return this.observe(this.latency, lnRatio(pair), lnSlowdown, 'latencies');
  }

  /** Of the whole device; only power above its upper bound matters. @returns null while the bound holds */
  observePower(pair: PredictedAndMeasured): RefreshedIntervals | null {
    const lnError = lnRatio(pair);
    return this.observe(this.power, lnError === null ? null : Math.max(0, lnError), 0, 'power readings');
  }

  /** Of latencies and of power; null where there is nothing to keep. */
  status(): { readonly latency: CoverageStatus | null; readonly power: CoverageStatus | null } {
    return { latency: this.latency?.status() ?? null, power: this.power?.status() ?? null };
  }

  private observe(
    watch: CoverageWatch | null,
    lnError: number | null,
    lnSlowdown: number,
    what: string,
  ): RefreshedIntervals | null {
    if (watch === null || lnError === null || !Number.isFinite(lnSlowdown)) return null;
    const before = watch.status();
    const bins = watch.observe({ lnError, lnSlowdown });
    if (bins === null) return null;
    const measured = before.measured + 1;
    const text =
      `Of the last ${measured} measured ${what} only about ${pct(before.coverage ?? 0)} lay within their ` +
      `${pct(1 - bins.alpha)} interval: the intervals were made anew from them. Calibrate again if this goes on.`;
    return { intervals: this.intervals, text };
  }
}

function lnRatio({ predicted, measured }: PredictedAndMeasured): number | null {
  const ratio = Math.log(measured / predicted);
  return Number.isFinite(ratio) ? ratio : null;
}
