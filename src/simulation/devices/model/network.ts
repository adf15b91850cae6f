import type { ClockLaw } from './power-law';

/**
 * Cost of a network on a GPU:
 * `gpuMs = gpuMsMhz * (all clusters / clusters on) / GPU MHz + fixedMs + memoryMs * (highest EMC / EMC)`,
 * `hostMs = hostMsGhz / CPU GHz`; latency is their sum, or the larger of both where the host runs ahead of the GPU.
 */
export interface GpuCost {
  readonly gpuMsMhz: number;
  readonly hostMsGhz: number;
  readonly fixedMs: number;
  /** Share that waits for memory, at its highest clock. */
  readonly memoryMs: number;
  readonly hostRunsAhead: boolean;
  /**
   * True: the GPU waits for the host, is busy for `gpuMs` only, and the host keeps one core busy. False: the power law holds
   * for the whole run, host included.
   */
  readonly hostBound: boolean;
  /** Power of the GPU while it waits for the host, relative to a busy one. */
  readonly waitingPower: number;
  /** Watts above idle while it runs without a pause; null: those of the heavy networks that the device's law was fitted to. */
  readonly power: ClockLaw | null;
}

/** On a DLA: latency is `timesGpu` of the GPU's at its highest clocks, inversely as the DLA's clock. */
interface DlaCost {
  readonly timesGpu: number;
}

/** On all cores that are on: `factor * cores^coresExponent * GHz^clockExponent` ms. */
interface CpuCost {
  readonly factor: number;
  readonly coresExponent: number;
  readonly clockExponent: number;
  /** Power of a busy core, relative to the device's law. */
  readonly intensity: number;
}

/** A network as one device runs it; null where it does not run there. */
export interface NetworkCost {
  readonly name: string;
  readonly gpu: GpuCost | null;
  readonly dla: DlaCost | null;
  readonly cpu: CpuCost | null;
  /** Share of the memory bandwidth that it takes while it runs alone at the highest clocks, on the GPU if it can. */
  readonly memoryShare: number;
  /** Top-1 accuracy where one was published. */
  readonly accuracyPercent: number | null;
  /** Where the figures come from, and which are assumptions. */
  readonly source: string;
}

export const gpuCost = (cost: Partial<GpuCost>): GpuCost => ({
  gpuMsMhz: 0,
  hostMsGhz: 0,
  fixedMs: 0,
  memoryMs: 0,
  hostRunsAhead: false,
  hostBound: false,
  waitingPower: 0,
  power: null,
  ...cost,
});

/** Assumption, for no measurement of it was found: what a network takes of the memory's bandwidth while it runs alone. */
const assumedMemoryShare = { gpu: 0.4, cpu: 0.25 } as const;

export function networkCost(name: string, source: string, cost: Partial<NetworkCost>): NetworkCost {
  const memoryShare = cost.gpu === undefined || cost.gpu === null ? assumedMemoryShare.cpu : assumedMemoryShare.gpu;
  return { name, source, gpu: null, dla: null, cpu: null, memoryShare, accuracyPercent: null, ...cost };
}
