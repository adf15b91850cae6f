import type { Operator } from '../../signals/operator-profile';
import type { OperatorCostModel } from './cost-model';
import { applyCostLaw } from './learning/cost-law';
import { runRow, timeOf } from './learn-costs';
import { featuresOf } from './operator-features';

export interface OperatorTypeCost {
  /** The kind of operator, see `kindOf`. */
  readonly type: string;
  readonly count: number;
  readonly latencyMs: number;
  readonly energyJ: number;
  /** Measured before on this kind of component; else by the general law of operations and bytes. */
  readonly known: boolean;
}

/** What a model should cost that was never timed on a component: never taken for a measurement. */
export interface PredictedCost {
  readonly predicted: true;
  readonly source: 'modelled';
  readonly componentClass: string;
  /** Of one run alone, ms. */
  readonly latencyMs: number;
  /** Of the whole device during one run alone, J: its idle share included. */
  readonly energyJ: number;
  /** The costliest first. Sums of the operators; what a run adds is in the totals alone. */
  readonly byOperatorType: readonly OperatorTypeCost[];
  /** Share of the predicted time that is of operator types which were measured here, 0..1. */
  readonly coveredShare: number;
  /** Operators of which nothing can be said, since their shapes are not known: not in the totals. */
  readonly unknownOperators: number;
}

/** Kinds that were seen less often say little. */
const leastSeen = 5;

/** Latency and energy of a model as the sum over its operators, plus what a run costs beside them. */
export function predictModelCost(operators: readonly Operator[], model: OperatorCostModel): PredictedCost {
  const byType = new Map<string, { count: number; ms: number; joules: number; known: boolean }>();
  const times: number[] = [];
  let unknownOperators = 0;
  for (const cost of predictOperators(operators, model)) {
    if (cost === null) {
      unknownOperators += 1;
      continue;
    }
    const { kind } = cost;
    const type = byType.get(kind) ?? { count: 0, ms: 0, joules: 0, known: cost.known };
    type.count += 1;
    type.ms += cost.ms;
    type.joules += (cost.ms / 1000) * (model.kinds[kind]?.powerW ?? model.powerW);
    byType.set(kind, type);
    times.push(cost.ms);
  }
  const sumMs = times.reduce((sum, ms) => sum + ms, 0);
  const sumJ = [...byType.values()].reduce((sum, { joules }) => sum + joules, 0);
  const knownMs = [...byType.values()].reduce((sum, { ms, known }) => sum + (known ? ms : 0), 0);
  // A law with a subtraction needs a floor: most of what the operators take, the run takes.
  const latencyMs = Math.max(applyCostLaw(model.run, runRow(times)), 0.4 * sumMs);
  const powerW = sumMs > 0 ? (1000 * sumJ) / sumMs : model.powerW;
  return {
    predicted: true,
    source: 'modelled',
    componentClass: model.componentClass,
    latencyMs,
    energyJ: (powerW * latencyMs) / 1000,
    byOperatorType: [...byType]
      .map(([type, { count, ms, joules, known }]) => ({ type, count, latencyMs: ms, energyJ: joules, known }))
      .sort((a, b) => b.latencyMs - a.latencyMs),
    coveredShare: sumMs > 0 ? knownMs / sumMs : 0,
    unknownOperators,
  };
}

export interface OperatorTime {
  readonly kind: string;
  readonly ms: number;
  /** Whether operators of its kind were measured. */
  readonly known: boolean;
}

/** The time of each operator of a model; null for those whose shapes are not known. */
export function predictOperators(operators: readonly Operator[], model: OperatorCostModel): (OperatorTime | null)[] {
  return featuresOf(operators).map((features) => {
    if (features === null) return null;
    const own = model.kinds[features.kind];
    const known = own !== undefined && own.operators >= leastSeen;
    const ms =
      own?.time == null ? timeOf(model.general, features) * Math.exp(own?.lnBias ?? 0) : timeOf(own.time, features);
    return { kind: features.kind, ms, known };
  });
}
