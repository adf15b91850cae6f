import { MeasuredPlans } from './measured-plans';
import { Random } from '../../src/simulation/random';
import { Frontier, type Costed } from './frontier';
import type { BenchPlan, MixPlans } from './plans';
import { sensorNoise, upperFactor, type Predictions } from './predictions';

/** Every tenant must have this much of its answers in time. */
export const leastAttainment = 0.99;

export interface LearnSettings {
  readonly allowancePt: number;
  readonly delayWeight: number;
  /** Control periods that may be spent on measuring plans. */
  readonly mostReadings: number;
}

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

/** Readings of a plan each time that it is run to be measured, each as wrong as the sensors are. */
const readings = 2;
/** Of predictions, once those of an operating point are corrected. */
const predictionSpread = 0.03;
/**
 * Standard deviations by which a plan is given the benefit of the doubt while plans are being measured: until all of the frontier has
 * been seen once, and from then on.
 */
const benefitOfDoubt = { first: 1.5, later: 2.5 } as const;
/** What the price of accuracy can reach: plans that pay at prices up to so many times more or less than that of the allowance. */
const reach = 3;
/** What the doubt about other plans weighs. */
const beyondReach = 0.2;

interface NamedPlan {
  readonly plan: BenchPlan;
  readonly name: string;
  readonly point: string;
  readonly predictedW: number;
  readonly tailRatio: number;
  readonly latencyMs: number;
}

/** A plan with the doubt about its power. */
interface DoubtfulPlan {
  readonly named: NamedPlan;
  readonly spread: number;
}

/**
 * What a calibration leaves. The best plans by prediction, each given the benefit of the doubt, are run and measured; those that
 * break a limit are struck off; what was measured corrects what is predicted of the others. Once all of the frontier has been seen,
 * what is least certain of what the price can reach is measured (again), until the readings are used up.
 */
export function learnPlans(
  plans: MixPlans,
  pool: readonly BenchPlan[],
  predictions: Predictions,
  { allowancePt, delayWeight, mostReadings }: LearnSettings,
): Learned {
  const random = new Random(plans.mix.seed + 77);
  const measured = new MeasuredPlans({ reading: sensorNoise, prediction: predictionSpread });
  const refuted = new Set<BenchPlan>();
  const named = pool.map((plan): NamedPlan => ({
    plan,
    name: String(plan.id),
    point: String(plan.point),
    predictedW: predictions.powerW(plan),
    tailRatio: predictions.tailRatio(plan),
    latencyMs: predictions.latencyMs(plan),
  }));
  const hopeful = named
    .filter(({ tailRatio }) => tailRatio <= upperFactor.latency ** 2)
    .sort((a, b) => a.plan.loss - b.plan.loss);
  const frontierWith = (doubt: number): Frontier<DoubtfulPlan> =>
    new Frontier(
      hopeful
        .filter(({ plan }) => !refuted.has(plan))
        .map((entry): Costed<DoubtfulPlan> => {
          const { plan, name, point, predictedW } = entry;
          const { powerW, spread } = measured.power(name, point, predictedW);
          const latencyMs = measured.has(name) ? plans.served(plan).requestLatencyMs : entry.latencyMs;
          const hopedW = Math.exp(-doubt * spread) * powerW;
          return { item: { named: entry, spread }, loss: plan.loss, powerW: hopedW * latencyMs ** delayWeight };
        }),
    );
  let allSeen = false;
  for (let used = 0; used < mostReadings; used += readings) {
    const unseen: Costed<DoubtfulPlan> | undefined = allSeen
      ? undefined
      : frontierWith(benefitOfDoubt.first).vertices.find(({ item }) => !measured.has(item.named.name));
    allSeen ||= unseen === undefined;
    const next = unseen ?? mostDoubtful(frontierWith(benefitOfDoubt.later), allowancePt / 100);
    const { plan, name, point, predictedW } = next.item.named;
    for (let reading = 0; reading < readings; reading += 1)
      measured.note(name, point, predictedW, plan.powerW * (1 + sensorNoise * random.normal()));
    if (plans.served(plan).leastAttainment < leastAttainment) refuted.add(plan);
  }
  const known = named.flatMap(({ plan, name, point, predictedW, tailRatio, latencyMs }): KnownPlan[] => {
    if (refuted.has(plan)) return [];
    const { powerW } = measured.power(name, point, predictedW);
    if (measured.has(name)) {
      const servedMs = plans.served(plan).requestLatencyMs;
      return [{ plan, powerW, upperW: powerW * (1 + sensorNoise), latencyMs: servedMs, measured: true }];
    }
    if (tailRatio * upperFactor.latency > 1) return [];
    return [{ plan, powerW, upperW: powerW * upperFactor.power, latencyMs, measured: false }];
  });
  return { known, measured: measured.size, refuted: refuted.size };
}

/** What to measure next: where the doubt is greatest, above all among what the price of accuracy can reach. */
function mostDoubtful(frontier: Frontier<DoubtfulPlan>, allowance: number): Costed<DoubtfulPlan> {
  const priceW = frontier.slopeAt(allowance);
  const dear = new Set(frontier.between(priceW / reach, priceW * reach));
  const doubt = (vertex: Costed<DoubtfulPlan>): number => vertex.item.spread * (dear.has(vertex) ? 1 : beyondReach);
  return frontier.vertices.reduce((most, vertex) => (doubt(vertex) > doubt(most) ? vertex : most));
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
