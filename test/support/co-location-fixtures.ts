import type { CoLocation, CoLocationMapping, CoLocationSample } from '../../src/signals/co-location';
import { referenceDevice } from '../../src/simulation/co-location/device';
import { coLocationSamples, networkPool } from '../../src/simulation/co-location/samples';
import { Random } from '../../src/simulation/random';

/** A few simulated co-locations of the reference device. */
export function fewSamples(workloads: number, perWorkload: number, seed = 5): CoLocationSample[] {
  const random = new Random(seed);
  const pool = networkPool(referenceDevice, 6, random);
  return coLocationSamples(referenceDevice, pool, { workloads, perWorkload }, random);
}

/** The same networks in another order. */
export function reordered(sample: CoLocation & { readonly mapping: CoLocationMapping }, order: readonly number[]) {
  const move = <T>(list: readonly T[]): T[] => order.flatMap((index) => list.slice(index, index + 1));
  return { device: sample.device, networks: move(sample.networks), mapping: move(sample.mapping) };
}
