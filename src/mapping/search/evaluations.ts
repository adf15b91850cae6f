import { compareCosts, type Evaluated } from './objective';
import { ratingOf, type SearchProblem } from './problem';
import type { Genes, SearchSpace } from './space';

/** Candidates handed to the estimator at once: more is no faster, and the clock is looked at in between. */
const largestBatch = 256;

/** A mapping that was evaluated, in both of its forms. */
export interface Rated extends Evaluated {
  readonly genes: Genes;
}

export interface EvaluationLimits {
  /** Most evaluations. */
  readonly budget: number;
  /** Best mappings to remember. */
  readonly keep: number;
  /** Most time, ms; null: no limit. */
  readonly timeBudgetMs: number | null;
  /** Milliseconds from any origin, never going back. */
  readonly clock: () => number;
}

/**
 * Evaluates in batches, each distinct mapping once, until the budget is used up; remembers the best ones. Asking again for a mapping
 * that was seen costs nothing.
 */
export class Evaluations {
  count = 0;
  private readonly costOf: ReturnType<typeof ratingOf>;
  private readonly seen = new Map<string, Rated>();
  private readonly ranked: Rated[] = [];
  private readonly beganMs: number;

  constructor(
    private readonly problem: SearchProblem,
    private readonly space: SearchSpace,
    private readonly limits: EvaluationLimits,
  ) {
    this.costOf = ratingOf(problem);
    this.beganMs = limits.clock();
  }

  /** No further evaluation is allowed. */
  get exhausted(): boolean {
    return this.count >= this.limits.budget || this.elapsedMs() >= (this.limits.timeBudgetMs ?? Infinity);
  }

  /**
   * Share of the search that is over, from 0 to 1: of the evaluations, unless time will run out first. That is only asked once a
   * tenth of the time has passed, so that a slow start does not count.
   */
  get progress(): number {
    const { budget, timeBudgetMs } = this.limits;
    const share = budget > 0 ? Math.min(1, this.count / budget) : 1;
    if (timeBudgetMs === null) return share;
    const timeShare = this.elapsedMs() / timeBudgetMs;
    return timeShare < 0.1 ? share : Math.min(1, Math.max(share, timeShare));
  }

  /** Evaluates although the budget may be used up: what a search begins with. */
  async start(all: readonly Genes[]): Promise<Rated[]> {
    return (await this.rate(all, Infinity)).filter((rated) => rated !== null);
  }

  /** By mapping; null for those that the budget or the time no longer allowed. */
  async rate(all: readonly Genes[], most = this.limits.budget - this.count): Promise<(Rated | null)[]> {
    const keys = all.map((genes) => this.space.keyOf(genes));
    const fresh = new Map<string, Genes>();
    all.forEach((genes, index) => {
      const key = keys[index] ?? '';
      if (fresh.size < most && !this.seen.has(key)) fresh.set(key, genes);
    });
    const pending = [...fresh];
    for (let first = 0; first < pending.length; first += largestBatch) {
      if (most !== Infinity && this.exhausted) break;
      await this.evaluate(pending.slice(first, first + largestBatch));
    }
    return keys.map((key) => this.seen.get(key) ?? null);
  }

  /** The best distinct mappings so far, best first. */
  top(): readonly Rated[] {
    return this.ranked;
  }

  /** @throws RangeError before anything was evaluated */
  best(): Rated {
    const best = this.ranked[0];
    if (best === undefined) throw new RangeError('nothing was evaluated');
    return best;
  }

  private async evaluate(batch: readonly (readonly [string, Genes])[]): Promise<void> {
    const { estimator, context } = this.problem;
    const candidates = batch.map(([, genes]) => this.space.candidateOf(genes));
    const predictions = await estimator.estimate(candidates, context);
    this.count += batch.length;
    batch.forEach(([key, genes], index) => {
      const candidate = candidates[index] ?? [];
      const prediction = predictions[index];
      if (prediction === undefined) throw new RangeError(`estimator ${estimator.name} left out a prediction`);
      const rated = { genes, candidate, prediction, cost: this.costOf(candidate, prediction) };
      this.seen.set(key, rated);
      this.rank(rated);
    });
  }

  private rank(rated: Rated): void {
    const { ranked } = this;
    const keep = Math.max(1, this.limits.keep);
    const last = ranked.at(-1);
    if (ranked.length >= keep && last !== undefined && compareCosts(rated.cost, last.cost) >= 0) return;
    // Equally good ones stay in the order in which they were found.
    let at = ranked.length;
    while (at > 0 && compareCosts(rated.cost, ranked[at - 1]?.cost ?? rated.cost) < 0) at -= 1;
    ranked.splice(at, 0, rated);
    if (ranked.length > keep) ranked.pop();
  }

  private elapsedMs(): number {
    return this.limits.clock() - this.beganMs;
  }
}
