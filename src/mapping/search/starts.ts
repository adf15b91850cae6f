import type { EstimationContext } from '../estimator/estimator';
import type { Genes, SearchSpace } from './space';

/** A rate of zero must not make a tenant weightless. */
const leastRatePerS = 1e-3;

/** Where a search may begin: spread by load, everything on its fastest component, everything on one component. */
export function simpleStarts(context: EstimationContext, space: SearchSpace): Genes[] {
  return [spread(context, space), fastest(context, space), ...together(context, space)];
}

/** The same mapping, but for stages that do not run where they are: those go where they are fastest. */
export function runnable(genes: Genes, context: EstimationContext, space: SearchSpace): Genes {
  const elsewhere = fastest(context, space);
  return genes.map((at, gene) => (space.choices[gene]?.includes(at) === true ? at : (elsewhere[gene] ?? at)));
}

/** Everything on one component; what cannot run there runs where it is fastest. */
function together(context: EstimationContext, space: SearchSpace): Genes[] {
  return context.components.map((_, at) =>
    runnable(
      space.choices.map(() => at),
      context,
      space,
    ),
  );
}

/** Each stage on the component that is fastest for it alone. */
function fastest(context: EstimationContext, space: SearchSpace): Genes {
  return context.work.flatMap((work, tenant) =>
    work.costs.map((stage, index) => {
      const choices = space.choices[(space.firstGene[tenant] ?? 0) + index] ?? [];
      return leastBy(choices, (at) => stage[at]?.p50Ms ?? Infinity);
    }),
  );
}

/** Greedy: the heaviest tenants first, each as a whole where the load becomes least; what runs whole nowhere, stage by stage. */
function spread(context: EstimationContext, space: SearchSpace): Genes {
  const { work, components } = context;
  const genes = [...fastest(context, space)];
  const load = components.map(() => 0);
  const addedBy = (tenant: number, at: number): number => {
    const item = work[tenant];
    const wholeMs = item?.whole?.costs[at]?.p50Ms;
    const stagesMs = item?.costs.reduce((sum, stage) => sum + (stage[at]?.p50Ms ?? Infinity), 0);
    return Math.max(item?.ratePerS ?? 0, leastRatePerS) * (wholeMs ?? stagesMs ?? Infinity);
  };
  const lightest = work.map((_, tenant) =>
    Math.min(...(space.wholeChoices[tenant] ?? []).map((at) => addedBy(tenant, at))),
  );
  const order = work.map((_, tenant) => tenant).sort((a, b) => (lightest[b] ?? 0) - (lightest[a] ?? 0));
  for (const tenant of order) {
    const first = space.firstGene[tenant] ?? 0;
    const choices = space.wholeChoices[tenant] ?? [];
    if (choices.length === 0) continue;
    const chosen = leastBy(choices, (at) => (load[at] ?? 0) + addedBy(tenant, at));
    genes.fill(chosen, first, first + space.stagesOf(tenant));
    load[chosen] = (load[chosen] ?? 0) + addedBy(tenant, chosen);
  }
  return genes;
}

/** The first of those with the least value; 0 of none. */
function leastBy(choices: readonly number[], value: (choice: number) => number): number {
  let least = choices[0] ?? 0;
  for (const choice of choices) if (value(choice) < value(least)) least = choice;
  return least;
}
