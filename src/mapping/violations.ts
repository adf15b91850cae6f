import { clockSpeed } from '../signals/device';
import type { EstimationContext } from './estimator/estimator';
import { computingMs, loadLimit } from './estimator/analytic';
import { placedStages, type PlacedStage } from './estimator/placed-stages';
import type { Evaluated, Limits } from './search/objective';
import type { Violation } from '../signals/violated';

/** Lists every limit that a predicted plan breaks, one entry per broken constraint. */
export function violationsOf(found: Evaluated, context: EstimationContext, limits: Limits): Violation[] {
  const violations: Violation[] = [];
  const { prediction } = found;
  const break_ = (item: number, constraint: Violation['constraint'], value: number, limit: number): void => {
    const work = context.work[item];
    if (work === undefined) return;
    violations.push({ tenant: work.tenant, variant: work.variant, constraint, origin: 'predicted', value, limit });
  };

  if (limits.capW !== null && prediction.powerW.upper > limits.capW) {
    break_(
      largest(context, (item) => dynamicW(item, found, context)),
      'power',
      prediction.powerW.upper,
      limits.capW,
    );
  }
  prediction.load.forEach((load, at) => {
    if (load <= loadLimit) return;
    const share = (item: number): number =>
      stagesOf(item, found, context)
        .filter((stage) => stage.at === at)
        .reduce((sum, { cost }) => sum + (context.work[item]?.ratePerS ?? 0) * (cost?.p50Ms ?? 0), 0);
    break_(largest(context, share), 'load', load, loadLimit);
  });
  limits.demands.forEach((demand, item) => {
    const latency = prediction.latencyMs[item] ?? null;
    if (latency !== null && latency.upper > demand.latencyLimitMs) {
      break_(item, 'latency', latency.upper, demand.latencyLimitMs);
    }
  });
  return violations;
}

/** Sum over all broken constraints of value/limit - 1. */
export function excessOf(violations: readonly Violation[]): number {
  return violations.reduce((sum, { value, limit }) => sum + value / limit - 1, 0);
}

/** The broken constraint that is exceeded most; undefined when none is. */
export function worstOf(violations: readonly Violation[]): Violation | undefined {
  return violations.reduce<Violation | undefined>(
    (worst, one) => (worst === undefined || one.value / one.limit > worst.value / worst.limit ? one : worst),
    undefined,
  );
}

/** Mean watts above idle that a tenant adds. */
function dynamicW(item: number, found: Evaluated, context: EstimationContext): number {
  const work = context.work[item];
  return stagesOf(item, found, context).reduce((sum, { at, cost }) => {
    const component = context.components[at];
    if (work === undefined || component === undefined || cost === null) return sum;
    const activeW = context.operatingPoint.activeW[component.name] ?? 0;
    return sum + (work.ratePerS * computingMs(component, cost) * activeW) / clockSpeed(context.operatingPoint) / 1000;
  }, 0);
}

function stagesOf(item: number, { candidate }: Evaluated, context: EstimationContext): PlacedStage[] {
  const work = context.work[item];
  return work === undefined ? [] : placedStages(work, candidate[item] ?? []);
}

/** The piece of work that contributes most: the one a violation is named after. */
function largest(context: EstimationContext, contribution: (item: number) => number): number {
  let found = 0;
  for (let item = 1; item < context.work.length; item += 1) {
    if (contribution(item) > contribution(found)) found = item;
  }
  return found;
}
