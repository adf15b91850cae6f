import type { OperatingPoint } from '../../signals/device';
import type { Alternative } from '../../signals/violated';
import type { Candidate, EstimationContext } from '../estimator/estimator';
import { isWorthMoving, type Evaluated } from '../search/objective';
import { evaluate, searchMapping, type SearchProblem } from '../search/search';
import { excessOf, nearestLimit, violationsOf, worstOf } from '../violations';
import { evaluateAtBest } from './points';
import { chosenVariant, workOf } from './problem';
import type { PlanningQuestion, QuestionTenant } from './question';

/** Evaluations of one round for all alternatives together. */
const alternativesBudget = 500;

/** One tenant with another variant, everything else as it is. */
export interface Swap {
  readonly item: number;
  readonly tenant: QuestionTenant;
  readonly variant: QuestionTenant['variants'][number];
  readonly context: EstimationContext;
}

export function swapsOf({ tenants }: PlanningQuestion, context: EstimationContext): Swap[] {
  return tenants.flatMap((tenant, item) =>
    tenant.variants
      .filter((variant) => variant !== chosenVariant(tenant))
      .map((variant) => {
        const work = context.work.map((kept, index) => (index === item ? workOf(tenant, variant) : kept));
        return { item, tenant, variant, context: { ...context, work } };
      }),
  );
}

/**
 * What each swap of a single variant would lead to, everything remapped.
 * @param excess of the plan itself
 * @param otherPoints operating points that could be asked for with the swap
 */
export async function alternativesOf(
  swaps: readonly Swap[],
  base: SearchProblem,
  found: Evaluated,
  excess: number,
  otherPoints: readonly OperatingPoint[] = [],
): Promise<{ list: Alternative[]; evaluated: number }> {
  const budget = Math.floor(alternativesBudget / Math.max(1, swaps.length));
  let evaluated = 0;
  const list: Alternative[] = [];
  for (const { item, tenant, variant, context } of swaps) {
    const problem = { ...base, context };
    // Where the swapped tenant could go comes first, then what the budget allows of everybody else.
    const starts = context.components.map((_, at) =>
      found.candidate.map((stages, index) => (index === item ? variant.work.costs.map(() => at) : stages)),
    );
    const outcome = await searchMapping(problem, { budget, starts, seed: 1, local: true });
    // As it is unless a remap is worth it: the plan would not move anybody for less either.
    const asItIs = await evaluate(problem, keepPlaces(found.candidate, item, variant.work.costs.length));
    const settled = isWorthMoving(asItIs.cost, outcome.best.cost) ? outcome.best : asItIs;
    evaluated += outcome.evaluated + 1 + otherPoints.length;
    const best = await evaluateAtBest(problem, settled, otherPoints);
    const { prediction } = best.found;
    const violations = violationsOf(best.found, best.problem.context, problem.limits);
    const broken = worstOf(violations);
    const known = prediction.latencyMs.every((latency) => latency !== null);
    const nearest =
      broken === undefined
        ? nearestLimit(best.found, best.problem.context, { found, context: base.context }, problem.limits)
        : undefined;
    list.push({
      tenant: tenant.name,
      variant: variant.name,
      accuracy: variant.accuracy,
      latencyMs: prediction.latencyMs[item] ?? null,
      powerW: prediction.powerW,
      feasible: violations.length === 0 && known,
      // A swap to something unmeasured promises nothing: it must not look like a way out.
      excess: known ? excessOf(violations) : Math.max(excess, excessOf(violations)),
      ...(broken === undefined ? {} : { broken }),
      ...(nearest === undefined ? {} : { nearest }),
    });
  }
  return { list, evaluated };
}

/** The same places; a variant that is cut elsewhere begins where the one before began. */
function keepPlaces(candidate: Candidate, item: number, stages: number): Candidate {
  return candidate.map((places, index) => {
    if (index !== item || places.length === stages) return places;
    return places.slice(0, 1).flatMap((at) => Array<number>(stages).fill(at));
  });
}
