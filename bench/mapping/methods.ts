// Ways to decide.
import type { Candidate } from '../../src/mapping/estimator/estimator';
import { Evaluations } from '../../src/mapping/search/evaluations';
import { randomGenes } from '../../src/mapping/search/moves';
import { searchMapping, type SearchProblem } from '../../src/mapping/search/search';
import { SearchSpace } from '../../src/mapping/search/space';
import { Random } from '../../src/simulation/random';
import { predictedCost } from './cost';
import { estimatorOf } from './estimators';
import type { Instance } from './instance';
import type { Learned, Predictor } from './learning';
import { treeSearch } from './tree-search';

export interface Method {
  readonly name: string;
  /** Mappings to measure, the most promising first; of these the one that measures best is taken. */
  readonly propose: (instance: Instance) => Promise<readonly Candidate[]>;
}

/** Evaluations of a decision, and mappings measured before it. */
export const evaluations = 3000;
const measured = 3;

export const ours = 'ours, calibrated on 200';
export const shipped = 'ours, as shipped';

export function problemOf(instance: Instance, { network, lnPowerMargin }: Predictor): SearchProblem {
  return {
    context: instance.context,
    limits: { capW: null, demands: [] },
    estimator: estimatorOf(network, instance, lnPowerMargin),
    // No two units are alike here.
    groups: instance.context.components.map((_, at) => at),
    rate: (_candidate, prediction) => predictedCost(instance, prediction),
  };
}

/** Our search, whoever predicts. */
export async function searchWith(predictor: Predictor, instance: Instance): Promise<readonly Candidate[]> {
  const { top } = await searchMapping(problemOf(instance, predictor), {
    budget: evaluations,
    starts: [],
    seed: instance.seed,
    keep: measured,
  });
  return top.map(({ candidate }) => candidate);
}

export function methodsOf(learned: Learned): Method[] {
  const { calibrated } = learned;
  const search = (name: string, predictor: Predictor): Method => ({
    name,
    propose: (instance) => searchWith(predictor, instance),
  });
  return [
    { name: 'one random mapping', propose: (instance) => Promise.resolve([drawn(instance)]) },
    { name: 'all on one unit, the best of them', propose: (instance) => Promise.resolve(onOne(instance)) },
    search('additive model, our search', learned.additive),
    search('mean value analysis, our search', learned.meanValueAnalysis),
    search('linear regression, our search', learned.linear),
    search('boosted trees, our search', learned.trees),
    { name: 'our estimator, random search', propose: (instance) => randomSearch(calibrated, instance) },
    {
      name: 'our estimator, tree search',
      propose: async (instance) => {
        const random = new Random(instance.seed);
        const top = await treeSearch(problemOf(instance, calibrated), evaluations, measured, random);
        return top.map(({ candidate }) => candidate);
      },
    },
    search(shipped, learned.shipped),
    search(ours, calibrated),
  ];
}

function drawn(instance: Instance): Candidate {
  const random = new Random(instance.seed);
  const units = instance.device.units.length;
  return instance.networks.map(({ network }) => network.stages.map(() => random.integer(0, units - 1)));
}

const onOne = ({ device, networks }: Instance): Candidate[] =>
  device.units.map((_, at) => networks.map(({ network }) => network.stages.map(() => at)));

async function randomSearch(predictor: Predictor, instance: Instance): Promise<readonly Candidate[]> {
  const problem = problemOf(instance, predictor);
  const space = new SearchSpace(problem.context, problem.groups);
  const limits = { budget: evaluations, keep: measured, timeBudgetMs: null, clock: () => 0 };
  const all = new Evaluations(problem, space, limits);
  const random = new Random(instance.seed);
  const draw = (below: number): number => random.integer(0, below - 1);
  // In a small space most draws were seen before.
  for (let round = 0; !all.exhausted && round < 100; round += 1) {
    await all.rate(Array.from({ length: 256 }, () => randomGenes(space, draw)));
  }
  return all.top().map(({ candidate }) => candidate);
}
