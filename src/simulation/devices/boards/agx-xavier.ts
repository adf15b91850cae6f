import { boardMode, steps, type Board, type BoardMode } from './board';

/** Mode figures as NVIDIA's configuration of the MLPerf Inference v1.0 submission and of L4T R35 has them. */
const modes: readonly BoardMode[] = [
  boardMode(0, 'MAXN', 8, {}),
  boardMode(1, 'MODE_10W', 2, { cpuKhz: 1_200_000, gpuMhz: 520, emcMhz: 1065.6, dlaMhz: 550, tpcMask: 5 }),
  boardMode(2, 'MODE_15W', 4, { cpuKhz: 1_200_000, gpuMhz: 670, emcMhz: 1331.2, dlaMhz: 750 }),
  boardMode(3, 'MODE_30W_ALL', 8, { cpuKhz: 1_200_000, gpuMhz: 900, emcMhz: 1600, dlaMhz: 1050 }),
  boardMode(4, 'MODE_30W_6CORE', 6, { cpuKhz: 1_450_000, gpuMhz: 900, emcMhz: 1600, dlaMhz: 1050 }),
  boardMode(5, 'MODE_30W_4CORE', 4, { cpuKhz: 1_780_000, gpuMhz: 900, emcMhz: 1600, dlaMhz: 1050 }),
  boardMode(6, 'MODE_30W_2CORE', 2, { cpuKhz: 2_100_000, gpuMhz: 900, emcMhz: 1600, dlaMhz: 1050 }),
  boardMode(7, 'MODE_15W_DESKTOP', 4, { cpuKhz: 2_188_800, gpuMhz: 670, emcMhz: 1331.2, dlaMhz: 115.2 }),
];

/**
 * Jetson AGX Xavier, 32 GB. GPU and CPU steps from public tables. The split of idle power over the rails follows one public
 * measurement (CPU 469, SOC 1252, VDDRQ 156, SYS5V 2342 mW, GPU 0); how the power of a loaded unit spreads over the rails is
 * an assumption: no measured split was found. Only the sum of the six rails is calibrated.
 */
export const agxXavierBoard: Board = {
  name: 'agx-xavier',
  label: 'Jetson AGX Xavier',
  model: 'Jetson-AGX',
  compatible: ['nvidia,p2972-0000', 'nvidia,tegra194'],
  confName: 'nvpmodel_t194.conf',
  releases: [
    { jetPack: 4, defaultId: 2, modes },
    { jetPack: 5, defaultId: 7, modes },
  ],
  cpu: {
    cores: 8,
    coresPerPolicy: 2,
    stepsKhz: steps(115_200, 76_800, 2_265_600),
    leastKhz: 1_200_000,
    part: { implementer: '0x4e', part: '0x004', modelName: 'ARMv8 Processor rev 0 (v8l)' },
  },
  gpu: {
    node: 'gv11b',
    tpcs: 4,
    stepsMhz: [
      114.75, 216.75, 318.75, 420.75, 522.75, 624.75, 675.75, 828.75, 905.25, 1032.75, 1198.5, 1236.75, 1338.75, 1377,
    ],
  },
  emc: { stepsMhz: [204, 408, 665.6, 800, 1065.6, 1331.2, 1600, 2133], bandwidthGbPerS: 136.5 },
  dla: { count: 2, mostMhz: 1395.2 },
  memoryMb: 31_919,
  monitors: [
    {
      address: '0040',
      rails: [
        { label: 'GPU', supplyMv: 19_000, shares: { base: 0, gpu: 0.74, cpu: 0, dla: 0 } },
        { label: 'CPU', supplyMv: 19_000, shares: { base: 0.111, gpu: 0, cpu: 0.84, dla: 0 } },
        { label: 'SOC', supplyMv: 19_000, shares: { base: 0.297, gpu: 0.08, cpu: 0.06, dla: 0.12 } },
      ],
    },
    {
      address: '0041',
      rails: [
        { label: 'CV', supplyMv: 19_000, shares: { base: 0, gpu: 0, cpu: 0, dla: 0.68 } },
        { label: 'VDDRQ', supplyMv: 19_000, shares: { base: 0.037, gpu: 0.1, cpu: 0.05, dla: 0.12 } },
        { label: 'SYS5V', supplyMv: 5_000, shares: { base: 0.555, gpu: 0.08, cpu: 0.05, dla: 0.08 } },
      ],
    },
  ],
  totalOf: ['GPU', 'CPU', 'SOC', 'CV', 'VDDRQ', 'SYS5V'],
};
