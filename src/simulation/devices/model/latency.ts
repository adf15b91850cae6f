import { highest, type Board, type ClockState } from '../boards/board';
import type { NetworkCost } from './network';
import { busyGpuW, idleActivity, wattsAt, type Activity, type PowerLaw } from './power-law';

/** Units of a device that run networks. `cpu` is all cores that are on. */
export const unitNames = ['gpu', 'dla0', 'dla1', 'cpu'] as const;
export type UnitName = (typeof unitNames)[number];

/** One inference of a network, or of a part of it, with a unit for itself. */
interface AloneRun {
  readonly latencyMs: number;
  /** What it keeps busy while it runs without a pause. */
  readonly activity: Activity;
}

export function highestClocks(board: Board): ClockState {
  const { cpu, gpu, emc, dla } = board;
  return {
    gpuMhz: highest(gpu.stepsMhz),
    tpcs: gpu.tpcs,
    cpuMhz: highest(cpu.stepsKhz) / 1000,
    cores: cpu.cores,
    emcMhz: highest(emc.stepsMhz),
    dlaMhz: dla.mostMhz,
  };
}

/** @returns null where the network does not run on that unit, or the device has no such unit */
export function runAlone(
  board: Board,
  law: PowerLaw,
  network: NetworkCost,
  unit: UnitName,
  clocks: ClockState,
): AloneRun | null {
  if (unit === 'gpu') return onGpu(board, law, network, clocks);
  if (unit === 'cpu') return onCpu(network, clocks);
  return Number(unit.slice(3)) < board.dla.count ? onDla(board, law, network, clocks) : null;
}

function onGpu(board: Board, law: PowerLaw, { gpu }: NetworkCost, clocks: ClockState): AloneRun | null {
  if (gpu === null) return null;
  const clusters = law.gpuScalesWithTpcs ? board.gpu.tpcs / clocks.tpcs : 1;
  const memoryMs = gpu.memoryMs * (highest(board.emc.stepsMhz) / clocks.emcMhz);
  const gpuMs = (gpu.gpuMsMhz * clusters) / clocks.gpuMhz + gpu.fixedMs + memoryMs;
  const hostMs = gpu.hostMsGhz / (clocks.cpuMhz / 1000);
  const latencyMs = gpu.hostRunsAhead ? Math.max(gpuMs, hostMs) : gpuMs + hostMs;
  const all = { ...clocks, tpcs: law.tpcs };
  const intensity = gpu.power === null ? 1 : wattsAt(gpu.power, clocks.gpuMhz) / busyGpuW(law, all);
  const busy = gpu.hostBound ? gpuMs / latencyMs : 1;
  const waiting = (gpu.waitingPower * (1 - busy)) / busy;
  return {
    latencyMs,
    activity: { ...idleActivity, gpu: busy, gpuIntensity: intensity + waiting, cpuCores: gpu.hostBound ? 1 : 0 },
  };
}

function onDla(board: Board, law: PowerLaw, network: NetworkCost, clocks: ClockState): AloneRun | null {
  if (network.dla === null) return null;
  const fastest = onGpu(board, law, network, highestClocks(board));
  if (fastest === null || clocks.dlaMhz <= 0) return null;
  const latencyMs = fastest.latencyMs * network.dla.timesGpu * (board.dla.mostMhz / clocks.dlaMhz);
  return { latencyMs, activity: { ...idleActivity, dlas: 1 } };
}

function onCpu({ cpu }: NetworkCost, clocks: ClockState): AloneRun | null {
  if (cpu === null) return null;
  const latencyMs = cpu.factor * clocks.cores ** cpu.coresExponent * (clocks.cpuMhz / 1000) ** cpu.clockExponent;
  return { latencyMs, activity: { ...idleActivity, cpuCores: clocks.cores, cpuIntensity: cpu.intensity } };
}
