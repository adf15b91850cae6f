import { z } from 'zod';
import type { Sensitivity } from './co-location';
import type { Component } from './device';
import { timeSchema } from './quantities';

/** How a network got on with company on a class of components; see `Sensitivity` in co-location.ts. Measured once. */
export const measuredSensitivitySchema = z.object({
  modelSha256: z.string(),
  componentClass: z.string(),
  deviceFingerprint: z.string(),
  /** Shape of the model's first input; null: as the model declares it. */
  dims: z.array(z.number().int().positive()).nullable(),
  /** Natural logarithms of slowdowns. */
  sensitivity: z.object({ besideMemory: z.number(), besideItself: z.number(), caused: z.number() }),
  measuredAt: timeSchema,
});
export type MeasuredSensitivity = z.infer<typeof measuredSensitivitySchema>;

export interface SensitivityRequest {
  readonly path: string;
  readonly sha256: string | null;
  readonly dims: readonly number[] | null;
  readonly component: Component;
  /** Where the memory stressor runs: cores that the component does not have. */
  readonly beside: Component;
  /** Ends the measurement under way. */
  readonly signal?: AbortSignal;
}

/** Runs networks beside stressors in child processes. Implemented in src/inference, used by the planner. */
export interface SensitivityRunner {
  /** @throws EcomapError as `ProfileRunner.measure`; the reason of the signal */
  measureSensitivity(request: SensitivityRequest): Promise<Sensitivity>;
}
