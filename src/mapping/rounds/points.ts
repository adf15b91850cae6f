import type { OperatingPoint } from '../../signals/device';
import type { Candidate } from '../estimator/estimator';
import { compareCosts, isWorthMoving, type Evaluated } from '../search/objective';
import { evaluate, searchMapping, type SearchProblem } from '../search/search';
import { interchangeableGroups } from '../search/symmetry';
import type { Estimators } from './estimators';
import { contextOf, limitsOf } from './problem';
import type { PlanningQuestion } from './question';

/** Evaluations of one round for the choice of an operating point, all points together. */
const pointsBudget = 250;

function problemAt(problem: SearchProblem, operatingPoint: OperatingPoint): SearchProblem {
  const context = { ...problem.context, operatingPoint };
  return { ...problem, context, groups: interchangeableGroups(context.components, operatingPoint) };
}

/**
 * The question with the operating point that does the work on offer with least power, idle included, and holds every limit; the
 * one in force where none is clearly better. Less power for the same work is less energy: a lower point is not always it.
 */
export async function atBestPoint(question: PlanningQuestion, estimators: Estimators): Promise<PlanningQuestion> {
  const { operatingPoint, otherPoints, inForce, components } = question;
  if (otherPoints.length === 0) return question;
  const context = contextOf(question);
  const points = [operatingPoint, ...otherPoints];
  const { estimator } = estimators.choose(points.map((point) => ({ ...context, operatingPoint: point })));
  const problem: SearchProblem = {
    context,
    limits: limitsOf(question),
    estimator,
    groups: interchangeableGroups(components, operatingPoint),
  };
  const settings = {
    budget: Math.floor(pointsBudget / points.length),
    starts: inForce === null ? [] : [inForce],
    seed: 1,
  };
  let now: Evaluated | null = null;
  let best: { point: OperatingPoint; found: Evaluated } | null = null;
  for (const point of points) {
    const { best: found } = await searchMapping(problemAt(problem, point), settings);
    now ??= found;
    if (best === null || compareCosts(found.cost, best.found.cost) < 0) best = { point, found };
  }
  if (now === null || best === null || !isWorthMoving(now.cost, best.found.cost)) return question;
  return { ...question, operatingPoint: best.point };
}

/** A mapping at the point that suits it best. */
export async function evaluateAtBest(
  problem: SearchProblem,
  found: Evaluated,
  points: readonly OperatingPoint[],
): Promise<{ problem: SearchProblem; found: Evaluated }> {
  let best = { problem, found };
  const { candidate }: { candidate: Candidate } = found;
  for (const point of points) {
    const there = problemAt(problem, point);
    const other = await evaluate(there, candidate);
    if (compareCosts(other.cost, best.found.cost) < 0) best = { problem: there, found: other };
  }
  return best;
}
