import type { SimulatedDevice, SimulatedMode } from './device-family';

/** Fitted to module power of heavy networks in four modes, within 5 % of their mean: `c * f_MHz^alpha` with all four TPCs. */
const gpuDynamic = { c: 5.359e-4, alpha: 1.479 };

/** Fitted latency of DeepLabV3-ResNet101 (fp32, 512x384), ms: `a / f_gpu_MHz + d / f_cpu_GHz`. */
const deepLabR101 = { a: 448_436, d: 64.52 };

const cpuGhzIn15W = 1.2;
const idleWIn15W = 5.98;

/**
 * Measured: speed is the geometric mean over the four heavy networks (FCN and DeepLabV3 with ResNet-50 and -101) of their
 * latency in MAXN over that in the mode; idle and busy watts are the means of their idle and run power.
 */
const measuredModes: readonly SimulatedMode[] = [
  { name: 'MAXN', speed: 1, idleW: 8.34, busyW: 23.98 },
  { name: 'MODE_30W_ALL', speed: 0.716, idleW: 5.93, busyW: 12.05 },
  { name: 'MODE_15W', speed: 0.54, idleW: idleWIn15W, busyW: 8.44 },
];

/** GPU clock steps below the 15 W mode's own, by the two laws above, with the speed tied to the measured 15 W mode. */
function clockStepIn15W(gpuMhz: number): SimulatedMode {
  const latencyMs = (mhz: number): number => deepLabR101.a / mhz + deepLabR101.d / cpuGhzIn15W;
  return {
    name: `MODE_15W, GPU ${gpuMhz} MHz`,
    speed: 0.54 * (latencyMs(675.75) / latencyMs(gpuMhz)),
    idleW: idleWIn15W,
    busyW: gpuDynamic.c * gpuMhz ** gpuDynamic.alpha,
  };
}

/**
 * NVIDIA Jetson AGX Xavier, 32 GB: module power (sum of its six rails). Modes from a public measurement log (L4T R35.5,
 * torch 2.1, fp32, batch 1), steps between them from laws fitted to it. MODE_10W is left out: it masks a part of the GPU,
 * which needs a reboot, so a running loop cannot reach it.
 */
export const agxXavier: SimulatedDevice = {
  name: 'agx-xavier',
  label: 'Jetson AGX Xavier',
  powerScope: 'module',
  powerMethod: 'nvpmodel modes from a public measurement log (L4T R35.5), GPU clock steps from a law fitted to it',
  powerAccuracy: 0.05,
  modes: [...measuredModes, clockStepIn15W(522.75), clockStepIn15W(420.75), clockStepIn15W(318.75)],
};
