import { linearCapW } from '../../../src/power/policies/linear';
import type { ImportedProfile } from '../../../src/signals/imported-profile';
import { Frontier, leastCarbon } from '../frontier';
import { decisionsPerHour, OurPolicy } from '../ours';
import { hourS, type PreparedWeek } from '../run-mix';
import { hoursPerDay } from '../zones';

export const importedPolicies = [
  'Ecomap as published',
  'quality by carbon alone',
  'static mixing',
  'ours',
  'oracle',
  'oracle over all weeks',
] as const;
export type ImportedPolicy = (typeof importedPolicies)[number];

/** A row that meets the limits, with what it costs. */
export interface ImportedPlan {
  readonly profile: ImportedProfile;
  /** Accuracy given up against the most accurate one, 0 to 1. */
  readonly loss: number;
  /** Mean power for the work on offer; for one inference per second and nothing else where no rate is told. */
  readonly meanW: number;
}

interface Limits {
  readonly mostLatencyMs: number;
  readonly leastAccuracy: number;
  readonly ratePerS: number | null;
}

/** The rows of one family that meet the limits; the first is the most accurate one, at the point where it costs least. */
export function plansOf(profiles: readonly ImportedProfile[], limits: Limits): ImportedPlan[] {
  const { mostLatencyMs, leastAccuracy, ratePerS } = limits;
  const fitting = profiles.filter(
    ({ latencyMs, accuracy }) =>
      latencyMs <= mostLatencyMs &&
      accuracy >= leastAccuracy &&
      (ratePerS === null || (ratePerS * latencyMs) / 1000 <= 1),
  );
  const best = Math.max(...fitting.map(({ accuracy }) => accuracy));
  return fitting
    .map((profile): ImportedPlan => ({
      profile,
      loss: best - profile.accuracy,
      meanW: meanW(profile, ratePerS),
    }))
    .sort((a, b) => a.loss - b.loss || a.meanW - b.meanW);
}

function meanW({ powerW, latencyMs, idleW }: ImportedProfile, ratePerS: number | null): number {
  const busyS = latencyMs / 1000;
  return ratePerS === null ? powerW * busyS : (idleW ?? 0) + ratePerS * (powerW - (idleW ?? 0)) * busyS;
}

/** Grams over all weeks at a mean accuracy loss, for one inference per second or the rate told; null where it cannot get there. */
export function gramsOf(
  policy: ImportedPolicy,
  plans: readonly ImportedPlan[],
  weeks: readonly PreparedWeek[],
  accuracyLoss: number,
): number | null {
  const frontier = new Frontier(plans.map((item) => ({ item, loss: item.loss, powerW: item.meanW })));
  const steps = weeks.flatMap((week) => week.steps);
  switch (policy) {
    case 'static mixing': {
      const powerW = frontier.powerAt(accuracyLoss);
      return steps.reduce((sum, step) => sum + gramsIn(powerW, step.durationS, step.intensityGPerKwh), 0);
    }
    case 'oracle over all weeks':
      return leastCarbon(frontier, steps, accuracyLoss).carbonG;
    case 'oracle': {
      let carbonG = 0;
      for (const { steps: own } of weeks) {
        for (let from = 0; from < own.length; from += hoursPerDay)
          carbonG += leastCarbon(frontier, own.slice(from, from + hoursPerDay), accuracyLoss).carbonG;
      }
      return carbonG;
    }
    case 'ours':
      return oursAt(frontier, weeks, accuracyLoss);
    case 'Ecomap as published':
      return tuned(accuracyLoss, (depth) => underCap(plans, weeks, depth));
    case 'quality by carbon alone':
      return tuned(accuracyLoss, (depth) => byCarbon(plans, weeks, depth));
  }
}

interface Sum {
  readonly carbonG: number;
  readonly loss: number;
}

const gramsIn = (powerW: number, seconds: number, intensityGPerKwh: number): number =>
  (powerW * seconds * intensityGPerKwh) / 3_600_000;

function oursAt(frontier: Frontier<ImportedPlan>, weeks: readonly PreparedWeek[], accuracyLoss: number): number {
  let carbonG = 0;
  for (const { week, outlooks } of weeks) {
    const policy = new OurPolicy(frontier, 100 * accuracyLoss);
    outlooks.forEach((outlook, index) => {
      const hour = week.hours[Math.floor(index / decisionsPerHour)];
      const { meanW: powerW } = policy.decide(outlook);
      if (hour !== undefined) carbonG += gramsIn(powerW, hourS / decisionsPerHour, hour.intensityGPerKwh);
    });
  }
  return carbonG;
}

/** A position between the bounds of the trailing week, 1 at the clean end; half-way where they are unknown. */
function cleanness({ hours }: PreparedWeek['week'], at: number): number {
  const hour = hours[at];
  const bounds = hour?.reading.trailingBounds ?? null;
  return hour === undefined || bounds === null
    ? 0.5
    : linearCapW(hour.intensityGPerKwh, bounds, { minimumW: 0, maximumW: 1 });
}

function over(weeks: readonly PreparedWeek[], choose: (share: number) => ImportedPlan): Sum {
  let [carbonG, loss, hours] = [0, 0, 0];
  for (const { week } of weeks) {
    week.hours.forEach(({ intensityGPerKwh }, at) => {
      const plan = choose(cleanness(week, at));
      carbonG += gramsIn(plan.meanW, hourS, intensityGPerKwh);
      loss += plan.loss;
      hours += 1;
    });
  }
  return { carbonG, loss: loss / hours };
}

/** A cap by the grid on the power while running, and below it the most accurate variant, the fastest of its rows. */
function underCap(plans: readonly ImportedPlan[], weeks: readonly PreparedWeek[], depth: number): Sum {
  const powers = plans.map(({ profile }) => profile.powerW);
  const [least, most] = [Math.min(...powers), Math.max(...powers)];
  return over(weeks, (share) => {
    const capW = most - depth * (1 - share) * (most - least);
    const within = plans.filter(({ profile }) => profile.powerW <= capW + 1e-9);
    return within.reduce((best, plan) =>
      plan.loss < best.loss || (plan.loss === best.loss && plan.profile.latencyMs < best.profile.latencyMs)
        ? plan
        : best,
    );
  });
}

/** The variant, at its own best point, whose energy comes closest to what the intensity allows. */
function byCarbon(plans: readonly ImportedPlan[], weeks: readonly PreparedWeek[], depth: number): Sum {
  const cheapest = new Map<string, ImportedPlan>();
  for (const plan of plans) {
    const known = cheapest.get(plan.profile.variant);
    if (known === undefined || plan.meanW < known.meanW) cheapest.set(plan.profile.variant, plan);
  }
  const variants = [...cheapest.values()];
  const [low, high] = [Math.min(...variants.map(({ meanW: w }) => w)), Math.max(...variants.map(({ meanW: w }) => w))];
  return over(weeks, (share) => {
    const wantedW = high - depth * (1 - share) * (high - low);
    return variants.reduce((best, plan) =>
      Math.abs(plan.meanW - wantedW) < Math.abs(best.meanW - wantedW) ? plan : best,
    );
  });
}

const depths = 60;

/** Such a policy has no allowance: how deep it goes at the dirty end is chosen with hindsight, two depths in turns. */
function tuned(accuracyLoss: number, run: (depth: number) => Sum): number | null {
  const sums = Array.from({ length: depths + 1 }, (_, step) => run(step / depths));
  const frontier = new Frontier(sums.map((item) => ({ item, loss: item.loss, powerW: item.carbonG })));
  const reach = frontier.vertices.at(-1)?.loss ?? 0;
  return accuracyLoss > reach + 1e-9 ? null : frontier.powerAt(accuracyLoss);
}
