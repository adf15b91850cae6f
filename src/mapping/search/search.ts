import type { Candidate } from '../estimator/estimator';
import { anneal } from './annealing';
import { Evaluations, type Rated } from './evaluations';
import { descend, iteratedDescent } from './local-search';
import type { Draw } from './moves';
import type { Evaluated } from './objective';
import { ratingOf, type SearchProblem } from './problem';
import { seededInteger } from './seeded';
import { SearchSpace, type Genes } from './space';
import { runnable, simpleStarts } from './starts';
import { distinctMappings } from './symmetry';

export type { SearchProblem } from './problem';

export interface SearchSettings {
  /** Most evaluations (but the starts are always evaluated). */
  readonly budget: number;
  /** Mappings to begin with, e.g. the one in force. Those of other tenants, stages or components are left out. */
  readonly starts: readonly Candidate[];
  readonly seed: number;
  /** Stay near the starts: no other starting points in a space too large for the budget. */
  readonly local?: boolean;
  /** Of the best mappings, how many to return; by default 3. */
  readonly keep?: number;
  /** Stages in which they differ from each other, where there are such; by default a fifth of all, at most 3. */
  readonly apart?: number;
  /** Most time, ms; absent: as long as the budget lasts. Where it runs out first, the outcome depends on the machine. */
  readonly timeBudgetMs?: number;
  /** Milliseconds from any origin, never going back; by default the time since the process began. */
  readonly clock?: () => number;
}

export interface SearchOutcome {
  readonly best: Evaluated;
  /**
   * The best mapping and others worth measuring, best first: each differs from the others in a few stages where there are such,
   * for mappings that are nearly the same measure nearly the same. None differ only by exchanging interchangeable components.
   */
  readonly top: readonly Evaluated[];
  /** Size of the space: for each stage the components that it may take, multiplied. */
  readonly candidates: number;
  /** Distinct mappings evaluated. */
  readonly evaluated: number;
}

/**
 * The best mapping of every stage of every tenant to a component, for a fixed choice of variants and operating point: complete where
 * the budget covers the space, otherwise by annealing and local search. The same for the same seed, unless time runs out. It can
 * be stopped by budget or time at any moment and answers with the best so far.
 */
export async function searchMapping(problem: SearchProblem, settings: SearchSettings): Promise<SearchOutcome> {
  const { context, groups } = problem;
  const space = new SearchSpace(context, groups);
  const keep = settings.keep ?? 3;
  const evaluations = new Evaluations(problem, space, {
    budget: settings.budget,
    keep: keep * poolPerKept,
    timeBudgetMs: settings.timeBudgetMs ?? null,
    clock: settings.clock ?? ((): number => performance.now()),
  });
  const given = settings.starts.map((start) => space.genesOf(start)).filter((genes) => genes !== null);
  const all = distinctUpTo(space, groups, settings.budget);
  if (all !== null) {
    await evaluations.start(given.length > 0 ? given : all.slice(0, 1));
    await evaluations.rate(all);
  } else {
    const isLocal = settings.local === true && given.length > 0;
    const own = given.flatMap((genes) => [genes, runnable(genes, context, space)]);
    const starts = await evaluations.start(isLocal ? own : [...own, ...simpleStarts(context, space)]);
    const draw = seededInteger(settings.seed);
    await (isLocal ? iteratedDescent(space, evaluations, draw) : searchLarge(space, evaluations, starts, draw));
  }
  const top = apartFromEachOther(evaluations.top(), keep, settings.apart ?? apartOf(space)).map(evaluatedOf);
  return { best: evaluatedOf(evaluations.best()), top, candidates: space.size, evaluated: evaluations.count };
}

/** Rates one mapping without a search. */
export async function evaluate(problem: SearchProblem, candidate: Candidate): Promise<Evaluated> {
  const [prediction] = await problem.estimator.estimate([candidate], problem.context);
  if (prediction === undefined) throw new RangeError(`estimator ${problem.estimator.name} left out a prediction`);
  return { candidate, prediction, cost: ratingOf(problem)(candidate, prediction) };
}

/** Stages in which mappings worth measuring differ: one in five, and no more than this. */
const mostApart = 3;
const apartOf = ({ genes }: SearchSpace): number => Math.min(mostApart, Math.max(1, Math.round(genes / 5)));
/** Good mappings remembered for each that is returned. */
const poolPerKept = 20;

/** The best, then the best of those that differ enough from all before; filled up with the next best. Best first. */
function apartFromEachOther(ranked: readonly Rated[], keep: number, leastApart: number): Rated[] {
  const chosen = new Set<Rated>();
  for (const rated of ranked) {
    if (chosen.size < keep && [...chosen].every((other) => distance(rated.genes, other.genes) >= leastApart)) {
      chosen.add(rated);
    }
  }
  for (const rated of ranked) if (chosen.size < keep) chosen.add(rated);
  return ranked.filter((rated) => chosen.has(rated));
}

const distance = (one: Genes, other: Genes): number => one.filter((at, gene) => at !== other[gene]).length;

const evaluatedOf = ({ candidate, prediction, cost }: Rated): Evaluated => ({ candidate, prediction, cost });

/** All distinct mappings, or null when there are more than `most`. */
function distinctUpTo(space: SearchSpace, groups: readonly number[], most: number): Genes[] | null {
  const all: Genes[] = [];
  for (const genes of distinctMappings(space.choices, groups)) {
    if (all.length >= most) return null;
    all.push(genes);
  }
  return all;
}

/** Share of the search that anneals; the rest is local search, which a small budget and the order of the objective favour. */
const annealed = 0.4;
/** Ends of the annealing from which local search goes on first. */
const ends = 4;

async function searchLarge(
  space: SearchSpace,
  evaluations: Evaluations,
  starts: readonly Rated[],
  draw: Draw,
): Promise<void> {
  const reached = await anneal(space, evaluations, starts, draw, annealed);
  for (const rated of reached.slice(0, ends)) await descend(space, evaluations, rated, draw);
  await iteratedDescent(space, evaluations, draw);
}
