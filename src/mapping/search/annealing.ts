import type { Evaluations, Rated } from './evaluations';
import { randomGenes, randomStep, type Draw } from './moves';
import type { SearchSpace } from './space';

const chains = 8;
/** Chains that begin with the best of the starts; the others begin anywhere. */
const fromStarts = chains / 2;
/** Temperatures in units of `Cost.energy`: the first, and what is left of it at the end. */
const hottest = 0.1;
const cooled = 0.01;
/** Rounds in a row that found nothing new, after which the chains begin elsewhere. */
const mostIdle = 50;

/**
 * Simulated annealing (S. Kirkpatrick et al., Science 220, 1983) in several chains that advance together, so that their steps are
 * one batch; the temperature falls geometrically until `until`, a share of the search.
 * @returns where the chains ended, best first
 */
export async function anneal(
  space: SearchSpace,
  evaluations: Evaluations,
  starts: readonly Rated[],
  draw: Draw,
  until: number,
): Promise<Rated[]> {
  const begin = evaluations.progress;
  const scattered = async (count: number): Promise<(Rated | null)[]> =>
    evaluations.rate(Array.from({ length: count }, () => randomGenes(space, draw)));
  const sorted = [...starts].sort((a, b) => a.cost.energy - b.cost.energy).slice(0, fromStarts);
  let current: (Rated | null)[] = [...sorted, ...(await scattered(chains - sorted.length))];
  for (let idle = 0; !evaluations.exhausted && evaluations.progress < until;) {
    const share = Math.min(1, (evaluations.progress - begin) / (until - begin));
    const temperature = hottest * cooled ** share;
    const before = evaluations.count;
    const next = await evaluations.rate(
      current.map((rated) => (rated === null ? randomGenes(space, draw) : randomStep(space, rated.genes, draw))),
    );
    current = current.map((rated, chain) => {
      const proposed = next[chain] ?? null;
      if (proposed === null || rated === null) return proposed ?? rated;
      const worse = proposed.cost.energy - rated.cost.energy;
      return worse <= 0 || draw(1e6) / 1e6 < Math.exp(-worse / temperature) ? proposed : rated;
    });
    idle = evaluations.count > before ? 0 : idle + 1;
    if (idle >= mostIdle) {
      current = await scattered(chains);
      idle = 0;
    }
  }
  return current.filter((rated) => rated !== null).sort((a, b) => a.cost.energy - b.cost.energy);
}
