import type { CoLocationSample } from '../../signals/co-location';
import { defaultAlpha } from '../estimator/intervals/conformal';
import { CoverageWatch } from '../estimator/intervals/coverage-watch';
import { CoLocationEstimator } from '../estimator/learned/co-location-estimator';
import { CoLocationFeatures } from '../estimator/learned/features';
import { uncalibrated, type EstimatorIntervals } from '../estimator/learned/learned-estimator';
import type { NetworkRuns } from '../estimator/learned/network-runs';
import { PreparedCoLocation } from '../estimator/learned/prepared-co-location';
import type { Coverage, Intervals } from './protocol';

/** The intervals of an estimator, held to what its plans turn out to do. */
export class WatchedIntervals {
  private readonly estimator: CoLocationEstimator;
  private readonly watch: CoverageWatch;
  private readonly lnPowerMargin: number | null;
  private readonly given: EstimatorIntervals;
  private refreshed = false;

  constructor(network: NetworkRuns, given: EstimatorIntervals) {
    this.estimator = new CoLocationEstimator(network);
    this.given = given;
    this.lnPowerMargin = given.lnPowerMargin;
    this.watch = new CoverageWatch(
      given.latency ?? { alpha: defaultAlpha, cuts: [], halfWidths: [uncalibrated.latency], counts: [0] },
    );
  }

  get intervals(): Intervals {
    return { latency: this.refreshed ? this.watch.bins : this.given.latency, lnPowerMargin: this.lnPowerMargin };
  }

  /** @returns null where the estimator cannot judge what was measured */
  async observe(sample: CoLocationSample): Promise<{ coverage: Coverage; refreshed: boolean } | null> {
    const features = new CoLocationFeatures(new PreparedCoLocation(sample));
    const { latencyS, lnSlowdown } = await this.estimator.predict(features, [sample.mapping]);
    let refreshed = false;
    for (const [network, measuredS] of sample.latencyS.entries()) {
      const lnError = Math.log(measuredS / (latencyS[network] ?? Number.NaN));
      if (!Number.isFinite(lnError)) return null;
      if (this.watch.observe({ lnError, lnSlowdown: lnSlowdown[network] ?? 0 }) !== null) refreshed = true;
    }
    this.refreshed ||= refreshed;
    return { coverage: { ...this.watch.status() }, refreshed };
  }
}
