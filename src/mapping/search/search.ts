import type { BatchEstimator, Candidate, EstimationContext, Work } from '../estimator/estimator';
import { compareCosts, costOf, priorityLevels, type Evaluated, type Limits } from './objective';
import { seededInteger } from './seeded';
import { distinctMappings } from './symmetry';

/** Spaces up to this size (components to the power of tenants) are searched completely when the budget allows. */
const exhaustiveLimit = 4096;
/** Tenants that a restart moves at random. */
const kick = 3;

export interface SearchProblem {
  readonly context: EstimationContext;
  readonly limits: Limits;
  readonly estimator: BatchEstimator;
  /** From `interchangeableGroups`. */
  readonly groups: readonly number[];
}

export interface SearchSettings {
  /** Most evaluations (but the starts are always evaluated). */
  readonly budget: number;
  /** Mappings to begin with, e.g. the one in force. */
  readonly starts: readonly Candidate[];
  readonly seed: number;
  /** Stay near the starts: no other starting points in a space too large for the budget. */
  readonly local?: boolean;
}

export interface SearchOutcome {
  readonly best: Evaluated;
  /** Size of the space: components to the power of tenants. */
  readonly candidates: number;
  readonly evaluated: number;
}

/**
 * The best mapping of every tenant (all its stages together) to a component, for a fixed choice of variants and operating point: complete
 * where the space is small, otherwise batched local search with restarts, the same for the same seed.
 */
export async function searchMapping(problem: SearchProblem, settings: SearchSettings): Promise<SearchOutcome> {
  const tenants = problem.context.work.length;
  const components = problem.context.components.length;
  if (components === 0) throw new RangeError('searchMapping needs at least one component');
  const evaluation = new Evaluation(problem);
  const candidates = components ** tenants;
  const all =
    candidates <= exhaustiveLimit ? distinctUpTo(problem.context.work, problem.groups, settings.budget) : null;
  if (all !== null) await evaluation.batch(all);
  else await searchLocally(problem, settings, evaluation);
  return { best: evaluation.best(), candidates, evaluated: evaluation.count };
}

/** Rates one mapping without a search. */
export function evaluate(problem: SearchProblem, candidate: Candidate): Promise<Evaluated> {
  return new Evaluation(problem).batch([candidate]);
}

/** Evaluates in batches and remembers the best mapping seen. */
class Evaluation {
  count = 0;
  private readonly problem: SearchProblem;
  private readonly levels: readonly number[];
  private bestSoFar: Evaluated | null = null;

  constructor(problem: SearchProblem) {
    this.problem = problem;
    this.levels = priorityLevels(problem.limits.demands);
  }

  /** The best of a batch that is not empty. */
  async batch(candidates: readonly Candidate[]): Promise<Evaluated> {
    const { estimator, context, limits } = this.problem;
    const predictions = await estimator.estimate(candidates, context);
    this.count += candidates.length;
    let best: Evaluated | null = null;
    candidates.forEach((candidate, index) => {
      const prediction = predictions[index];
      if (prediction === undefined) throw new RangeError(`estimator ${estimator.name} left out a prediction`);
      const cost = costOf(candidate, prediction, limits, this.levels);
      if (best === null || compareCosts(cost, best.cost) < 0) best = { candidate, prediction, cost };
    });
    const found: Evaluated | null = best;
    if (found === null) throw new RangeError('a batch needs at least one candidate');
    if (this.bestSoFar === null || compareCosts((found as Evaluated).cost, this.bestSoFar.cost) < 0)
      this.bestSoFar = found;
    return found;
  }

  best(): Evaluated {
    if (this.bestSoFar === null) throw new RangeError('nothing was evaluated');
    return this.bestSoFar;
  }
}

/** All stages of each tenant on one component. */
const together = (work: readonly Work[], mapping: readonly number[]): Candidate =>
  mapping.map((at, item) => stagesOn(work[item], at));

const stagesOn = (work: Work | undefined, at: number): number[] => (work?.costs ?? [null]).map(() => at);

/** All distinct mappings, or null when there are more than `most`. */
function distinctUpTo(work: readonly Work[], groups: readonly number[], most: number): Candidate[] | null {
  const all: Candidate[] = [];
  for (const mapping of distinctMappings(work.length, groups)) {
    if (all.length >= most) return null;
    all.push(together(work, mapping));
  }
  return all;
}

async function searchLocally(problem: SearchProblem, settings: SearchSettings, evaluation: Evaluation): Promise<void> {
  const { context } = problem;
  const components = context.components.length;
  const random = seededInteger(settings.seed);
  const starts = [...settings.starts];
  if (settings.local !== true || starts.length === 0) {
    starts.push(spread(context));
    for (let at = 0; at < components; at += 1) starts.push(context.work.map((work) => stagesOn(work, at)));
  }

  let current = await evaluation.batch(starts);
  for (;;) {
    // Descend: take the best of all single moves, then of all exchanges of two tenants, until neither helps.
    for (;;) {
      if (evaluation.count >= settings.budget) return;
      let next = await best(evaluation, settings.budget, moves(context.work, current.candidate, components), current);
      if (next === current && evaluation.count < settings.budget)
        next = await best(evaluation, settings.budget, exchanges(current.candidate), current);
      if (next === current) break;
      current = next;
    }
    const kicked = evaluation.best().candidate.map((stages) => [...stages]);
    for (let times = 0; times < kick; times += 1) {
      const item = random(kicked.length);
      kicked[item] = stagesOn(context.work[item], random(components));
    }
    if (evaluation.count >= settings.budget) return;
    current = await evaluation.batch([kicked]);
  }
}

async function best(
  evaluation: Evaluation,
  budget: number,
  neighbours: readonly Candidate[],
  current: Evaluated,
): Promise<Evaluated> {
  if (neighbours.length === 0) return current;
  const found = await evaluation.batch(neighbours.slice(0, Math.max(1, budget - evaluation.count)));
  return compareCosts(found.cost, current.cost) < 0 ? found : current;
}

function moves(work: readonly Work[], candidate: Candidate, components: number): Candidate[] {
  return candidate.flatMap((stages, item) =>
    Array.from({ length: components }, (_, at) => at)
      .filter((at) => stages.some((other) => other !== at))
      .map((at) => candidate.map((kept, index) => (index === item ? stagesOn(work[item], at) : kept))),
  );
}

function exchanges(candidate: Candidate): Candidate[] {
  const neighbours: Candidate[] = [];
  candidate.forEach((stages, item) => {
    for (let other = item + 1; other < candidate.length; other += 1) {
      const others = candidate[other];
      if (others === undefined || others.join() === stages.join()) continue;
      if (others.length !== stages.length) continue;
      neighbours.push(candidate.map((kept, index) => (index === item ? others : index === other ? stages : kept)));
    }
  });
  return neighbours;
}

/** Greedy: the heaviest tenants first, each where the load becomes least. */
function spread({ components, operatingPoint, work }: EstimationContext): Candidate {
  const load = components.map(() => 0);
  const added = (item: number, at: number): number => {
    const entry = work[item];
    const cost = entry?.costs[0]?.[at] ?? null;
    return cost === null ? Infinity : (Math.max(entry?.ratePerS ?? 0, 1e-3) * cost.p50Ms) / 1000 / operatingPoint.speed;
  };
  const lightest = (item: number): number => {
    const least = Math.min(...components.map((_, at) => added(item, at)));
    return Number.isFinite(least) ? least : 0;
  };
  const order = work.map((_, item) => item).sort((a, b) => lightest(b) - lightest(a));
  const mapping = work.map(() => 0);
  for (const item of order) {
    let chosen = 0;
    for (let at = 1; at < components.length; at += 1) {
      const there = (load[at] ?? 0) + added(item, at);
      if (there < (load[chosen] ?? 0) + added(item, chosen)) chosen = at;
    }
    mapping[item] = chosen;
    const cost = added(item, chosen);
    if (Number.isFinite(cost)) load[chosen] = (load[chosen] ?? 0) + cost;
  }
  return together(work, mapping);
}
