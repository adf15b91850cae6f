import { demonstrationFamilies } from '../../src/models/family-card';
import { SamplePool } from '../../src/simulation/sample-pool';

export const warmUpS = 3;
export const inFlightPerTenant = 2;

/** What one way of running the models did to the event loop of its process. */
export interface ArmFigures {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maximumMs: number;
  readonly inferences: number;
  readonly seconds: number;
  readonly variants: readonly string[];
  readonly inFlightPerTenant: number;
}

/** The same inputs for every arm, made before the measurement begins. */
export function filledPool(): SamplePool {
  const pool = new SamplePool(demonstrationFamilies, 16, 1);
  while (pool.grow());
  return pool;
}

export const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));
