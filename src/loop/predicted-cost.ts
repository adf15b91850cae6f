import type { HostEntry } from '../inference/hosting/host-entry';
import { OperatorProfiler } from '../inference/operator-profiler';
import { CostModelStore } from '../mapping/operators/cost-model-store';
import { predictModelCost, type PredictedCost } from '../mapping/operators/predict-cost';
import { describeMachine } from '../power/describe-machine';
import { detectMachine } from '../power/detect';
import { createDevice } from '../power/device';
import { thisMachine } from '../power/machine/machine';
import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import { measureOperatorCosts } from './operator-costs';

/**
 * Measures what operators cost on each class of components of this machine, and keeps it.
 * @param say hears how far it is
 * @throws EcomapError RUNTIME_UNAVAILABLE, HOST_CRASHED
 */
export async function measureThisMachine(stateDirectory: string, say: (text: string) => void): Promise<void> {
  const description = describeMachine(detectMachine());
  const device = createDevice(description, { machine: thisMachine });
  const store = new CostModelStore(stateDirectory, say);
  try {
    const classes = new Map(description.components.map((component) => [component.componentClass, component]));
    for (const [componentClass, component] of classes) {
      const found = await measureOperatorCosts({
        device,
        component,
        onProgress: (done, total) => {
          if (done % 20 === 0 || done === total) say(`${componentClass}: ${done} of ${total} models measured`);
        },
      });
      await store.put(found);
    }
  } finally {
    await device.close();
  }
}

export interface CostQuestion {
  readonly path: string;
  /** Hash that the file must have; null means any. */
  readonly sha256: string | null;
  /** Shape of the first input; null takes 1 for what the model leaves open. */
  readonly dims: readonly number[] | null;
}

/** One thread, wherever there is room: nothing is timed. */
const looking: Component = { name: 'model-info', kind: 'cpu', cores: [], threads: 1, componentClass: 'model-info' };

/**
 * What a variant should cost on each class of components of a device whose operators were measured, by its operators alone: for variants that
 * were not profiled yet. Empty where nothing was measured. Reads megabytes: not for Node-RED's process.
 * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, INPUT_MISMATCH, RUNTIME_UNAVAILABLE, HOST_CRASHED
 */
export async function predictVariantCost(
  question: CostQuestion,
  deviceFingerprint: string,
  store: CostModelStore,
  hostEntry?: HostEntry,
): Promise<PredictedCost[]> {
  const classes = await store.of(deviceFingerprint);
  if (classes.length === 0) return [];
  const profiler = new OperatorProfiler(hostEntry && { hostEntry });
  try {
    const { operators } = await profiler.list({ ...question, component: looking });
    return classes.map((costs) => predictModelCost(operators, costs));
  } finally {
    await profiler.close();
  }
}

/** @throws EcomapError as {@link predictVariantCost}; INVALID_CONFIG when no operators were measured on this machine */
export async function predictOnThisMachine(
  path: string,
  stateDirectory: string,
  warn: (text: string) => void,
): Promise<PredictedCost[]> {
  const costs = await predictVariantCost(
    { path, sha256: null, dims: null },
    describeMachine(detectMachine()).fingerprint,
    new CostModelStore(stateDirectory, warn),
  );
  if (costs.length === 0) {
    throw new EcomapError(
      'INVALID_CONFIG',
      'Nothing is known of what operators cost on this machine. Measure them with: npx ecomap-doctor --measure-operators',
    );
  }
  return costs;
}

/** For people; says in every line that it is a prediction. */
export function predictionText(costs: readonly PredictedCost[]): string {
  const lines = costs.flatMap(
    ({ componentClass, latencyMs, energyJ, coveredShare, unknownOperators, byOperatorType }) => [
      `${componentClass}: ${latencyMs.toPrecision(3)} ms and ${(1000 * energyJ).toPrecision(3)} mJ per inference (predicted, not measured)`,
      `  ${(100 * coveredShare).toFixed(0)} % of it by operator types that were measured here` +
        (unknownOperators === 0 ? '' : `; without ${unknownOperators} operators whose shapes are not known`),
      ...byOperatorType.map(
        ({ type, count, latencyMs: ms, known }) =>
          `  ${String(count).padStart(4)} ${type}: ${ms.toPrecision(3)} ms${known ? '' : ' (never measured: by operations and bytes)'}`,
      ),
    ],
  );
  return `${lines.join('\n')}\n`;
}
