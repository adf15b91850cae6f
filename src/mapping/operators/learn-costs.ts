import { EcomapError } from '../../signals/errors';
import type { OperatorProfile } from '../../signals/operator-profile';
import { weakestSource } from '../../signals/quantities';
import type { OperatorCostModel, TimeModel } from './cost-model';
import { applyTrees, defaultTrees, growTrees } from './learning/boosted-trees';
import { applyCostLaw, fitCostLaw, leastSquares } from './learning/cost-law';
import { featuresOf, type OperatorFeatures } from './operator-features';
import { kindOf } from './operator-kind';

/** With fewer operators a kind has no law of its own. */
const leastForLaw = 25;
/** As if so many operators more cost what the general law says. */
const biasRidge = 3;
/** How hard the power of a kind is pulled to that of all; of shares of the latency scaled to the same length. */
const powerRidge = 0.3;
const leastModels = 8;
/** The general law is for what no kind of its own covers: roughly is enough. */
const generalTrees = { ...defaultTrees, trees: 30 };

interface Sample extends OperatorFeatures {
  readonly ms: number;
}

/**
 * Learns what operators cost from profiles of one kind of component of one device. The time of a kind of operator is a law of its
 * work with factors that are not negative, times what boosted trees make of its shape; its energy is its time at the power that
 * the energies of the whole runs give to that kind.
 * @throws EcomapError INVALID_CONFIG when the profiles are too few or not of one component class of one device
 */
export function learnOperatorCosts(profiles: readonly OperatorProfile[]): OperatorCostModel {
  const [first] = profiles;
  if (first === undefined || profiles.length < leastModels) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `The cost of operators can be learned from ${leastModels} measured models or more; there are ${profiles.length}.`,
    );
  }
  const { deviceFingerprint, componentClass, runtimeVersion } = first;
  const foreign = profiles.find(
    (profile) =>
      profile.deviceFingerprint !== deviceFingerprint ||
      profile.componentClass !== componentClass ||
      profile.runtimeVersion !== runtimeVersion,
  );
  if (foreign !== undefined) {
    throw new EcomapError(
      'INVALID_CONFIG',
      'Operator profiles of different devices, component classes or versions of ONNX Runtime cannot be learned from together: ' +
        `${componentClass} with ${runtimeVersion} and ${foreign.componentClass} with ${foreign.runtimeVersion}.`,
    );
  }
  const samples = profiles.flatMap(samplesOf);
  if (samples.length === 0)
    throw new EcomapError(
      'INVALID_CONFIG',
      'No operator of the measured models has known shapes. Measure other models.',
    );
  const general = learnTimes(samples, generalTrees);
  const powers = powerByKind(profiles);
  const byKind = groupBy(samples, ({ kind }) => kind);
  return {
    deviceFingerprint,
    componentClass,
    runtimeVersion,
    models: profiles.length,
    kinds: Object.fromEntries(
      [...byKind].map(([kind, own]) => [
        kind,
        {
          operators: own.length,
          time: own.length < leastForLaw ? null : learnTimes(own),
          lnBias:
            own.reduce((sum, sample) => sum + Math.log(sample.ms / timeOf(general, sample)), 0) /
            (own.length + biasRidge),
          powerW: powers.of.get(kind) ?? powers.mean,
        },
      ]),
    ),
    general,
    run: fitCostLaw(
      profiles.map(({ operators }) => runRow(operators.map(({ ms }) => ms))),
      profiles.map(({ latencyMs }) => latencyMs),
    ),
    powerW: powers.mean,
    energy: {
      source: weakestSource(profiles.map(({ energy }) => energy.source)) ?? first.energy.source,
      method: [...new Set(profiles.map(({ energy }) => energy.method))].join('; '),
    },
  };
}

/** Columns of the law of a run. */
export function runRow(operatorMs: readonly number[]): number[] {
  return [1, operatorMs.reduce((sum, ms) => sum + ms, 0), -operatorMs.length];
}

/** Milliseconds; never zero. */
export function timeOf({ law, trees }: TimeModel, { work, details }: OperatorFeatures): number {
  return Math.max(leastMs, applyCostLaw(law, work)) * Math.exp(applyTrees(trees, details));
}

/** Nothing is faster than a call. */
const leastMs = 1e-4;

function learnTimes(samples: readonly Sample[], settings = defaultTrees): TimeModel {
  const law = fitCostLaw(
    samples.map(({ work }) => work),
    samples.map(({ ms }) => ms),
  );
  const lawMs = (sample: Sample): number => timeOf({ law, trees: [] }, sample);
  const trees = growTrees(
    samples.map(({ details }) => details),
    samples.map((sample) => Math.log(sample.ms / lawMs(sample))),
    settings,
  );
  return { law, trees };
}

function samplesOf({ operators }: OperatorProfile): Sample[] {
  return featuresOf(operators).flatMap((features, index) => {
    const ms = operators[index]?.ms;
    return features === null || ms === undefined ? [] : [{ ...features, ms }];
  });
}

/** Watts of each kind for which the energies of the runs come out best, pulled towards the mean of all. */
function powerByKind(profiles: readonly OperatorProfile[]): { mean: number; of: ReadonlyMap<string, number> } {
  const powerOf = ({ energyJ, latencyMs }: OperatorProfile): number => (1000 * energyJ) / latencyMs;
  const mean = profiles.reduce((sum, profile) => sum + powerOf(profile), 0) / profiles.length;
  const kinds = [...new Set(profiles.flatMap(({ operators }) => operators.map(kindOf)))];
  const rows = profiles.map(({ operators }) => {
    const total = operators.reduce((sum, { ms }) => sum + ms, 0);
    const shares = new Map<string, number>();
    for (const operator of operators) {
      const kind = kindOf(operator);
      shares.set(kind, (shares.get(kind) ?? 0) + operator.ms / total);
    }
    return kinds.map((kind) => shares.get(kind) ?? 0);
  });
  const above = leastSquares(
    rows,
    profiles.map((profile) => powerOf(profile) - mean),
    { ridge: powerRidge, floor: -Infinity },
  );
  return { mean, of: new Map(kinds.map((kind, index) => [kind, Math.max(mean / 10, mean + (above[index] ?? 0))])) };
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}
