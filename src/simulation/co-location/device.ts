import type { UnitKind } from '../../signals/co-location';
import type { Random } from '../random';

/** Kinds of work that use a unit differently well. */
export const workKinds = ['conv', 'depthwise', 'attention'] as const;
export type WorkKind = (typeof workKinds)[number];

/** A unit of a simulated device at its highest operating point. */
export interface SimulatedUnit {
  readonly kind: UnitKind;
  /** One run at a time in order of arrival; otherwise runs share it. */
  readonly queued: boolean;
  /** 1e9 floating point operations per second. */
  readonly peakGflops: number;
  readonly bandwidthGBs: number;
  readonly dynamicW: number;
}

/** One operating point. */
export interface SimulatedLevel {
  /** Clock relative to the highest, by kind of unit. */
  readonly frequency: Readonly<Record<UnitKind, number>>;
  /** Memory clock relative to the highest. */
  readonly memory: number;
  /** Infinite where the hardware does not limit itself. */
  readonly capW: number;
}

/** How strongly company disturbs. */
export interface Disturbance {
  /** Share of the GPU's speed that each further network on it costs. */
  readonly gpuSwitching: number;
  /** Slowdown of the GPU by cores that are asked for more than they can do, which also feed it. */
  readonly gpuHost: number;
  /** Slowdown of what waits for memory, by demand above what the memory gives. */
  readonly memory: number;
  /** Slowdown through caches on accelerators; on cores it is twice that. */
  readonly cache: number;
  /** Exponent of the slowdown above the power cap. */
  readonly throttling: number;
}

export interface SimulatedDevice {
  readonly units: readonly SimulatedUnit[];
  readonly levels: readonly SimulatedLevel[];
  readonly sharedBandwidthGBs: number;
  readonly staticW: number;
  readonly disturbance: Disturbance;
}

/** Share of the peak that each kind of work reaches. */
export const efficiency: Readonly<Record<UnitKind, Readonly<Record<WorkKind, number>>>> = {
  cpu: { conv: 0.6, depthwise: 0.35, attention: 0.5 },
  gpu: { conv: 0.5, depthwise: 0.13, attention: 0.35 },
  dla: { conv: 0.65, depthwise: 0.15, attention: 0.08 },
};

const clocks: Readonly<Record<UnitKind, readonly number[]>> = {
  cpu: [0.45, 0.65, 0.85, 1],
  gpu: [0.35, 0.55, 0.8, 1],
  dla: [0.5, 0.7, 0.9, 1],
};
const memoryClocks = [0.6, 0.8, 1, 1];
const capsW = [11, 17, 26, 42];

const peaks: Readonly<Record<UnitKind, Pick<SimulatedUnit, 'peakGflops' | 'bandwidthGBs' | 'dynamicW'>>> = {
  cpu: { peakGflops: 140, bandwidthGBs: 40, dynamicW: 14 },
  gpu: { peakGflops: 1800, bandwidthGBs: 90, dynamicW: 24 },
  dla: { peakGflops: 700, bandwidthGBs: 30, dynamicW: 9 },
};
/** Bandwidth of a unit as a share of what all of them share. */
const ownBandwidth: Readonly<Record<UnitKind, number>> = { cpu: 0.4, gpu: 0.9, dla: 0.3 };

function levels(capFactor: number, only: readonly number[] = [0, 1, 2, 3]): SimulatedLevel[] {
  return only.map((level) => ({
    frequency: { cpu: clocks.cpu[level] ?? 1, gpu: clocks.gpu[level] ?? 1, dla: clocks.dla[level] ?? 1 },
    memory: memoryClocks[level] ?? 1,
    capW: (capsW[level] ?? 42) * capFactor,
  }));
}

/** A device like a Jetson: cores, a GPU that several networks share, and one DLA. Every figure is an assumption. */
export const referenceDevice: SimulatedDevice = {
  units: [
    { kind: 'cpu', queued: false, ...peaks.cpu },
    { kind: 'gpu', queued: false, ...peaks.gpu },
    { kind: 'dla', queued: true, ...peaks.dla },
  ],
  levels: levels(1),
  sharedBandwidthGBs: 100,
  staticW: 6,
  disturbance: { gpuSwitching: 0.06, gpuHost: 0.3, memory: 1.3, cache: 0.5, throttling: 0.6 },
};

export const logUniform = (random: Random, low: number, high: number): number => low * (high / low) ** random.uniform();

/** A device of the same make as the reference with other strengths: what an estimator is pretrained on. */
export function randomJetson(random: Random): SimulatedDevice {
  return randomise(random, ['cpu', 'gpu', 'dla'], (kind) => kind === 'dla', 1);
}

/**
 * A device of another make: one to four sets of cores, perhaps a GPU, up to two DLAs; units that share or that queue; and
 * where there is nothing but cores, weaker ones on a slower memory.
 */
export function randomDevice(random: Random): SimulatedDevice {
  const onlyCores = random.chance(0.4);
  const cores = onlyCores ? random.integer(2, 4) : random.integer(1, 2);
  const kinds: UnitKind[] = Array.from({ length: cores }, () => 'cpu');
  if (!onlyCores) {
    if (random.chance(0.85)) kinds.push('gpu');
    for (let dla = random.integer(0, 2); dla > 0; dla -= 1) kinds.push('dla');
    if (kinds.length < 2) kinds.push('gpu');
  }
  const queues = { cpu: random.chance(0.6), gpu: random.chance(0.5), dla: true };
  return randomise(random, kinds, (kind) => queues[kind], onlyCores ? 0.5 : 1, 1 / Math.sqrt(cores));
}

/** Share of random devices that slow themselves down above a cap. */
const cappedShare = 0.6;

function randomise(
  random: Random,
  kinds: readonly UnitKind[],
  queued: (kind: UnitKind) => boolean,
  memoryFactor: number,
  coreShare = 1,
): SimulatedDevice {
  const sharedBandwidthGBs = 100 * memoryFactor * logUniform(random, 0.5, 2);
  const first = new Map<UnitKind, SimulatedUnit>();
  for (const kind of new Set(kinds)) {
    const { peakGflops, dynamicW } = peaks[kind];
    const share = kind === 'cpu' ? coreShare : 1;
    first.set(kind, {
      kind,
      queued: queued(kind),
      peakGflops: peakGflops * share * logUniform(random, 0.4, 2.5),
      bandwidthGBs: sharedBandwidthGBs * Math.min(1, ownBandwidth[kind] * logUniform(random, 0.7, 1.3)),
      dynamicW: dynamicW * share * logUniform(random, 0.6, 1.6),
    });
  }
  return {
    // Units of a kind are alike, as sets of the same number of cores are.
    units: kinds.flatMap((kind) => first.get(kind) ?? []),
    levels: levels(random.chance(cappedShare) ? logUniform(random, 0.7, 1.6) : Number.POSITIVE_INFINITY),
    sharedBandwidthGBs,
    staticW: 6 * logUniform(random, 0.5, 2),
    disturbance: {
      gpuSwitching: random.uniform(0, 0.12),
      gpuHost: random.uniform(0.1, 0.6),
      memory: random.uniform(0.7, 1.8),
      cache: random.uniform(0.2, 1),
      throttling: random.uniform(0.3, 0.9),
    },
  };
}
