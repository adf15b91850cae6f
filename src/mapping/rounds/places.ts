import type { Component } from '../../signals/device';
import type { PlanTenant } from '../../signals/plan';
import type { VariantWork } from '../estimator/estimator';

/**
 * Where a plan puts the stages that a variant was measured in; a variant that is cut elsewhere is taken at the same nodes.
 * @returns the component of each stage, as an index; null where one of them is gone
 */
export function placesOf(
  stages: PlanTenant['stages'],
  { costs, firstNodes }: Pick<VariantWork, 'costs' | 'firstNodes'>,
  components: readonly Component[],
): number[] | null {
  const places = costs.map((_, stage) => {
    const first = firstNodes?.[stage] ?? stage;
    const name = stages.findLast(({ firstNode }) => firstNode <= first)?.component;
    return components.findIndex((component) => component.name === name);
  });
  return places.includes(-1) ? null : places;
}
