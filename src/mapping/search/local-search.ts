import type { Evaluations, Rated } from './evaluations';
import { exchanges, moves, randomGenes, shuffle, type Draw } from './moves';
import { compareCosts } from './objective';
import type { SearchSpace } from './space';

/** Neighbours evaluated before the best of them is taken. */
const glance = 16;
/** Genes that a restart draws anew. */
const kick = 3;

/** Looks at the neighbours a few at a time, in random order, and goes on from the first that are better, until none is. */
export async function descend(space: SearchSpace, evaluations: Evaluations, from: Rated, draw: Draw): Promise<void> {
  let current = from;
  for (let improved = true; improved;) {
    improved = false;
    const neighbours = shuffle([...moves(space, current.genes), ...exchanges(space, current.genes)], draw);
    for (let first = 0; first < neighbours.length && !improved; first += glance) {
      if (evaluations.exhausted) return;
      for (const rated of await evaluations.rate(neighbours.slice(first, first + glance))) {
        if (rated === null || compareCosts(rated.cost, current.cost) >= 0) continue;
        current = rated;
        improved = true;
      }
    }
  }
}

/** Descends again and again from the best mapping with some genes drawn anew: from more of them when nothing new turns up. */
export async function iteratedDescent(space: SearchSpace, evaluations: Evaluations, draw: Draw): Promise<void> {
  await descend(space, evaluations, evaluations.best(), draw);
  for (let idle = 0; !evaluations.exhausted;) {
    const before = evaluations.count;
    const genes = [...evaluations.best().genes];
    const anywhere = randomGenes(space, draw);
    for (let times = 0; times < kick + idle; times += 1) {
      const gene = draw(genes.length);
      genes[gene] = anywhere[gene] ?? 0;
    }
    const [kicked] = await evaluations.rate([genes]);
    if (kicked) await descend(space, evaluations, kicked, draw);
    idle = evaluations.count > before ? 0 : idle + 1;
  }
}
