import { quantile } from '../../src/signals/statistics';
import { detectMachine } from '../../src/power/detect';
import type { BenchModel, ModelName } from './models';

/** What every part of the benchmark gets. */
export interface BenchContext {
  readonly model: (name: ModelName) => BenchModel;
  /** Cores that the models run on: the first two that this process may use, or the only one. */
  readonly cores: readonly number[];
  readonly rounds: number;
  /** Length of one window, s. */
  readonly seconds: number;
  readonly warmUpS: number;
  /** Load before the first window of an arm, s: the compiler of Node.js takes some thousand requests to get to its best. */
  readonly startUpS: number;
  /** Short runs for development: figures of little worth. */
  readonly quick: boolean;
  readonly say: (text: string) => void;
}

/** What a part adds to the report. */
export interface PartResult {
  readonly figures: Readonly<Record<string, unknown>>;
  /** What was measured and how, in words and numbers. */
  readonly setup: Readonly<Record<string, unknown>>;
}

export function benchCores(): number[] {
  return detectMachine().cores.slice(0, 2);
}

/** One component per core, as the `device` node takes them. */
export function componentsOn(cores: readonly number[]): { name: string; cores: number[]; threads: number }[] {
  return cores.map((core) => ({ name: `cpu${core}`, cores: [core], threads: 1 }));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5) ?? Number.NaN;
}

/**
 * Measures everything once per round, the order turned round each time, so that what disturbs the machine meanwhile, or drifts,
 * meets all sides alike.
 */
export async function interleaved<Name extends string, Value>(
  rounds: number,
  measurements: Readonly<Record<Name, () => Promise<Value>>>,
): Promise<Record<Name, Value[]>> {
  const names = Object.keys(measurements) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Value[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      values[name].push(await measurements[name]());
    }
  }
  return values;
}

/** The median over the rounds of what two measurements of one round make together. */
export function pairedMedian<Value>(
  one: readonly Value[],
  other: readonly Value[],
  combine: (one: Value, other: Value) => number,
): number {
  return median(
    one.flatMap((value, round) => {
      const partner = other[round];
      return partner === undefined ? [] : [combine(value, partner)];
    }),
  );
}
