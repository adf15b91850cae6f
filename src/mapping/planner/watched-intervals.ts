import type { CoLocationSample } from '../../signals/co-location';
import { defaultAlpha, type ConformalBins } from '../estimator/intervals/conformal';
import { CoverageWatch } from '../estimator/intervals/coverage-watch';
import type { Intervals } from '../estimator/intervals/interval-schema';
import { CoLocationEstimator } from '../estimator/learned/co-location-estimator';
import { CoLocationFeatures } from '../estimator/learned/features';
import { uncalibrated, type EstimatorIntervals } from '../estimator/learned/learned-estimator';
import type { NetworkRuns } from '../estimator/learned/network-runs';
import { PreparedCoLocation } from '../estimator/learned/prepared-co-location';
import type { Coverage } from './protocol';

/**
 * The intervals of an estimator, held to what its plans turn out to do: latencies by predicted slowdown, power from above. Where too
 * few lie within, because the workload has drifted or the device has changed, they are made anew of the recent ones.
 */
export class WatchedIntervals {
  private readonly estimator: CoLocationEstimator;
  private readonly given: EstimatorIntervals;
  private readonly latency: CoverageWatch;
  /** Null where the device's own law of power is believed: then nothing relies on what the network says of power. */
  private readonly power: CoverageWatch | null;
  private latencyRefreshed = false;
  private powerRefreshed = false;

  constructor(network: NetworkRuns, given: EstimatorIntervals) {
    this.estimator = new CoLocationEstimator(network);
    this.given = given;
    this.latency = new CoverageWatch(given.latency ?? evenBins(uncalibrated.latency));
    this.power = given.lnPowerMargin === null ? null : new CoverageWatch(evenBins(Math.max(0, given.lnPowerMargin)));
  }

  get intervals(): Intervals {
    return {
      ...this.given,
      latency: this.latencyRefreshed ? this.latency.bins : this.given.latency,
      lnPowerMargin: this.powerRefreshed ? (this.power?.bins.halfWidths[0] ?? null) : this.given.lnPowerMargin,
    };
  }

  /**
   * @param powerCounts the power of the sample is known in the same way as when the bound was calibrated
   * @returns null where the estimator cannot judge what was measured
   */
  async observe(
    sample: CoLocationSample,
    powerCounts: boolean,
  ): Promise<{ coverage: Coverage; refreshed: boolean } | null> {
    const features = new CoLocationFeatures(new PreparedCoLocation(sample));
    const { latencyS, lnSlowdown, powerW } = await this.estimator.predict(features, [sample.mapping]);
    let refreshed = false;
    for (const [network, measuredS] of sample.latencyS.entries()) {
      const lnError = Math.log(measuredS / (latencyS[network] ?? Number.NaN));
      if (!Number.isFinite(lnError)) return null;
      if (this.latency.observe({ lnError, lnSlowdown: lnSlowdown[network] ?? 0 }) !== null) refreshed = true;
    }
    this.latencyRefreshed ||= refreshed;
    if (powerCounts && this.observePower(sample.powerW / (powerW[0] ?? Number.NaN))) refreshed = true;
    return { coverage: this.coverage(), refreshed };
  }

  /** @returns whether the bound was made anew */
  private observePower(ratio: number): boolean {
    if (this.power === null || !Number.isFinite(Math.log(ratio))) return false;
    // Less than predicted breaks no cap.
    const refreshed = this.power.observe({ lnError: Math.max(0, Math.log(ratio)), lnSlowdown: 0 }) !== null;
    this.powerRefreshed ||= refreshed;
    return refreshed;
  }

  /** Of the latencies, unless only the power does not hold. */
  private coverage(): Coverage {
    const latency = this.latency.status();
    const power = this.power?.status();
    return { ...(latency.holds && power?.holds === false ? power : latency) };
  }
}

/** The same for every slowdown. */
const evenBins = (halfWidth: number): ConformalBins => ({
  alpha: defaultAlpha,
  cuts: [],
  halfWidths: [halfWidth],
  counts: [0],
});
