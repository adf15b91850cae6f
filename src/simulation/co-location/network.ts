import type { Random } from '../random';
import { efficiency, logUniform, type SimulatedDevice, type SimulatedLevel, type WorkKind } from './device';

/** One stage of a simulated network. The last four figures are hidden: no profile of the network alone shows them. */
export interface SimulatedStage {
  readonly gigaflop: number;
  readonly gigabytes: number;
  /** Of its input, MB. */
  readonly activationMB: number;
  readonly kernels: number;
  /** Share of the unit's peak that it reaches, by unit. */
  readonly efficiency: readonly number[];
  /** Share of the GPU that it fills. */
  readonly occupancy: number;
  /** Share of the cores that it keeps busy. */
  readonly parallelism: number;
  readonly cacheSensitivity: number;
  readonly cachePressure: number;
}

export interface SimulatedNetwork {
  readonly stages: readonly SimulatedStage[];
}

/** Stage alone on a unit at a level. */
export interface StageRun {
  readonly latencyS: number;
  /** Above static power, J. */
  readonly energyJ: number;
  /** Share of the time that it waits for memory. */
  readonly memoryBound: number;
  readonly gigabytesPerS: number;
}

/** Floating point operations per byte of memory traffic. */
const intensity: Readonly<Record<WorkKind, readonly [number, number]>> = {
  conv: [40, 150],
  depthwise: [5, 20],
  attention: [15, 50],
};
/** What networks consist of: mostly the first kind of work, now and then the second. */
const families: readonly (readonly [WorkKind, WorkKind])[] = [
  ['conv', 'depthwise'],
  ['depthwise', 'conv'],
  ['attention', 'conv'],
];

export function randomNetwork(random: Random, device: SimulatedDevice): SimulatedNetwork {
  const gigaflop = logUniform(random, 0.3, 25);
  const weights = Array.from({ length: random.integer(2, 4) }, () => random.uniform(0.4, 1.6));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const family = random.pick(families);
  const occupancy = random.uniform(0.35, 1);
  const parallelism = random.uniform(0.35, 1);
  const sensitivity = random.uniform(0, 0.35);
  const pressure = random.uniform(0.1, 1);
  return {
    stages: weights.map((weight) => {
      const kind = family[random.chance(0.75) ? 0 : 1];
      const flop = (gigaflop * weight) / whole;
      const ownEfficiency = device.units.map((unit, index) => {
        const twin = device.units.findIndex((other) => other.kind === unit.kind);
        return {
          twin: twin === index ? null : twin,
          value: efficiency[unit.kind][kind] * Math.exp(0.25 * random.normal()),
        };
      });
      return {
        gigaflop: flop,
        gigabytes: flop / logUniform(random, ...intensity[kind]),
        activationMB: random.uniform(0.2, 4),
        kernels: random.integer(5, 39),
        efficiency: ownEfficiency.map(({ twin, value }) =>
          twin === null ? value : (ownEfficiency[twin]?.value ?? value),
        ),
        occupancy: Math.min(1, occupancy * random.uniform(0.8, 1.2)),
        parallelism: Math.min(1, parallelism * random.uniform(0.8, 1.2)),
        cacheSensitivity: sensitivity * random.uniform(0.7, 1.3),
        cachePressure: pressure * random.uniform(0.7, 1.3),
      };
    }),
  };
}

/** Joules per GB moved. */
const energyPerGB = 0.09;

/**
 * A stage by itself, by a roofline: `t = max(a, b) + min(a, b) / 4 + overhead` with a = computing, b = memory time.
 * @param at index of the unit
 */
export function runAlone(device: SimulatedDevice, level: SimulatedLevel, stage: SimulatedStage, at: number): StageRun {
  const unit = device.units[at];
  if (unit === undefined) throw new RangeError(`the simulated device has no unit ${at}`);
  const frequency = level.frequency[unit.kind];
  const overheadS =
    unit.kind === 'cpu' ? 50e-6 : unit.kind === 'dla' ? 300e-6 : (stage.kernels * 10e-6) / level.frequency.cpu;
  const computeS = stage.gigaflop / (unit.peakGflops * (stage.efficiency[at] ?? 1) * frequency);
  const memoryS = stage.gigabytes / (unit.bandwidthGBs * level.memory);
  const latencyS = Math.max(computeS, memoryS) + 0.25 * Math.min(computeS, memoryS) + overheadS;
  const activeW = unit.dynamicW * frequency ** 2.6 * (0.35 + 0.65 * Math.min(1, computeS / latencyS));
  return {
    latencyS,
    energyJ: latencyS * activeW + energyPerGB * stage.gigabytes,
    memoryBound: Math.min(1, memoryS / latencyS),
    gigabytesPerS: stage.gigabytes / latencyS,
  };
}

/** Time to bring the input of a stage from one unit to another, s. */
export const transferS = (level: SimulatedLevel, stage: SimulatedStage): number =>
  200e-6 + stage.activationMB / 1000 / (8 * level.memory);
