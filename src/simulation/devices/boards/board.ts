/** Releases of NVIDIA's Jetson software; they differ in paths, sensors and tools. */
export const jetPacks = [4, 5, 6] as const;
export type JetPack = (typeof jetPacks)[number];

/** One nvpmodel mode. `null` stands for "no limit" (-1 in the configuration file). */
export interface BoardMode {
  readonly id: number;
  readonly name: string;
  readonly cores: number;
  readonly cpuKhz: number | null;
  /** Bits that are set switch a texture processing cluster off; a change needs a reboot once the GPU is in use. */
  readonly tpcMask: number;
  readonly gpuMhz: number | null;
  readonly emcMhz: number | null;
  readonly dlaMhz: number | null;
}

export function boardMode(
  id: number,
  name: string,
  cores: number,
  limits: Readonly<Partial<Pick<BoardMode, 'cpuKhz' | 'tpcMask' | 'gpuMhz' | 'emcMhz' | 'dlaMhz'>>>,
): BoardMode {
  return { id, name, cores, cpuKhz: null, tpcMask: 0, gpuMhz: null, emcMhz: null, dlaMhz: null, ...limits };
}

/** The modes of one release. */
export interface BoardModes {
  readonly jetPack: JetPack;
  readonly defaultId: number;
  readonly modes: readonly BoardMode[];
}

/** What draws power. `base` is what idle power is made of. */
export type Consumer = 'base' | 'gpu' | 'cpu' | 'dla';

/** One channel of a power monitor. */
export interface BoardRail {
  /** `NC` where nothing is connected. */
  readonly label: string;
  readonly supplyMv: number;
  /** Share of each consumer's power that flows through this rail. */
  readonly shares: Readonly<Record<Consumer, number>>;
}

export interface PowerMonitor {
  /** I2C address, e.g. `0040`. */
  readonly address: string;
  readonly rails: readonly [BoardRail, BoardRail, BoardRail];
}

export const boardNames = ['agx-xavier', 'agx-orin', 'orin-nx-16gb', 'orin-nano-8gb'] as const;
export type BoardName = (typeof boardNames)[number];

/** A kind of Jetson: what its files say and what its laws are tied to. */
export interface Board {
  readonly name: BoardName;
  readonly label: string;
  /** Text of `/proc/device-tree/model`. */
  readonly model: string;
  readonly compatible: readonly string[];
  readonly confName: string;
  readonly releases: readonly BoardModes[];
  readonly cpu: {
    readonly cores: number;
    readonly coresPerPolicy: number;
    /** Ascending. */
    readonly stepsKhz: readonly number[];
    readonly leastKhz: number;
    /** Lines of `/proc/cpuinfo` that tell the core. */
    readonly part: { readonly implementer: string; readonly part: string; readonly modelName: string };
  };
  readonly gpu: {
    /** Name of the device tree node before JetPack 6, e.g. `gv11b`. */
    readonly node: string;
    readonly tpcs: number;
    readonly stepsMhz: readonly number[];
  };
  readonly emc: { readonly stepsMhz: readonly number[]; readonly bandwidthGbPerS: number };
  readonly dla: { readonly count: number; readonly mostMhz: number };
  readonly memoryMb: number;
  readonly monitors: readonly PowerMonitor[];
  /** Labels of the rails whose sum is the module's power. */
  readonly totalOf: readonly string[];
}

/** The clocks and units that may be used: a mode, or what finer caps have made of it. */
export interface ClockState {
  readonly gpuMhz: number;
  readonly tpcs: number;
  readonly cpuMhz: number;
  readonly cores: number;
  readonly emcMhz: number;
  readonly dlaMhz: number;
}

/** Steps from `least` in equal distances. */
export function steps(least: number, distance: number, most: number): number[] {
  return Array.from({ length: Math.floor((most - least) / distance) + 1 }, (_, index) => least + index * distance);
}

export const highest = (ascending: readonly number[]): number => ascending.at(-1) ?? 0;

/** A clock cap rounds to the next step up, as the GPU and memory clocks of a Jetson do. */
export function stepUp(ascending: readonly number[], wanted: number): number {
  return ascending.find((step) => step >= wanted) ?? highest(ascending);
}

/** The CPU clock rounds down: it never exceeds its cap. */
export function stepDown(ascending: readonly number[], wanted: number): number {
  return ascending.findLast((step) => step <= wanted) ?? ascending[0] ?? 0;
}

function popCount(mask: number): number {
  let count = 0;
  for (let rest = mask >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}

/** Clusters that a mask leaves on. Masks also name clusters that this part does not have. */
export function tpcsOn(board: Board, mask: number): number {
  return board.gpu.tpcs - popCount(mask & ((1 << board.gpu.tpcs) - 1));
}

/** What a mode means in clocks, rounded as the hardware does. */
export function clocksOf(board: Board, mode: BoardMode): ClockState {
  const cpuKhz = stepDown(board.cpu.stepsKhz, mode.cpuKhz ?? Number.POSITIVE_INFINITY);
  return {
    gpuMhz: stepUp(board.gpu.stepsMhz, mode.gpuMhz ?? Number.POSITIVE_INFINITY),
    tpcs: tpcsOn(board, mode.tpcMask),
    cpuMhz: cpuKhz / 1000,
    cores: mode.cores,
    emcMhz: stepUp(board.emc.stepsMhz, mode.emcMhz ?? Number.POSITIVE_INFINITY),
    dlaMhz: Math.min(mode.dlaMhz ?? Number.POSITIVE_INFINITY, board.dla.mostMhz),
  };
}
