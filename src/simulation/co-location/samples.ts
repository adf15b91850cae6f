import type { CoLocationSample, Sensitivity } from '../../signals/co-location';
import type { Random } from '../random';
import type { SimulatedDevice } from './device';
import { simulate } from './event-loop';
import { randomNetwork, runAlone, type SimulatedNetwork } from './network';
import { deviceAt, measureSensitivity, profileAt } from './profiles';

/** A network of a pool with what was measured of it beside stressors. */
export interface PoolNetwork {
  readonly network: SimulatedNetwork;
  readonly sensitivity: readonly (Sensitivity | null)[];
}

export function networkPool(device: SimulatedDevice, count: number, random: Random): PoolNetwork[] {
  return Array.from({ length: count }, () => {
    const network = randomNetwork(random, device);
    return { network, sensitivity: measureSensitivity(device, network, random) };
  });
}

export interface SampleOptions {
  /** Different sets of networks. */
  readonly workloads: number;
  /** Mappings and operating points tried of each. */
  readonly perWorkload: number;
  /** Networks of a set; by default 2 to 5. */
  readonly sizes?: readonly [number, number];
  /** Networks that a set takes one or two of, where given, beside those of the pool. */
  readonly unseen?: readonly PoolNetwork[];
  /** Share of the sets whose networks pause between inferences. */
  readonly pausing?: number;
  /** Of the profiles: relative standard deviation; by default they are exact. */
  readonly profileNoise?: number;
  /** Share of the sets without measured sensitivities. */
  readonly withoutSensitivity?: number;
  /** Sets that must not come up again, by their key; new ones are added. */
  readonly taken?: Set<string>;
  /** Number of the first workload. */
  readonly firstWorkload?: number;
}

/** Random sets of networks at random mappings and operating points, as they ran. */
export function coLocationSamples(
  device: SimulatedDevice,
  pool: readonly PoolNetwork[],
  options: SampleOptions,
  random: Random,
): CoLocationSample[] {
  const taken = options.taken ?? new Set<string>();
  const samples: CoLocationSample[] = [];
  for (let workload = 0; workload < options.workloads; workload += 1) {
    const set = drawSet(pool, options, taken, random);
    const known = !random.chance(options.withoutSensitivity ?? 0);
    const pausing = random.chance(options.pausing ?? 0);
    for (let sample = 0; sample < options.perWorkload; sample += 1) {
      const level = random.pick(device.levels);
      const modes = drawModes(random);
      const running = set.map(({ network }) => {
        const units = modes(device.units.length, network.stages.length);
        // A pause of many times its run time makes a network a rare guest.
        const aloneS = network.stages.reduce(
          (sum, stage, at) => sum + runAlone(device, level, stage, units[at] ?? 0).latencyS,
          0,
        );
        return { network, units, pauseS: pausing ? aloneS * (Math.exp(random.uniform(0, Math.log(16))) - 1) : 0 };
      });
      const { latencyS, powerW } = simulate(device, level, running, random);
      samples.push({
        device: deviceAt(device, level),
        networks: set.map(({ network, sensitivity }, index) =>
          profileAt(
            device,
            level,
            network,
            known ? sensitivity : sensitivity.map(() => null),
            running[index]?.pauseS ?? 0,
            options.profileNoise ?? 0,
            random,
          ),
        ),
        mapping: running.map(({ units }) => units),
        workload: (options.firstWorkload ?? 0) + workload,
        latencyS,
        powerW,
      });
    }
  }
  return samples;
}

/** Some networks, none twice, and no set twice while there are others. */
function drawSet(
  pool: readonly PoolNetwork[],
  { sizes = [2, 5], unseen }: SampleOptions,
  taken: Set<string>,
  random: Random,
): PoolNetwork[] {
  for (let attempt = 0; ; attempt += 1) {
    const size = random.integer(...sizes);
    const foreign = unseen === undefined ? 0 : Math.min(size, random.integer(1, 2));
    const chosen = [
      ...distinct(pool.length, size - foreign, random),
      ...distinct(unseen?.length ?? 0, foreign, random).map((index) => pool.length + index),
    ];
    const key = [...chosen].sort((a, b) => a - b).join(',');
    if (taken.has(key) && attempt < 1000) continue;
    taken.add(key);
    return chosen.flatMap((index) => pool[index] ?? unseen?.[index - pool.length] ?? []);
  }
}

function distinct(of: number, count: number, random: Random): number[] {
  const chosen = new Set<number>();
  while (chosen.size < Math.min(of, count)) chosen.add(random.integer(0, of - 1));
  return [...chosen];
}

/** How the networks of a sample are spread: every stage anywhere, each on one unit, or each cut once. */
function drawModes(random: Random): (units: number, stages: number) => number[] {
  const mode = random.pick(['stages', 'whole', 'cut'] as const);
  const anywhere = (units: number): number => random.integer(0, units - 1);
  return (units, stages) => {
    if (mode === 'stages' || random.chance(0.2)) return Array.from({ length: stages }, () => anywhere(units));
    if (mode === 'whole') return new Array<number>(stages).fill(anywhere(units));
    const [before, after, cut] = [anywhere(units), anywhere(units), random.integer(1, Math.max(1, stages - 1))];
    return Array.from({ length: stages }, (_, stage) => (stage < cut ? before : after));
  };
}
