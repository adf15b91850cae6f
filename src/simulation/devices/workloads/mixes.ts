import type { DeviceModel } from '../model/device-model';
import { Random } from '../../random';
import { boardFamilies, networkOn, type BoardFamily } from './families';

export type Arrivals = 'poisson' | 'bursty';

export interface MixTenant {
  readonly name: string;
  readonly family: BoardFamily;
  readonly latencyLimitMs: number;
  readonly ratePerS: number;
}

/** Several tenants that share the device. */
export interface Mix {
  readonly name: string;
  readonly seed: number;
  readonly tenants: readonly MixTenant[];
  readonly arrivals: Arrivals;
  /** Latency limit over the latency alone, on the unit that it is fastest on at full clocks, of the most accurate variant. */
  readonly tightness: number;
  /** Share of the units' time that the most accurate variants take at full clocks. */
  readonly load: number;
}

const tightnesses = [8, 16, 32] as const;
const loads = [0.25, 0.4, 0.55] as const;
const sizes = [3, 4, 5] as const;
const arrivalKinds: readonly Arrivals[] = ['poisson', 'bursty'];

/**
 * Mixes of 3, 4 and 5 tenants. Size, tightness, load and kind of arrivals go round, so that every number of mixes covers them
 * evenly; which families meet, and how the load is shared among them, is drawn from the mix's own seed.
 */
export function seededMixes(model: DeviceModel, count: number, firstSeed: number): Mix[] {
  return Array.from({ length: count }, (_, index) => {
    const seed = firstSeed + index;
    const random = new Random(seed);
    const size = sizes[index % sizes.length] ?? 3;
    const tightness = tightnesses[Math.floor(index / 3) % tightnesses.length] ?? 16;
    const load = loads[random.integer(0, loads.length - 1)] ?? 0.4;
    const arrivals = arrivalKinds[index % 2] ?? 'poisson';
    const families = Array.from({ length: size }, () => random.pick(boardFamilies));
    const weights = families.map(() => random.uniform(0.5, 1.5));
    const tenants = families.map((family, position): MixTenant => {
      const { unit, aloneMs } = fastestAlone(model, family);
      const sharing = families.reduce(
        (sum, other, at) => sum + (fastestAlone(model, other).unit === unit ? (weights[at] ?? 0) : 0),
        0,
      );
      // What runs on the cores competes with its like only: the load is that of each unit in use.
      const share = (weights[position] ?? 0) / sharing;
      return {
        name: `${family.name}-${position + 1}`,
        family,
        latencyLimitMs: tightness * aloneMs,
        ratePerS: (1000 * load * share) / aloneMs,
      };
    });
    return { name: `mix ${index + 1}`, seed, tenants, arrivals, tightness, load };
  });
}

/** Where the most accurate variant is fastest at full clocks, and how fast. */
function fastestAlone(model: DeviceModel, { variants: [best] }: BoardFamily): { unit: 'gpu' | 'cpu'; aloneMs: number } {
  const clocks = model.mode('MAXN');
  const onGpu = networkOn(best, 'gpu');
  const onCpu = networkOn(best, 'cpu');
  const gpuMs = onGpu === null ? null : model.latencyMs(onGpu, 'gpu', clocks);
  const cpuMs = onCpu === null ? null : model.latencyMs(onCpu, 'cpu', clocks);
  if (gpuMs !== null && (cpuMs === null || gpuMs <= cpuMs)) return { unit: 'gpu', aloneMs: gpuMs };
  if (cpuMs === null) throw new Error(`${best.name} runs nowhere`);
  return { unit: 'cpu', aloneMs: cpuMs };
}
