import type { CoLocationSample } from '../../signals/co-location';
import { Random } from '../random';
import type { SimulatedDevice } from './device';
import { coLocationSamples, networkPool } from './samples';

/** Data of one device: to learn from, to watch, and two tests. */
export interface DataSplits {
  readonly train: readonly CoLocationSample[];
  readonly val: readonly CoLocationSample[];
  /** Sets that were never seen, of networks that were. */
  readonly combo: readonly CoLocationSample[];
  /** Sets with one or two networks that were never seen. */
  readonly new: readonly CoLocationSample[];
}

/** Numbers of sets and of mappings per set. */
export interface SplitSizes {
  readonly train: readonly [number, number];
  readonly val: readonly [number, number];
  readonly combo: readonly [number, number];
  readonly new: readonly [number, number];
}

export const fullSplits: SplitSizes = { train: [1200, 5], val: [200, 5], combo: [100, 20], new: [100, 20] };

/** Networks that training sees, and those that it does not. */
const poolSizes = { seen: 22, unseen: 8 } as const;

/** Seeded: the same seed gives the same data on every machine. */
export function dataSplits(
  device: SimulatedDevice,
  seed: number,
  sizes: SplitSizes = fullSplits,
  more: { readonly withoutSensitivity?: number } = {},
): DataSplits {
  const random = new Random(seed);
  const seen = networkPool(device, poolSizes.seen, random.fork());
  const unseen = networkPool(device, poolSizes.unseen, random.fork());
  const taken = new Set<string>();
  let firstWorkload = 0;
  const draw = ([workloads, perWorkload]: readonly [number, number], others?: typeof unseen): CoLocationSample[] => {
    const options = { workloads, perWorkload, taken, firstWorkload, ...more, ...(others && { unseen: others }) };
    firstWorkload += workloads;
    return coLocationSamples(device, seen, options, random.fork());
  };
  return { train: draw(sizes.train), val: draw(sizes.val), combo: draw(sizes.combo), new: draw(sizes.new, unseen) };
}
