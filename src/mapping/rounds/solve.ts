import type { Plan } from '../../signals/plan';
import type { Candidate } from '../estimator/estimator';
import { isWorthMoving, type Evaluated } from '../search/objective';
import { evaluate, searchMapping, type SearchProblem } from '../search/search';
import { alignTo, interchangeableGroups } from '../search/symmetry';
import { excessOf, violationsOf } from '../violations';
import { alternativesOf, swapsOf } from './alternatives';
import type { PlanningAnswer } from './answer';
import type { Estimators } from './estimators';
import { planOf, type SearchFigures } from './plan-of';
import { atBestPoint } from './points';
import { contextOf, limitsOf } from './problem';
import type { PlanningQuestion } from './question';
import { rivalsOf } from './rivals';
import { ruledOut } from './ruled-out';

/** What a round may cost for the plan itself; its alternatives come on top. */
export interface Effort {
  readonly evaluations: number;
  /** Absent: as long as the evaluations last. */
  readonly timeMs?: number;
}

/** For a thread that others share. */
const littleEffort: Effort = { evaluations: 500 };

/** For a process that has its thread for itself; a cap still wants its answer soon. */
export const ownThreadEffort = { evaluations: 3000, timeMs: 250 } as const;

/**
 * Works out a round: the best mapping found, unless the one in force is hardly worse; what it breaks; and what each swap of a
 * single variant would lead to. Bounded in evaluations.
 */
export async function solveRound(
  asked: PlanningQuestion,
  estimators: Estimators,
  effort: Effort = littleEffort,
): Promise<PlanningAnswer> {
  const startedMs = performance.now();
  const question = await atBestPoint(asked, estimators);
  const context = contextOf(question);
  const limits = limitsOf(question);
  const swaps = swapsOf(question, context);
  const { estimator, remarks } = estimators.choose([context, ...swaps.map((swap) => swap.context)]);
  const groups = interchangeableGroups(context.components, context.operatingPoint);
  const problem: SearchProblem = { context, limits, estimator, groups };
  const { inForce } = question;
  const outcome = await searchMapping(problem, {
    budget: effort.evaluations,
    ...(effort.timeMs !== undefined && { timeBudgetMs: effort.timeMs }),
    starts: inForce === null ? [] : [inForce],
    seed: 1,
  });
  const settled = await settle(problem, outcome.best, inForce);
  const { found } = settled;
  const violations = violationsOf(found, context, limits);
  const excess = excessOf(violations);
  const points = asked.otherPoints.length === 0 ? [] : [asked.operatingPoint, ...asked.otherPoints];
  const alternatives = await alternativesOf(
    swaps,
    problem,
    found,
    excess,
    points.filter(({ name }) => name !== question.operatingPoint.name),
  );
  const search: SearchFigures = {
    estimator: estimator.name,
    candidates: outcome.candidates,
    evaluated: outcome.evaluated + settled.evaluated + alternatives.evaluated,
    elapsedMs: performance.now() - startedMs,
  };
  const planned = (planId: string, mapping: Evaluated): Plan =>
    planOf(question, planId, { problem, found: mapping, before: settled.before, search, remarks });
  // While the operating point changes, nothing that is measured could be compared.
  const stays = question.operatingPoint.name === asked.operatingPoint.name;
  const rivals = settled.before === null || !stays ? [] : rivalsOf(problem, settled.before, found, outcome);
  return {
    plan: { ...planned(question.planId, found), rejected: ruledOut(question, alternatives.list) },
    violated: {
      planId: question.planId,
      capW: limits.capW,
      violations,
      excess,
      current: Object.fromEntries(context.work.map(({ tenant, variant }) => [tenant, variant])),
      alternatives: alternatives.list,
      expectedW: found.prediction.powerW.expected,
      ratePerS: Object.fromEntries(question.tenants.map(({ name, ratePerS }) => [name, ratePerS])),
      ...(question.cap?.quality === undefined ? {} : { quality: question.cap.quality }),
    },
    rivals: rivals.map((rival, index) => planned(`${question.planId}.${index + 2}`, rival)),
  };
}

interface Settled {
  readonly found: Evaluated;
  /** What was in force, where tenants move. */
  readonly before: Evaluated | null;
  readonly evaluated: number;
}

/** Keeps the mapping in force unless the best one found is clearly better. */
async function settle(problem: SearchProblem, best: Evaluated, inForce: Candidate | null): Promise<Settled> {
  if (inForce === null) return { found: best, before: null, evaluated: 0 };
  const before = await evaluate(problem, inForce);
  if (!isWorthMoving(before.cost, best.cost)) return { found: before, before: null, evaluated: 1 };
  const aligned = alignTo(best.candidate, inForce, problem.groups);
  return { found: await evaluate(problem, aligned), before, evaluated: 2 };
}
