import { linearCapW } from '../../src/power/policies/linear';
import type { CapRange } from '../../src/power/policies/policy';
import type { DeviceModel } from '../../src/simulation/devices';
import { Random } from '../../src/simulation/random';
import { Account, type Score } from './account';
import { Baselines } from './baselines';
import { leastCarbon, type Frontier, type Step } from './frontier';
import { knownFrontier, learnPlans, trueFrontier, type Learned, type LearnSettings } from './learned';
import type { Mix } from '../../src/simulation/devices/workloads/mixes';
import type { BoardPoint } from '../../src/simulation/devices/workloads/points';
import { decisionsPerHour, OurPolicy, type Outlook } from './ours';
import { MixPlans, type BenchPlan } from './plans';
import { poolOf } from './pool';
import { Predictions, sensorNoise } from './predictions';
import { PublishedEcomap, periodS } from './published';
import { hoursPerDay, type GridHour, type ZoneWeek } from './zones';

export const hourS = 3600;
const periodsPerHour = hourS / periodS;

export interface PreparedWeek {
  readonly week: ZoneWeek;
  readonly outlooks: readonly Outlook[];
  /** The same with the grid of the rest of the day as it will be. */
  readonly foreseen: readonly Outlook[];
  readonly steps: readonly Step[];
}

/** By grams alone, or with the weight of delay that our policy has. */
export type Aim = 'grams' | 'same';

/** What our policy goes by; the truth in its place shows what the lack of it costs. */
export interface Knowing {
  readonly costs: 'learned' | 'true';
  readonly grid: 'expected' | 'true';
}
const asItIs: Knowing = { costs: 'learned', grid: 'expected' };

/** Everything of one mix that no grid changes. */
export interface PreparedMix {
  readonly mix: Mix;
  readonly plans: MixPlans;
  readonly baselines: Baselines;
  readonly predictions: Predictions;
  readonly learned: Learned;
  /** What our policy knows, without a cap and under caps. */
  readonly frontier: Frontier<BenchPlan>;
  /** The same by grams alone. */
  readonly gramsFrontier: Frontier<BenchPlan>;
  readonly settings: Settings;
  /** True costs: by grams alone, and with the weight of delay that our policy has. */
  readonly truth: Frontier<BenchPlan>;
  readonly truthWithDelay: Frontier<BenchPlan>;
  readonly range: CapRange;
}

export type Settings = LearnSettings;

export function prepareMix(
  model: DeviceModel,
  points: readonly BoardPoint[],
  mix: Mix,
  settings: Settings,
): PreparedMix | null {
  const plans = new MixPlans(model, points, mix);
  const predictions = new Predictions(mix.seed);
  const pool = poolOf(plans);
  if (!pool.some(({ loss }) => loss === 0)) return null;
  const truth = trueFrontier(plans, pool, 0);
  // Limits that the most accurate variants cannot hold at any operating point: nothing to compare with.
  if ((truth.vertices[0]?.loss ?? 1) > 0) return null;
  const { delayWeight } = settings;
  const learned = learnPlans(plans, pool, predictions, settings);
  const frontier = knownFrontier(learned, delayWeight);
  const gramsFrontier = knownFrontier(learnPlans(plans, pool, predictions, { ...settings, delayWeight: 0 }), 0);
  if (frontier === null || gramsFrontier === null) return null;
  const loads = points.map(({ fullLoadW }) => fullLoadW);
  return {
    mix,
    plans,
    baselines: new Baselines(plans, predictions),
    predictions,
    learned,
    frontier,
    gramsFrontier,
    settings,
    truth,
    truthWithDelay: delayWeight === 0 ? truth : trueFrontier(plans, pool, delayWeight),
    // What the power-cap node takes unless told otherwise: full load at the slowest and at the fastest operating point.
    range: { minimumW: Math.min(...loads), maximumW: Math.max(...loads) },
  };
}

export interface FeasibleMixes {
  readonly ready: readonly PreparedMix[];
  readonly infeasibleSeeds: readonly number[];
}

/** The first mixes whose most accurate variants can hold the limits. */
export function feasibleMixes(
  model: DeviceModel,
  points: readonly BoardPoint[],
  mixesOf: (count: number) => readonly Mix[],
  wanted: number,
  settings: Settings,
): FeasibleMixes {
  const ready: PreparedMix[] = [];
  const infeasibleSeeds: number[] = [];
  for (const mix of mixesOf(2 * wanted)) {
    if (ready.length >= wanted) break;
    const prepared = prepareMix(model, points, mix, settings);
    if (prepared === null) {
      infeasibleSeeds.push(mix.seed);
      continue;
    }
    process.stderr.write(`${mix.name}, seed ${mix.seed}: ${mix.tenants.map(({ name }) => name).join(', ')}\n`);
    ready.push(prepared);
  }
  return { ready, infeasibleSeeds };
}

/** The same plan all week. */
export function constantScore({ plans }: PreparedMix, { week }: PreparedWeek, plan: BenchPlan): Score {
  const account = new Account(plans);
  for (const { intensityGPerKwh } of week.hours) account.add(plan, hourS, intensityGPerKwh);
  return account.score;
}

export function ourScore(
  prepared: PreparedMix,
  week: PreparedWeek,
  allowancePt: number,
  aim: Aim = 'same',
  { costs, grid }: Knowing = asItIs,
): Score {
  const account = new Account(prepared.plans);
  const learned = aim === 'same' ? prepared.frontier : prepared.gramsFrontier;
  const policy = new OurPolicy(costs === 'true' ? frontierFor(prepared, aim) : learned, allowancePt);
  decisionsOf(week, grid === 'true' ? week.foreseen : week.outlooks, (outlook, intensityGPerKwh) => {
    account.add(policy.decide(outlook), decisionS, intensityGPerKwh);
  });
  return account.score;
}

const decisionS = hourS / decisionsPerHour;

function decisionsOf(
  week: PreparedWeek,
  outlooks: readonly Outlook[],
  decide: (outlook: Outlook, intensityGPerKwh: number, hour: GridHour) => void,
): void {
  outlooks.forEach((outlook, index) => {
    const hour = week.week.hours[Math.floor(index / decisionsPerHour)];
    if (hour !== undefined) decide(outlook, hour.intensityGPerKwh, hour);
  });
}

/** Caps are told apart in steps of this, downwards. */
const capStepW = 0.25;

/** Our policy under the cap that Ecomap as published would set: only plans whose upper bound of power keeps it. */
export function ourCappedScore(prepared: PreparedMix, week: PreparedWeek, allowancePt: number): Score {
  const { plans, learned, range, settings, mix } = prepared;
  const account = new Account(plans);
  const within = new Map<number, Frontier<BenchPlan>>();
  const policy = new OurPolicy(prepared.frontier, allowancePt);
  const noise = new Random(mix.seed + 11);
  const leastUpperW = Math.min(...learned.known.map(({ upperW }) => upperW));
  decisionsOf(week, week.outlooks, (outlook, intensityGPerKwh, { reading }) => {
    const bounds = reading.trailingBounds;
    const capW = bounds === null ? (range.minimumW + range.maximumW) / 2 : linearCapW(intensityGPerKwh, bounds, range);
    const level = Math.max(Math.floor(capW / capStepW), Math.ceil(leastUpperW / capStepW));
    const frontier =
      within.get(level) ?? knownFrontier(learned, settings.delayWeight, level * capStepW) ?? prepared.frontier;
    within.set(level, frontier);
    const plan = policy.decide(outlook, frontier);
    account.add(plan, decisionS, intensityGPerKwh);
    for (let period = 0; period < periodsPerHour / decisionsPerHour; period += 1)
      account.compare(plan.powerW * (1 + sensorNoise * noise.normal()), capW);
  });
  return account.score;
}

/** Ecomap as published: a cap by the grid. */
export function publishedScore(prepared: PreparedMix, { week }: PreparedWeek, range: CapRange = prepared.range): Score {
  return reactiveScore(
    prepared,
    week.hours.map(({ intensityGPerKwh, reading: { trailingBounds } }) => ({
      intensityGPerKwh,
      capW:
        trailingBounds === null
          ? (range.minimumW + range.maximumW) / 2
          : linearCapW(intensityGPerKwh, trailingBounds, range),
    })),
  );
}

/** The same under a constant cap, over a day of a grid that says nothing. */
export function fixedCapScore(prepared: PreparedMix, capW: number): Score {
  return reactiveScore(
    prepared,
    Array.from({ length: hoursPerDay }, () => ({ intensityGPerKwh: 100, capW })),
  );
}

function reactiveScore(
  { plans, baselines, mix }: PreparedMix,
  hours: readonly { readonly intensityGPerKwh: number; readonly capW: number }[],
): Score {
  const account = new Account(plans);
  const policy = new PublishedEcomap(plans, baselines, new Random(mix.seed + 5));
  const noise = new Random(mix.seed + 9);
  for (const { intensityGPerKwh, capW } of hours) {
    for (let period = 0; period < periodsPerHour; period += 1) {
      const plan = policy.plan(capW);
      account.add(plan, periodS, intensityGPerKwh);
      account.compare(plan.powerW * (1 + sensorNoise * noise.normal()), capW);
      policy.observe(plan, capW);
    }
  }
  return account.score;
}

/** The best mapping within a fixed budget, most accurate variants: the aim of MapFormer. */
export function budgetScore(prepared: PreparedMix, week: PreparedWeek, budgetW: number): Score {
  return constantScore(prepared, week, prepared.baselines.bestUnder(prepared.baselines.mostAccurate, budgetW));
}

/**
 * Adaptive quality by carbon alone (arXiv 2403.15824, formula as reported by others, its sign turned so that it does what its text
 * says): of each family the variant whose energy comes closest to E_high - x (E_high - E_low), x the position of the intensity
 * between the bounds. Everything on the GPU at MAXN.
 */
export function carbonOnlyScore(prepared: PreparedMix, { week }: PreparedWeek): Score {
  const { plans, baselines, mix } = prepared;
  const account = new Account(plans);
  const ladders = mix.tenants.map((tenant) =>
    tenant.family.variants.map((_, variant) => {
      const [choice] = plans.choicesOf(tenant, variant);
      return choice === undefined ? Infinity : (plans.aloneMs(tenant, choice, 0) ?? Infinity);
    }),
  );
  for (const { intensityGPerKwh, reading } of week.hours) {
    const bounds = reading.trailingBounds;
    // The linear cap between 0 and 1: how much of the range between the lightest and the heaviest is wanted.
    const share = bounds === null ? 0.5 : linearCapW(intensityGPerKwh, bounds, { minimumW: 0, maximumW: 1 });
    const variants = ladders.map((ladder) => {
      const [low, high] = [Math.min(...ladder), Math.max(...ladder)];
      const wanted = low + share * (high - low);
      return ladder.reduce(
        (best, cost, variant) =>
          Math.abs(cost - wanted) < Math.abs((ladder[best] ?? Infinity) - wanted) ? variant : best,
        0,
      );
    });
    account.add(plans.get(0, baselines.preferring(variants, 'gpu')), hourS, intensityGPerKwh);
  }
  return account.score;
}

/** What a plan truly draws, whatever it was chosen by. */
const drawnW = ({ item }: { readonly item: BenchPlan }): number => item.powerW;
const frontierFor = (prepared: PreparedMix, aim: Aim): Frontier<BenchPlan> =>
  aim === 'grams' ? prepared.truth : prepared.truthWithDelay;

/** Perfect foresight and true costs, within each day's allowance as our policy has it. */
export function oracleG(prepared: PreparedMix, { steps }: PreparedWeek, lossPt: number, aim: Aim): number {
  let carbonG = 0;
  for (let from = 0; from < steps.length; from += hoursPerDay) {
    carbonG += leastCarbon(
      frontierFor(prepared, aim),
      steps.slice(from, from + hoursPerDay),
      lossPt / 100,
      drawnW,
    ).carbonG;
  }
  return carbonG;
}

/** The least grams with one static mix of plans all week, chosen with hindsight. */
export function bestConstantG(prepared: PreparedMix, { steps }: PreparedWeek, lossPt: number, aim: Aim): number {
  const powerW = frontierFor(prepared, aim).powerAt(lossPt / 100, drawnW);
  return steps.reduce(
    (sum, { durationS, intensityGPerKwh }) => sum + (powerW * durationS * intensityGPerKwh) / 3_600_000,
    0,
  );
}
