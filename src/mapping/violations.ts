import { clockSpeed, fullLoadW } from '../signals/device';
import type { EstimationContext } from './estimator/estimator';
import { computingMs, loadLimit } from './estimator/analytic';
import { placedStages, type PlacedStage } from './estimator/placed-stages';
import type { Evaluated, Limits } from './search/objective';
import type { Violation } from '../signals/violated';

/** A limit and what is predicted of it. */
interface Constraint {
  /** The same in all plans for the same tenants and components. */
  readonly key: string;
  readonly constraint: Violation['constraint'];
  readonly value: number;
  readonly limit: number;
  /** The piece of work that has the largest part in it. */
  readonly item: () => number;
}

function constraintsOf(found: Evaluated, context: EstimationContext, limits: Limits): Constraint[] {
  const { prediction } = found;
  const constraints: Constraint[] = [];
  if (limits.capW !== null) {
    constraints.push({
      key: 'power',
      constraint: 'power',
      value: prediction.powerW.upper,
      limit: limits.capW,
      item: () => largest(context, (item) => dynamicW(item, found, context)),
    });
  }
  prediction.load.forEach((load, at) => {
    const share = (item: number): number =>
      stagesOf(item, found, context)
        .filter((stage) => stage.at === at)
        .reduce((sum, { cost }) => sum + (context.work[item]?.ratePerS ?? 0) * (cost?.p50Ms ?? 0), 0);
    constraints.push({
      key: `load ${at}`,
      constraint: 'load',
      value: load,
      limit: loadLimit,
      item: () => largest(context, share),
    });
  });
  limits.demands.forEach(({ latencyLimitMs }, item) => {
    const latency = prediction.latencyMs[item] ?? null;
    if (latency === null) return;
    constraints.push({
      key: `latency ${item}`,
      constraint: 'latency',
      value: latency.upper,
      limit: latencyLimitMs,
      item: () => item,
    });
  });
  return constraints;
}

function asViolation({ constraint, value, limit, item }: Constraint, context: EstimationContext): Violation[] {
  const work = context.work[item()];
  return work === undefined
    ? []
    : [{ tenant: work.tenant, variant: work.variant, constraint, origin: 'predicted', value, limit }];
}

/** Lists every limit that a predicted plan breaks, one entry per broken constraint. */
export function violationsOf(found: Evaluated, context: EstimationContext, limits: Limits): Violation[] {
  return constraintsOf(found, context, limits)
    .filter(({ value, limit }) => value > limit)
    .flatMap((constraint) => asViolation(constraint, context));
}

/** A limit that moves by less than this share of it has not come nearer. */
const noticeable = 0.005;

/**
 * Of the limits that a plan comes nearer to than another one does, the nearest; undefined where there is none. A cap above what the
 * device can draw at that operating point is no limit.
 */
export function nearestLimit(
  found: Evaluated,
  context: EstimationContext,
  before: { readonly found: Evaluated; readonly context: EstimationContext },
  limits: Limits,
): Violation | undefined {
  const earlier = new Map(
    constraintsOf(before.found, before.context, limits).map(({ key, value, limit }) => [key, value / limit]),
  );
  const cannotBreakCap = limits.capW !== null && fullLoadW(context.operatingPoint) <= limits.capW;
  const nearer = constraintsOf(found, context, limits).filter(
    ({ key, value, limit }) =>
      !(key === 'power' && cannotBreakCap) && value / limit > (earlier.get(key) ?? 0) + noticeable,
  );
  return worstOf(nearer.flatMap((constraint) => asViolation(constraint, context)));
}

/** Sum over all broken constraints of value/limit - 1. */
export function excessOf(violations: readonly Violation[]): number {
  return violations.reduce((sum, { value, limit }) => sum + value / limit - 1, 0);
}

/** Of some constraints the one that is exceeded most, or comes nearest to it; undefined when there are none. */
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
