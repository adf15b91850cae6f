import type { ClockState, Consumer } from '../boards/board';

/** What the units of a device do, as means over a period. */
export interface Activity {
  /** Share of time the GPU computes, 0 to 1. */
  readonly gpu: number;
  /** How hard it is driven then, in watts; 1: as by the heavy fp32 networks that the power law was fitted to. */
  readonly gpuIntensity: number;
  /** Mean number of busy cores. */
  readonly cpuCores: number;
  /** How hard they are driven then; 1: as by ArmNN, which the law of the Xavier's cores was fitted to. */
  readonly cpuIntensity: number;
  /** Mean number of busy DLAs. */
  readonly dlas: number;
}

export const idleActivity: Activity = { gpu: 0, gpuIntensity: 1, cpuCores: 0, cpuIntensity: 1, dlas: 0 };

/** Several activities at once, each for a share of the time. */
export function combine(parts: readonly { readonly activity: Activity; readonly share: number }[]): Activity {
  const sum = { gpu: 0, gpuWeight: 0, cpu: 0, cpuWeight: 0, dlas: 0 };
  for (const { activity, share } of parts) {
    sum.gpu += share * activity.gpu;
    sum.gpuWeight += share * activity.gpu * activity.gpuIntensity;
    sum.cpu += share * activity.cpuCores;
    sum.cpuWeight += share * activity.cpuCores * activity.cpuIntensity;
    sum.dlas += share * activity.dlas;
  }
  return {
    gpu: sum.gpu,
    gpuIntensity: sum.gpu > 0 ? sum.gpuWeight / sum.gpu : 1,
    cpuCores: sum.cpu,
    cpuIntensity: sum.cpu > 0 ? sum.cpuWeight / sum.cpu : 1,
    dlas: sum.dlas,
  };
}

/** What is possible of an activity: no unit is busier than all the time. */
export function possible(activity: Partial<Activity>, cores: number, dlas: number): Activity {
  const full = { ...idleActivity, ...activity };
  const within = (value: number, most: number): number => Math.min(most, Math.max(0, value));
  return {
    ...full,
    gpu: within(full.gpu, 1),
    cpuCores: within(full.cpuCores, cores),
    dlas: within(full.dlas, dlas),
  };
}

/** Watts of the module, by what causes them. */
export type PowerParts = Readonly<Record<Consumer, number>>;

export const totalW = (parts: PowerParts): number => parts.base + parts.gpu + parts.cpu + parts.dla;

/**
 * Watts of one unit that is busy all the time, by its clock: a power law between neighbouring points (a straight line on
 * logarithmic scales), and `watts ~ MHz^exponent` beyond them.
 */
export interface ClockLaw {
  /** Ascending. */
  readonly points: readonly [ClockPoint, ...ClockPoint[]];
  readonly exponent: number;
}

interface ClockPoint {
  readonly mhz: number;
  readonly watts: number;
}

/** A law through one point. */
export const through = (watts: number, mhz: number, exponent: number): ClockLaw => ({
  points: [{ mhz, watts }],
  exponent,
});

/** The same law for a smaller or larger unit. */
export function scale({ points: [first, ...others], exponent }: ClockLaw, factor: number): ClockLaw {
  const scaled = ({ mhz, watts }: ClockPoint): ClockPoint => ({ mhz, watts: factor * watts });
  return { points: [scaled(first), ...others.map(scaled)], exponent };
}

export function wattsAt({ points, exponent }: ClockLaw, mhz: number): number {
  let [below] = points;
  for (const point of points) {
    if (point.mhz >= mhz) {
      if (point === below) break;
      const steepness = Math.log(point.watts / below.watts) / Math.log(point.mhz / below.mhz);
      return below.watts * (mhz / below.mhz) ** steepness;
    }
    below = point;
  }
  return below.watts * (mhz / below.mhz) ** exponent;
}

/** Module power of a device as a function of its clocks and of what it does. */
export interface PowerLaw {
  /** Measured idle power by the GPU's clock cap, ascending; linear in between. */
  readonly idle: readonly { readonly gpuMhz: number; readonly idleW: number }[];
  readonly gpu: ClockLaw;
  /** True: power of the GPU goes with the share of its clusters that are on. */
  readonly gpuScalesWithTpcs: boolean;
  readonly tpcs: number;
  /** Of one core. */
  readonly cpu: ClockLaw;
  /** Of one DLA. */
  readonly dla: ClockLaw;
  /** Where the figures come from, and which are assumptions. */
  readonly source: string;
}

export function idleW(law: PowerLaw, gpuMhz: number): number {
  let below = law.idle[0];
  for (const point of law.idle) {
    if (point.gpuMhz >= gpuMhz) {
      if (below === undefined || below === point) return point.idleW;
      const share = (gpuMhz - below.gpuMhz) / (point.gpuMhz - below.gpuMhz);
      return below.idleW + share * (point.idleW - below.idleW);
    }
    below = point;
  }
  return below?.idleW ?? 0;
}

/** Watts above idle of a GPU that computes all the time. */
export function busyGpuW(law: PowerLaw, clocks: ClockState): number {
  const share = law.gpuScalesWithTpcs ? clocks.tpcs / law.tpcs : 1;
  return share * wattsAt(law.gpu, clocks.gpuMhz);
}

export function powerParts(law: PowerLaw, clocks: ClockState, activity: Partial<Activity> = {}): PowerParts {
  const { gpu, gpuIntensity, cpuCores, cpuIntensity, dlas } = { ...idleActivity, ...activity };
  return {
    base: idleW(law, clocks.gpuMhz),
    gpu: gpu * gpuIntensity * busyGpuW(law, clocks),
    cpu: cpuCores * cpuIntensity * wattsAt(law.cpu, clocks.cpuMhz),
    dla: dlas * wattsAt(law.dla, clocks.dlaMhz),
  };
}
