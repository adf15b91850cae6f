import { MeasuredPlans } from './measured-plans';
import { Random } from '../../src/simulation/random';
import { Frontier, type Costed } from './frontier';
import type { BenchPlan, MixPlans } from './plans';
import { sensorNoise, upperFactor, type Predictions } from './predictions';

/** Every tenant must have this much of its answers in time. */
export const leastAttainment = 0.99;

/** What is known of a plan: as predicted, or as it turned out. */
export interface KnownPlan {
  readonly plan: BenchPlan;
  readonly powerW: number;
  /** Of a measured plan the mean and the sensor's error, else what the estimator's interval adds. */
  readonly upperW: number;
  readonly latencyMs: number;
  readonly measured: boolean;
}

export interface Learned {
  /** All that is not known to break a limit: what was not measured only where its upper bounds hold. */
  readonly known: readonly KnownPlan[];
  /** How many plans were run for a while to find out what they draw and whether they hold the limits. */
  readonly measured: number;
  readonly refuted: number;
}

/** Readings of a plan that is run to be measured, each as wrong as the sensors are. */
const readings = 6;
/** Standard deviations by which a plan that has not run is given the benefit of the doubt while plans are being measured. */
const benefitOfDoubt = 1;

/**
 * What a calibration leaves. The best plans by prediction, each given the benefit of its interval, are run and measured; those that
 * break a limit are struck off; what was measured corrects what is predicted of the others; until all of the frontier has been
 * measured or enough is enough.
 */
export function learnPlans(
  plans: MixPlans,
  pool: readonly BenchPlan[],
  predictions: Predictions,
  delayWeight: number,
  mostMeasured: number,
): Learned {
  const random = new Random(plans.mix.seed + 77);
  const measured = new MeasuredPlans();
  const refuted = new Set<BenchPlan>();
  const named = pool.map((plan) => ({
    plan,
    name: String(plan.id),
    point: String(plan.point),
    predictedW: predictions.powerW(plan),
    tailRatio: predictions.tailRatio(plan),
    latencyMs: predictions.latencyMs(plan),
  }));
  const doubt = upperFactor.power ** (benefitOfDoubt / 1.2816);
  const hopeful = named.filter(({ tailRatio }) => tailRatio <= upperFactor.latency ** 2);
  while (measured.size < mostMeasured) {
    const frontier = new Frontier(
      hopeful
        .filter(({ plan }) => !refuted.has(plan))
        .map((item) => {
          const { plan, name, point, predictedW } = item;
          const powerW = measured.powerW(name, point, predictedW);
          const latencyMs = measured.has(name) ? plans.served(plan).requestLatencyMs : item.latencyMs;
          const hope = measured.has(name) ? 1 : 1 / doubt;
          return { item, loss: plan.loss, powerW: hope * powerW * latencyMs ** delayWeight };
        }),
    );
    const next = frontier.vertices.find(({ item }) => !measured.has(item.name));
    if (next === undefined) break;
    const { plan, name, point, predictedW } = next.item;
    for (let reading = 0; reading < readings; reading += 1)
      measured.note(name, point, predictedW, plan.powerW * (1 + sensorNoise * random.normal()));
    if (plans.served(plan).leastAttainment < leastAttainment) refuted.add(plan);
  }
  const known = named.flatMap(({ plan, name, point, predictedW, tailRatio, latencyMs }): KnownPlan[] => {
    if (refuted.has(plan)) return [];
    const powerW = measured.powerW(name, point, predictedW);
    if (measured.has(name)) {
      const servedMs = plans.served(plan).requestLatencyMs;
      return [{ plan, powerW, upperW: powerW * (1 + sensorNoise), latencyMs: servedMs, measured: true }];
    }
    if (tailRatio * upperFactor.latency > 1) return [];
    return [{ plan, powerW, upperW: powerW * upperFactor.power, latencyMs, measured: false }];
  });
  return { known, measured: measured.size, refuted: refuted.size };
}

/** The frontier of what is known, within a cap: what weighs against accuracy is power times latency to the power of `delayWeight`. */
export function knownFrontier({ known }: Learned, delayWeight: number, capW = Infinity): Frontier<BenchPlan> | null {
  const within = known.filter(({ upperW }) => upperW <= capW);
  if (within.length === 0) return null;
  const fastestMs = Math.min(...known.map(({ latencyMs }) => latencyMs));
  return new Frontier(
    within.map(({ plan, powerW, latencyMs }) => ({
      item: plan,
      loss: plan.loss,
      powerW: powerW * (latencyMs / fastestMs) ** delayWeight,
    })),
  );
}

/** The frontier as it truly is, with the true power of its plans beside what they were chosen by. */
export function trueFrontier(plans: MixPlans, pool: readonly BenchPlan[], delayWeight: number): Frontier<BenchPlan> {
  const refuted = new Set<BenchPlan>();
  const exact = new Set<BenchPlan>();
  for (;;) {
    const frontier = new Frontier(
      pool
        .filter((plan) => !refuted.has(plan))
        .map((item): Costed<BenchPlan> => {
          const latencyMs = exact.has(item) ? plans.served(item).requestLatencyMs : item.latencyMs;
          // What has not been simulated yet counts as faster than it can be.
          const hope = delayWeight === 0 || exact.has(item) ? 1 : hopefulLatency;
          return { item, loss: item.loss, powerW: item.powerW * (hope * latencyMs) ** delayWeight };
        }),
    );
    const unknown = frontier.vertices.filter(({ item }) => !exact.has(item));
    if (unknown.length === 0) return frontier;
    for (const { item } of unknown) {
      exact.add(item);
      if (plans.served(item).leastAttainment < leastAttainment) refuted.add(item);
    }
  }
}

const hopefulLatency = 0.8;
