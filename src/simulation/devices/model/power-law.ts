import type { ClockState, Consumer } from '../boards/board';

/**
 * What the units of a device do, as means over a period. Shares are weighted with how hard the work drives the unit: 1 is
 * what the power law was fitted to (heavy fp32 networks on the GPU, ArmNN on the CPU).
 */
export interface Activity {
  /** Share of time the GPU computes, 0 to 1. */
  readonly gpu: number;
  /** Mean number of busy cores. */
  readonly cpuCores: number;
  /** Mean number of busy DLAs. */
  readonly dlas: number;
}

export const idleActivity: Activity = { gpu: 0, cpuCores: 0, dlas: 0 };

/** Watts of the module, by what causes them. */
export type PowerParts = Readonly<Record<Consumer, number>>;

export const totalW = (parts: PowerParts): number => parts.base + parts.gpu + parts.cpu + parts.dla;

/** `watts = factor * MHz^exponent`, of one unit that is busy all the time. */
export interface ClockLaw {
  readonly factor: number;
  readonly exponent: number;
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

const at = ({ factor, exponent }: ClockLaw, mhz: number): number => factor * mhz ** exponent;

/** Watts above idle of a GPU that computes all the time. */
export function busyGpuW(law: PowerLaw, clocks: ClockState): number {
  const share = law.gpuScalesWithTpcs ? clocks.tpcs / law.tpcs : 1;
  return share * at(law.gpu, clocks.gpuMhz);
}

/** @throws never: activity beyond what the units can do is taken as full */
export function powerParts(law: PowerLaw, clocks: ClockState, activity: Partial<Activity> = idleActivity): PowerParts {
  const { gpu, cpuCores, dlas } = { ...idleActivity, ...activity };
  return {
    base: idleW(law, clocks.gpuMhz),
    gpu: Math.max(0, gpu) * busyGpuW(law, clocks),
    cpu: Math.max(0, cpuCores) * at(law.cpu, clocks.cpuMhz),
    dla: Math.max(0, dlas) * at(law.dla, clocks.dlaMhz),
  };
}
