import type { CoLocationSample } from '../../signals/co-location';
import { Random } from '../random';
import { randomDevice, randomJetson } from './device';
import { coLocationSamples, networkPool } from './samples';

/** What the default estimator learns from. */
export interface PretrainingPlan {
  readonly seed: number;
  /** Half of them of the make of a Jetson, half of any make. */
  readonly devices: number;
  readonly networksPerDevice: number;
  readonly workloadsPerDevice: number;
  readonly perWorkload: number;
}

export const pretrainingPlan: PretrainingPlan = {
  seed: 20,
  devices: 400,
  networksPerDevice: 12,
  workloadsPerDevice: 30,
  perWorkload: 5,
};

/** Most networks of a set. */
export const mostNetworks = 8;

/**
 * Samples of many random devices, one device after the other: sets of one to eight networks, some pausing, some without measured
 * sensitivities, so that the estimator can do with less. Workloads are numbered throughout.
 */
export function* pretrainingSamples(plan: PretrainingPlan): Generator<CoLocationSample[]> {
  for (let index = 0; index < plan.devices; index += 1) {
    // Each device has its own seed: more devices leave the first ones as they are.
    const random = new Random(plan.seed * 1000 + index);
    const device = index % 2 === 0 ? randomJetson(random) : randomDevice(random);
    const pool = networkPool(device, plan.networksPerDevice, random);
    const common = {
      perWorkload: plan.perWorkload,
      withoutSensitivity: 0.35,
      pausing: 0.35,
      profileNoise: 0.015,
      taken: new Set<string>(),
    };
    const large = Math.round(plan.workloadsPerDevice / 5);
    const usual = plan.workloadsPerDevice - large;
    const first = index * plan.workloadsPerDevice;
    yield [
      ...coLocationSamples(device, pool, { ...common, workloads: usual, firstWorkload: first }, random),
      ...coLocationSamples(
        device,
        pool,
        { ...common, workloads: large, firstWorkload: first + usual, sizes: [1, mostNetworks] },
        random,
      ),
    ];
  }
}
