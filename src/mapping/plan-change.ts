import type { Cap } from '../signals/cap';
import type { Plan, PlanChange } from '../signals/plan';
import type { Variants } from '../signals/variants';
import { explainCapChange, explainFirstPlan, explainRates, explainSwap, explainThriftier, isMove } from './explain';

/** Under what a plan was made. */
export interface Circumstances {
  readonly cap: Cap | null;
  /** Requests per second by tenant. */
  readonly ratePerS: ReadonlyMap<string, number>;
}

/** A cap that moved by less than this share of it explains nothing. */
const capMoved = 0.02;
/** Nor do rates that moved by less than this share of the larger one, or by a trickle. */
const rateMoved = 0.2;
const tricklePerS = 0.2;
/** More swaps in one change nobody reads. */
const mostSaid = 3;

/** What the executor acts on: plans that agree in it are the same plan. */
export function planEssence(plan: Plan): string {
  return JSON.stringify([
    plan.tenants.map(({ tenant, variant, stages }) => [tenant, variant, stages]),
    plan.operatingPoint.name,
    plan.operatingPoint.speed,
    plan.feasible,
  ]);
}

/**
 * Why a plan differs from the one in force; null where it does not.
 * @param before the plan in force, and under what the last change was made; null where there is none
 * @param said what the variant selector has answered since
 */
export function changeOf(
  before: { readonly plan: Plan; readonly at: Circumstances } | null,
  after: { readonly plan: Plan; readonly at: Circumstances },
  said: readonly Variants[],
): PlanChange | null {
  if (before === null) return { cause: 'start', text: explainFirstPlan(after.at.cap) };
  if (planEssence(before.plan) === planEssence(after.plan)) return null;
  const cap = capChange(before.at.cap, after.at.cap);
  const swaps = swapsSaid(before.plan, after.plan, said);
  const rates = swaps.texts.length > 0 ? [] : ratesChange(before.at.ratePerS, after.at.ratePerS);
  const moves = after.plan.why.filter(isMove);
  const broken = before.plan.feasible && !after.plan.feasible ? after.plan.why.filter(isInfeasible) : [];
  const reasons = [...cap, ...rates, ...swaps.texts, ...moves, ...broken];
  if (reasons.length === 0) return bareChange(before.plan, after.plan);
  const cause =
    cap.length > 0 ? 'cap' : (swaps.cause ?? (rates.length > 0 ? 'load' : moves.length > 0 ? 'gain' : 'limit'));
  return { cause, text: reasons.join('; ') };
}

function capChange(before: Cap | null, after: Cap | null): string[] {
  if (after === null) return [];
  const moved = before === null || Math.abs(after.capW - before.capW) > capMoved * before.capW;
  const point = before?.operatingPoint.name !== after.operatingPoint.name;
  return moved || point ? [explainCapChange(before, after)] : [];
}

/** The selector's words for the tenants whose variants differ: the latest of each. */
function swapsSaid(
  before: Plan,
  after: Plan,
  said: readonly Variants[],
): { readonly texts: readonly string[]; readonly cause: PlanChange['cause'] | null } {
  const swapped = new Set(
    after.tenants
      .filter(({ tenant, variant }) => before.tenants.find((one) => one.tenant === tenant)?.variant !== variant)
      .map(({ tenant }) => tenant),
  );
  if (swapped.size === 0) return { texts: [], cause: null };
  const texts = said.map(({ reason }) => reason);
  const shown = texts.slice(-mostSaid);
  const more = texts.length - shown.length;
  return {
    texts: shown.map((text, index) => (index === 0 && more > 0 ? `after ${more} other swaps, ${text}` : text)),
    cause: said.at(-1)?.cause ?? null,
  };
}

function ratesChange(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  return [...after]
    .map(([tenant, now]) => ({ tenant, now, then: before.get(tenant) ?? 0 }))
    .filter(({ now, then }) => Math.abs(now - then) > Math.max(tricklePerS, rateMoved * Math.max(now, then)))
    .sort((a, b) => Math.abs(b.now - b.then) - Math.abs(a.now - a.then))
    .slice(0, 2)
    .map(({ tenant, now, then }) => explainRates(tenant, then, now));
}

/** What differs, where nobody has said why. */
function bareChange(before: Plan, after: Plan): PlanChange {
  const swaps = after.tenants.flatMap(({ tenant, variant }) => {
    const old = before.tenants.find((one) => one.tenant === tenant)?.variant;
    return old === variant ? [] : [explainSwap(tenant, old ?? null, variant)];
  });
  if (swaps.length > 0) return { cause: 'known', text: swaps.join('; ') };
  // The cap stayed: the planner has chosen.
  if (before.operatingPoint.name !== after.operatingPoint.name)
    return { cause: 'gain', text: explainThriftier(before.operatingPoint, after.operatingPoint) };
  if (after.feasible && !before.feasible) return { cause: 'room', text: 'all limits hold again' };
  return { cause: 'known', text: 'what is known of the tenants or of the device has changed' };
}

const isInfeasible = (sentence: string): boolean => sentence.startsWith('NO_FEASIBLE_PLAN');
