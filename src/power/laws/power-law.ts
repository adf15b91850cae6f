import type { HardwareState } from '../actuators/hardware-actuator';
import { fullLoadW, type Component, type OperatingPoint } from '../../signals/device';
import { clockLawOf, idleAt, type ClockLaw } from './clock-law';

export interface PowerLawOptions {
  /** The board's name or model. */
  readonly board: string;
  readonly components: readonly Component[];
  /** What the machine draws without any limit, for boards whose law is not known: plug readings, or what is typical. */
  readonly figures: { readonly idleW: number; readonly fullLoadW: number };
  /** All states that the actuator offers; the fastest of them is the unit of speed. */
  readonly states: readonly HardwareState[];
}

/** What states of the hardware mean for speed and watts. Always modelled. */
export interface StatePowerLaw {
  /** @returns an operating point with the state's name and `limits: clock` */
  operatingPointOf(state: HardwareState): OperatingPoint;
  readonly method: string;
  /** Relative error; null when unknown. */
  readonly accuracy: number | null;
}

/** Dynamic power of a processor goes with f x V^2, and voltage about with f. */
const cubic = 3;

export function powerLawOf(options: PowerLawOptions): StatePowerLaw {
  if (options.states.some(({ powerLimitW }) => powerLimitW !== null)) return limitLaw(options);
  const known = clockLawOf(options.board);
  return known === null ? genericClockLaw(options) : boardLaw(options, known);
}

const most = (states: readonly HardwareState[], field: 'gpuMhz' | 'cpuMhz' | 'cores' | 'gpuUnits'): number | null =>
  states.reduce<number | null>((highest, state) => {
    const value = state[field];
    return value === null ? highest : Math.max(highest ?? value, value);
  }, null);

/** At most as many cores as are on compute, and at the clock of the state. */
const share = (value: number | null, top: number | null): number =>
  value === null || top === null || top <= 0 ? 1 : Math.min(1, value / top);

/** Latency of DeepLabV3-ResNet101 (fp32, 512x384) on an AGX Xavier, ms: `a * 4/TPC / f_gpu_MHz + d / f_cpu_GHz`. */
const referenceLatency = { a: 448_436, d: 64.52 };

function boardLaw({ components, states }: PowerLawOptions, law: ClockLaw): StatePowerLaw {
  const top = {
    gpuMhz: most(states, 'gpuMhz'),
    cpuMhz: most(states, 'cpuMhz'),
    cores: most(states, 'cores'),
    gpuUnits: most(states, 'gpuUnits'),
  };
  const usesGpu = components.some(({ kind }) => kind === 'gpu');
  const threads = components.reduce((sum, { kind, threads: own }) => sum + (kind === 'cpu' ? own : 0), 0);
  const latencyMs = (gpuMhz: number, units: number, cpuMhz: number): number =>
    (referenceLatency.a * (4 / units)) / gpuMhz + referenceLatency.d / (cpuMhz / 1000);
  const speedOf = (state: HardwareState): number => {
    const cores = threads > 0 ? Math.min(1, (state.cores ?? threads) / threads) : 1;
    if (!usesGpu || top.gpuMhz === null) return share(state.cpuMhz, top.cpuMhz) * cores;
    const topCpu = top.cpuMhz ?? 1000;
    const unitsTop = law.gpu.allUnits === null ? 4 : (top.gpuUnits ?? law.gpu.allUnits);
    const units = law.gpu.allUnits === null ? 4 : (state.gpuUnits ?? unitsTop);
    return (
      latencyMs(top.gpuMhz, unitsTop, topCpu) / latencyMs(state.gpuMhz ?? top.gpuMhz, units, state.cpuMhz ?? topCpu)
    );
  };
  return {
    method: `modelled: ${law.method}`,
    accuracy: law.accuracy,
    operatingPointOf(state) {
      const gpuMhz = state.gpuMhz ?? top.gpuMhz;
      const units = law.gpu.allUnits === null ? 1 : (state.gpuUnits ?? law.gpu.allUnits) / law.gpu.allUnits;
      const gpuW = gpuMhz === null ? 0 : law.gpu.factor * units * gpuMhz ** law.gpu.exponent;
      const ghz = (state.cpuMhz ?? top.cpuMhz ?? 0) / 1000;
      const coreW = law.cpu.factor * ghz ** law.cpu.exponent;
      const coresPerThread = threads > 0 ? Math.min(1, (state.cores ?? threads) / threads) : 1;
      return {
        name: state.name,
        speed: clampSpeed(speedOf(state)),
        idleW: idleAt(law, gpuMhz),
        activeW: Object.fromEntries(
          components.map(({ name, kind, threads: own }) => {
            const watts = kind === 'gpu' ? gpuW : kind === 'cpu' ? coreW * own * coresPerThread : 0;
            return [name, watts];
          }),
        ),
        limits: 'clock',
      };
    },
  };
}

/** A processor of which only idle and full load are known: active power with the cube of the clock. */
function genericClockLaw({ components, figures, states }: PowerLawOptions): StatePowerLaw {
  const topMhz = most(states, 'cpuMhz') ?? most(states, 'gpuMhz');
  const threads = components.reduce((sum, component) => sum + component.threads, 0);
  return {
    method: 'modelled: active watts with the cube of the clock, of what the machine draws without a limit',
    accuracy: null,
    operatingPointOf(state) {
      const speed = clampSpeed(share(state.cpuMhz ?? state.gpuMhz, topMhz));
      const activeW = (figures.fullLoadW - figures.idleW) * speed ** cubic;
      return {
        name: state.name,
        speed,
        idleW: figures.idleW,
        activeW: spread(components, activeW, threads),
        limits: 'clock',
      };
    },
  };
}

/** A limit in watts is what it says; how fast the machine is under it follows from the cube law. */
function limitLaw({ components, figures, states }: PowerLawOptions): StatePowerLaw {
  const highestW = states.reduce((highest, { powerLimitW }) => Math.max(highest, powerLimitW ?? 0), figures.idleW);
  const threads = components.reduce((sum, component) => sum + component.threads, 0);
  return {
    method: 'modelled: full load draws the power limit; speed with the cube root of what it leaves above idle',
    accuracy: null,
    operatingPointOf(state) {
      const limitW = state.powerLimitW ?? highestW;
      const idleW = Math.min(figures.idleW, limitW);
      const above = Math.max(0, limitW - idleW);
      const most = Math.max(highestW - idleW, Number.EPSILON);
      return {
        name: state.name,
        speed: clampSpeed(Math.cbrt(above / most)),
        idleW,
        activeW: spread(components, above, threads),
        limits: 'clock',
      };
    },
  };
}

const spread = (components: readonly Component[], watts: number, threads: number): Record<string, number> =>
  Object.fromEntries(components.map(({ name, threads: own }) => [name, (watts * own) / Math.max(1, threads)]));

const clampSpeed = (speed: number): number => Math.min(1, Math.max(0.01, speed));

/** Fastest first, and among equals the one that draws less. */
export function byPowerAndSpeed(a: OperatingPoint, b: OperatingPoint): number {
  return b.speed - a.speed || fullLoadW(a) - fullLoadW(b);
}
