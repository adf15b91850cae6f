import { z } from 'zod';
import { sourceSchema, weakestSource, type Source } from '../../signals/quantities';

/**
 * Two scores of a device, in the spirit of the inference energy consumption score and the power consumption score that DeepEn2023
 * introduced. Its authors publish no formulas, so these are our own: never compare them with theirs.
 *
 * The reference is a device that is written down, not one that somebody owns: it computes 10^10 multiply-accumulates per second and
 * draws 10 W meanwhile, so that one costs 1 nJ. Both scores are a geometric mean over the same reference models, so that
 * each model counts alike and the ratio of two devices does not depend on the reference.
 */
export const referenceDevice = { macsPerS: 1e10, powerW: 10 } as const;

/** What a reference model costs on the device that is scored, alone. */
export const referenceRunSchema = z.object({
  model: z.string(),
  /** Multiply-accumulates of one inference. */
  macs: z.number(),
  latencyMs: z.number(),
  /** Of the whole device during one inference, J. */
  energyJ: z.number(),
  source: sourceSchema,
});
export type ReferenceRun = z.infer<typeof referenceRunSchema>;

export interface DeviceScores {
  /** 100 x geometric mean of (joules on the reference device / joules here), no unit. Twice as much: half the energy per inference. */
  readonly inferenceEnergyScore: number;
  /** 100 x geometric mean of (10 W / mean watts here while the model runs), no unit. Twice as much: half the power. */
  readonly powerScore: number;
  /** Of the energies behind them: the least trustworthy. */
  readonly source: Source;
  readonly models: number;
}

/** Null when there are no models, or one of them lacks a figure. */
export function deviceScores(runs: readonly ReferenceRun[]): DeviceScores | null {
  const source = weakestSource(runs.map((run) => run.source));
  const complete = runs.every((run) =>
    [run.macs, run.latencyMs, run.energyJ].every((value) => value > 0 && value < Infinity),
  );
  if (source === null || !complete) return null;
  const referenceJ = (macs: number): number => (macs / referenceDevice.macsPerS) * referenceDevice.powerW;
  return {
    inferenceEnergyScore: 100 * geometricMean(runs.map(({ macs, energyJ }) => referenceJ(macs) / energyJ)),
    powerScore:
      100 * geometricMean(runs.map(({ latencyMs, energyJ }) => (referenceDevice.powerW * latencyMs) / 1000 / energyJ)),
    source,
    models: runs.length,
  };
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
