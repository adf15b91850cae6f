import type { Random } from '../random';

export type FamilyName = 'inspect' | 'gauge' | 'vibration';

export type SampleTruth =
  | { readonly kind: 'class'; readonly label: string; readonly index: number }
  | { readonly kind: 'value'; readonly value: number };

/** One generated input of a demonstration model, ready to run, with the answer that is known because it was generated. */
export interface DemonstrationSample {
  readonly family: FamilyName;
  readonly data: Float32Array;
  readonly dims: readonly number[];
  readonly truth: SampleTruth;
}

export type SampleGenerator = (random: Random) => DemonstrationSample;

/** A reading counts as right within this share of full scale. */
export const VALUE_TOLERANCE = 0.02;

/** Whether a model's output (class scores, or one reading) is the right answer for the sample. */
export function isCorrect(sample: DemonstrationSample, output: Float32Array, tolerance = VALUE_TOLERANCE): boolean {
  if (sample.truth.kind === 'value') {
    const reading = output[0];
    return reading !== undefined && Math.abs(reading - sample.truth.value) <= tolerance;
  }
  let best = -1;
  let bestScore = -Infinity;
  output.forEach((score, index) => {
    if (score > bestScore) {
      best = index;
      bestScore = score;
    }
  });
  return best === sample.truth.index;
}
