import type { Plan, PlanTenant } from '../../signals/plan';
import { weakestSource, type Source } from '../../signals/quantities';
import type { Violation } from '../../signals/violated';
import type { EstimationContext } from '../estimator/estimator';
import { placedStages, type PlacedStage } from '../estimator/placed-stages';
import { stageEnergyJ } from '../estimator/stage-energy';
import {
  explainCap,
  explainInfeasible,
  explainMove,
  explainPoint,
  explainUnmeasured,
  explainVariant,
  explainViolation,
} from '../explain';
import type { Evaluated } from '../search/objective';
import type { SearchProblem } from '../search/search';
import { violationsOf } from '../violations';
import { chosenVariant } from './problem';
import type { PlanningQuestion, QuestionTenant } from './question';

export type SearchFigures = Plan['search'];

/** What a search came to. */
export interface Found {
  readonly problem: SearchProblem;
  readonly found: Evaluated;
  /** What was in force; null where nobody moves. */
  readonly before: Evaluated | null;
  readonly search: SearchFigures;
  readonly remarks: readonly string[];
}

/** A mapping as a plan, with what it is predicted to do and why it was chosen. */
export function planOf(
  question: PlanningQuestion,
  planId: string,
  { problem, found, before, search, remarks }: Found,
): Plan {
  const { context, limits } = problem;
  const { cap, operatingPoint, tenants } = question;
  const violations = violationsOf(found, context, limits);
  const unmeasured = tenants.filter((_, item) => found.prediction.latencyMs[item] === null);
  const broken = violations.map((violation) => describe(violation, found, context));
  return {
    planId,
    createdAt: question.createdAt,
    tenants: tenants.map((tenant, item) => planTenant(tenant, item, found, context)),
    operatingPoint,
    capW: limits.capW,
    powerW: found.prediction.powerW,
    powerSource: powerSource(question),
    feasible: violations.length === 0 && unmeasured.length === 0,
    why: [
      explainCap(cap, operatingPoint),
      ...explainPoint(cap, operatingPoint),
      ...(before === null ? [] : explainMoves(problem, before, found)),
      ...tenants.flatMap(explainChoice),
      ...unmeasured.map((tenant) => explainUnmeasured(tenant.name, chosenVariant(tenant).name)),
      ...(broken.length > 0 ? [explainInfeasible(broken)] : []),
      ...question.remarks,
      ...remarks,
    ],
    search,
  };
}

function planTenant(tenant: QuestionTenant, item: number, found: Evaluated, context: EstimationContext): PlanTenant {
  const variant = chosenVariant(tenant);
  const pieces = placedStages(variant.work, found.candidate[item] ?? []);
  const latencyMs = found.prediction.latencyMs[item] ?? null;
  const overloaded = tenant.ratePerS !== 0 && pieces.some(({ at }) => (found.prediction.load[at] ?? 0) >= 1);
  return {
    tenant: tenant.name,
    variant: variant.name,
    accuracy: variant.accuracy,
    stages: pieces.map(({ at, firstNode }, stage) => ({
      stage,
      component: context.components[at]?.name ?? '',
      firstNode,
    })),
    latencyMs,
    latencyLimitMs: tenant.latencyLimitMs,
    meetsLimit: latencyMs !== null && latencyMs.upper <= tenant.latencyLimitMs && !overloaded,
    energyJ: energyOf(pieces, context),
    alwaysMax: {
      variant: tenant.mostAccurate.name,
      accuracy: tenant.mostAccurate.accuracy,
      energyJ: tenant.mostAccurate.energyJ,
    },
  };
}

/** Energy above idle of one inference, J. */
function energyOf(pieces: readonly PlacedStage[], { components, operatingPoint }: EstimationContext): number | null {
  let energyJ = 0;
  for (const { at, cost } of pieces) {
    const component = components[at];
    const stageJ = component === undefined || cost === null ? null : stageEnergyJ(component, cost, operatingPoint);
    if (stageJ === null) return null;
    energyJ += stageJ;
  }
  return energyJ;
}

/** The prediction is modelled, and no better than the cap's own source: a simulated device has no real watts. */
function powerSource({ cap }: PlanningQuestion): Source {
  const ofCap = [cap?.power.source ?? null, cap?.enforced === 'simulated' ? ('simulated' as const) : null];
  return weakestSource(['modelled', ...ofCap]) ?? 'modelled';
}

function describe(violation: Violation, { candidate, prediction }: Evaluated, context: EstimationContext): string {
  const item = context.work.findIndex(({ tenant }) => tenant === violation.tenant);
  const places = candidate[item] ?? [];
  const loadAt = (at: number): number => prediction.load[at] ?? 0;
  const busiest = places.reduce((most, at) => (loadAt(at) > loadAt(most) ? at : most), places[0] ?? 0);
  return explainViolation(violation, context.components[busiest]?.name ?? 'a component');
}

function explainMoves({ context, limits }: SearchProblem, before: Evaluated, after: Evaluated): string[] {
  const places = (item: number, { candidate }: Evaluated): string => {
    const work = context.work[item];
    const pieces = work === undefined ? [] : placedStages(work, candidate[item] ?? []);
    return pieces.map(({ at }) => context.components[at]?.name ?? '').join('+');
  };
  const moves = context.work.flatMap(({ tenant }, item) => {
    const [from, to] = [places(item, before), places(item, after)];
    return from === to ? [] : [{ tenant, from, to }];
  });
  if (moves.length === 0) return [];
  const broken = violationsOf(before, context, limits).map((violation) => describe(violation, before, context));
  return [explainMove(moves, broken, before.cost, after.cost)];
}

function explainChoice(tenant: QuestionTenant): string[] {
  const chosen = chosenVariant(tenant);
  if (chosen.accuracy >= tenant.mostAccurate.accuracy) return [];
  return [explainVariant(tenant.name, chosen, tenant.mostAccurate, tenant.because)];
}
