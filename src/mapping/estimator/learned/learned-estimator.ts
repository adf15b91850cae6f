import type { Interval } from '../../../signals/quantities';
import { fullLoadW, mostBusy, type OperatingPoint } from '../../../signals/device';
import { AnalyticEstimator } from '../analytic';
import type { BatchEstimator, Candidate, EstimationContext, Prediction, Work } from '../estimator';
import { placedStages } from '../placed-stages';
import { halfWidthAt, type ConformalBins } from '../intervals/conformal';
import { CoLocationEstimator, type CoLocationPredictions } from './co-location-estimator';
import { CoLocationFeatures } from './features';
import type { NetworkRuns } from './network-runs';
import { coLocationOf, loadsOf, requestS } from './planning-co-location';
import { PreparedCoLocation } from './prepared-co-location';

/** Intervals of the predictions; see `calibrate`. */
export interface EstimatorIntervals {
  /** Null: too little was measured for any, and the wide ones of an uncalibrated estimator hold. */
  readonly latency: ConformalBins | null;
  /** Null: the power was not measured together with what ran, and the device's own power law predicts it. */
  readonly lnPowerMargin: number | null;
  /** Upper ends only, of the 95th percentile of latencies against the predicted mean; absent or null: not measured. */
  readonly tail?: ConformalBins | null | undefined;
  /** Least share of the time, where a quota limits it, that was measured; absent: 1, they hold without quotas only. */
  readonly leastBusy?: number | undefined;
}

/** ln half width of latencies where no measurement on this device stands behind it. */
export const uncalibrated = { latency: Math.log(1.5) } as const;
/** Share of requests that may wait longer than the tail bound, and the load from which on waits only grow in proportion. */
const tailShare = 0.05;
const saturation = 0.95;

/**
 * Latency and power of mappings by the learned model of co-location.
 *
 * The network predicts `X_i`, the mean time an answer takes once it is being computed, among the others, as what mean value analysis is
 * off by: `X_i = V_i exp(y_i)`.
 *
 * A tenant's requests come at random with rate r_i and also wait for each other: `W_i = rho X_i / (2 (1 - rho))` with `rho = r_i X_i`
 * (Pollaczek-Khinchine, even service). Latency is their sum; its upper bound stretches X by the conformal half width and by the profile's
 * own spread, at least to what slow answers took in calibration, and takes the tail of the wait, `W/rho ln(rho / 0.05)`.
 *
 * Networks that are calibrated with run one after the other; of requests at random more wait at once, those of other tenants, too. So the
 * queues of the analytic estimator count as well, each run stretched by `max(1, exp(y_i))`, what company costs beyond queueing, and by
 * the half width in place of a fixed factor: they give the expected latency, the load, and an upper bound where it is the larger one.
 * (Of the 95th percentiles on a simulated board under requests at random, the first bound alone covered 64 %, in 3 mixes; both together 98 %,
 * in 4 others, `npm run bench -- bounds`.)
 *
 * Where nothing was measured on this device, half as much again stands for the conformal half width, and bounds of latency and loads are
 * nowhere below those of the analytic estimator; neither are they under a quota: one that requests at random have used up makes all that
 * come after wait for the next period.
 *
 * Asynchronous, unlike the analytic estimator: the network runs in batches.
 */
export class LearnedEstimator implements BatchEstimator {
  readonly name = 'learned';
  private readonly estimator: CoLocationEstimator;
  private readonly analytic = new AnalyticEstimator();
  private readonly prepared = new WeakMap<EstimationContext, CoLocationFeatures | null>();

  constructor(
    network: NetworkRuns,
    private readonly intervals: EstimatorIntervals = { latency: null, lnPowerMargin: null },
  ) {
    this.estimator = new CoLocationEstimator(network);
  }

  /** Down to which share of the time, as a quota limits it, something was measured here. */
  get leastBusy(): number {
    return this.intervals.leastBusy ?? 1;
  }

  /** True where everything is known that it needs; else the analytic estimator has to do. */
  covers(context: EstimationContext): boolean {
    return this.featuresOf(context) !== null;
  }

  async estimate(candidates: readonly Candidate[], context: EstimationContext): Promise<Prediction[]> {
    const features = this.featuresOf(context);
    const { components, work, operatingPoint } = context;
    const count = work.length;
    const predicted = features === null ? null : await this.estimator.predict(features, candidates);
    const { latency: bins, lnPowerMargin } = this.intervals;
    const isCapped = mostBusy(operatingPoint) < 1;
    const queueing =
      bins !== null && !isCapped && lnPowerMargin !== null ? null : this.analytic.estimate(candidates, context);
    const stretched = bins === null || predicted === null ? null : this.stretched(predicted, bins, candidates, context);
    // What a network draws differs more between devices than how networks slow each other down: on a board that it never saw, the
    // network was off by as much as the power itself. The operating point's law at least is this device's.
    const byLaw = lnPowerMargin === null ? queueing : null;
    const cautious = bins === null || isCapped ? queueing : null;
    const mostW = fullLoadW(operatingPoint);
    return candidates.map((candidate, row) => {
      const expectedW = predicted?.powerW[row] ?? Number.NaN;
      const known = !Number.isNaN(expectedW);
      const own = stretched?.[row]?.load ?? loadsOf(candidate, work, components.length, operatingPoint.speed);
      return {
        latencyMs: work.map((item, index) => {
          const cell = row * count + index;
          if (predicted === null || !known) return null;
          const latencyS = predicted.latencyS[cell] ?? 0;
          const queued = stretched?.[row]?.latencyMs[index] ?? null;
          const alone = this.latencyOf(latencyS, predicted.lnSlowdown[cell] ?? 0, item, candidate[index] ?? []);
          const learned = queued === null ? alone : wider(alone, queued);
          const other = cautious?.[row]?.latencyMs[index] ?? null;
          return other === null ? learned : { ...learned, upper: Math.max(learned.upper, other.upper) };
        }),
        load: own.map((load, at) => Math.max(load, cautious?.[row]?.load[at] ?? 0)),
        powerW: known
          ? (byLaw?.[row]?.powerW ?? this.powerOf(expectedW, lnPowerMargin ?? 0, operatingPoint))
          : { expected: mostW, lower: operatingPoint.idleW, upper: mostW },
      };
    });
  }

  /** The queues of all tenants' requests, with runs as long as they are in this company. */
  private stretched(
    { lnRatio, lnSlowdown }: CoLocationPredictions,
    bins: ConformalBins,
    candidates: readonly Candidate[],
    context: EstimationContext,
  ): Prediction[] {
    const { work } = context;
    return this.analytic.estimate(candidates, context, (row, item) => {
      const cell = row * work.length + item;
      const by = Math.exp(lnRatio[cell] ?? 0) * handedOver(work[item], candidates[row]?.[item] ?? []);
      return { by: Math.max(1, by), most: Math.exp(halfWidthAt(bins, lnSlowdown[cell] ?? 0)) };
    });
  }

  /** With the waits for requests of the same tenant alone. */
  private latencyOf(computedS: number, lnSlowdown: number, item: Work, places: readonly number[]): Interval {
    const { latency: bins, tail = null } = this.intervals;
    const halfWidth = bins === null ? uncalibrated.latency : halfWidthAt(bins, lnSlowdown);
    const share = Math.min(item.ratePerS * computedS, saturation);
    const crowded = Math.max(1, (item.ratePerS * computedS) / saturation);
    const waitS = (share * computedS * crowded) / (2 * (1 - share));
    const tailS = share <= tailShare ? waitS : Math.max(waitS, (waitS / share) * Math.log(share / tailShare));
    const slowS = Math.exp(halfWidth) * computedS * spreadOf(item, places);
    const measuredS = tail === null ? 0 : Math.exp(halfWidthAt(tail, lnSlowdown)) * computedS;
    const upperS = Math.max(slowS, measuredS) + Math.exp(halfWidth) * tailS;
    return {
      expected: 1000 * (computedS + waitS),
      lower: 1000 * computedS * Math.exp(-halfWidth),
      upper: 1000 * Math.max(upperS, computedS + waitS),
    };
  }

  private powerOf(expectedW: number, lnMargin: number, point: OperatingPoint): Interval {
    const mostW = fullLoadW(point);
    const expected = Math.min(mostW, expectedW);
    return {
      expected,
      lower: Math.max(point.idleW, expected * Math.exp(-lnMargin)),
      upper: Math.min(mostW, expectedW * Math.exp(lnMargin)),
    };
  }

  private featuresOf(context: EstimationContext): CoLocationFeatures | null {
    const known = this.prepared.get(context);
    if (known !== undefined) return known;
    const coLocation = coLocationOf(context);
    const features = coLocation === null ? null : new CoLocationFeatures(new PreparedCoLocation(coLocation));
    this.prepared.set(context, features);
    return features;
  }
}

/** @param queued with the waits for the requests of all tenants */
const wider = (alone: Interval, queued: Interval): Interval => ({
  expected: queued.expected,
  lower: Math.min(alone.lower, queued.expected),
  upper: Math.max(alone.upper, queued.upper),
});

/** What handing requests over adds to the runs of a profile, as a factor. */
function handedOver(work: Work | undefined, places: readonly number[]): number {
  if (work === undefined) return 1;
  const placed = placedStages(work, places);
  const runS = placed.reduce((sum, { cost }) => sum + (cost?.p50Ms ?? 0) / 1000, 0);
  return runS > 0 ? 1 + (placed.length * requestS) / runS : 1;
}

/** How far the slow runs of a profile lie above the usual ones. */
function spreadOf(work: Work, places: readonly number[]): number {
  let usual = 0;
  let slow = 0;
  for (const { cost } of placedStages(work, places)) {
    usual += cost?.p50Ms ?? 0;
    slow += Math.max(cost?.p50Ms ?? 0, cost?.p95Ms ?? 0);
  }
  return usual > 0 ? slow / usual : 1;
}
