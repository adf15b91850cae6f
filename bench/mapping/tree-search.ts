// Monte Carlo tree search over one stage after the other, in the manner of OmniBoost and RankMap, with the same estimator and as
// many evaluations as ours: written from what their papers say, and not tuned.
import type { SearchProblem } from '../../src/mapping/search/problem';
import { Evaluations, type Rated } from '../../src/mapping/search/evaluations';
import { SearchSpace } from '../../src/mapping/search/space';
import type { Random } from '../../src/simulation/random';

/** Weight of what was seldom tried, for rewards from 0 to 1. */
const exploration = 0.7;
/** Random completions of a partial mapping, evaluated as one batch. */
const rollouts = 8;

interface Node {
  visits: number;
  /** Sum of the costs of its rollouts. */
  costs: number;
  readonly children: (Node | undefined)[];
}

const newNode = (): Node => ({ visits: 0, costs: 0, children: [] });

export async function treeSearch(
  problem: SearchProblem,
  budget: number,
  keep: number,
  random: Random,
): Promise<readonly Rated[]> {
  const space = new SearchSpace(problem.context, problem.groups);
  const evaluations = new Evaluations(problem, space, { budget, keep, timeBudgetMs: null, clock: () => 0 });
  const root = newNode();
  let [least, most] = [Infinity, -Infinity];
  // Rollouts that were seen before cost nothing, but are no reason to go on for ever.
  for (let round = 0; !evaluations.exhausted && round < 4 * budget; round += 1) {
    const path = [root];
    const genes: number[] = [];
    let node = root;
    while (genes.length < space.genes) {
      const choices = space.choices[genes.length] ?? [];
      const fresh = choices.filter((_, index) => node.children[index] === undefined);
      const index = fresh.length > 0 ? choices.indexOf(random.pick(fresh)) : mostPromising(node, least, most);
      genes.push(choices[index] ?? 0);
      const child = (node.children[index] ??= newNode());
      path.push(child);
      node = child;
      if (fresh.length > 0) break;
    }
    const completions = Array.from({ length: genes.length < space.genes ? rollouts : 1 }, () =>
      space.choices.map((choices, gene) => genes[gene] ?? random.pick(choices)),
    );
    for (const rated of await evaluations.rate(completions)) {
      if (rated === null) continue;
      const cost = rated.cost.energy;
      least = Math.min(least, cost);
      most = Math.max(most, cost);
      for (const visited of path) {
        visited.visits += 1;
        visited.costs += cost;
      }
    }
  }
  return evaluations.top();
}

/** Upper confidence bound for trees: mean reward, plus what it could be for all that is known. */
function mostPromising({ visits, children }: Node, least: number, most: number): number {
  let best = 0;
  let bestScore = -Infinity;
  children.forEach((child, index) => {
    if (child === undefined) return;
    const tried = Math.max(1, child.visits);
    const reward = most > least ? (most - child.costs / tried) / (most - least) : 0;
    const score = reward + exploration * Math.sqrt(Math.log(Math.max(1, visits)) / tried);
    if (score > bestScore) [best, bestScore] = [index, score];
  });
  return best;
}
