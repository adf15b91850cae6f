import { boardMode, steps, type Board, type BoardMode } from './board';

/** Mode figures of L4T R35 for p3701-0000. */
const modes: readonly BoardMode[] = [
  boardMode(0, 'MAXN', 12, {}),
  boardMode(1, 'MODE_15W', 4, { cpuKhz: 1_113_600, gpuMhz: 408, emcMhz: 2133, dlaMhz: 614.4, tpcMask: 248 }),
  boardMode(2, 'MODE_30W', 8, { cpuKhz: 1_728_000, gpuMhz: 612, dlaMhz: 1369.6, tpcMask: 240 }),
  boardMode(3, 'MODE_50W', 12, { cpuKhz: 1_497_600, gpuMhz: 816, dlaMhz: 1369.6 }),
];

/** Jetson AGX Orin, 64 GB. How a loaded unit's power spreads over the rails is an assumption; their sum is calibrated. */
export const agxOrinBoard: Board = {
  name: 'agx-orin',
  label: 'Jetson AGX Orin 64 GB',
  model: 'NVIDIA Jetson AGX Orin Developer Kit',
  compatible: ['nvidia,p3737-0000+p3701-0005', 'nvidia,p3701-0005', 'nvidia,tegra234'],
  confName: 'nvpmodel_p3701_0005.conf',
  releases: [
    { jetPack: 5, defaultId: 2, modes },
    { jetPack: 6, defaultId: 2, modes },
  ],
  cpu: {
    cores: 12,
    coresPerPolicy: 4,
    stepsKhz: [...steps(115_200, 76_800, 2_188_800), 2_201_600],
    leastKhz: 729_600,
    part: { implementer: '0x41', part: '0xd42', modelName: 'ARMv8 Processor rev 1 (v8l)' },
  },
  gpu: { node: 'ga10b', tpcs: 8, stepsMhz: [306, 408, 510, 612, 714, 816, 918, 1020, 1122, 1224, 1300.5] },
  emc: { stepsMhz: [204, 665.6, 2133, 3199], bandwidthGbPerS: 204.8 },
  dla: { count: 2, mostMhz: 1600 },
  memoryMb: 62_841,
  monitors: [
    {
      address: '0040',
      rails: [
        { label: 'VDD_GPU_SOC', supplyMv: 19_000, shares: { base: 0.35, gpu: 0.85, cpu: 0.05, dla: 0.1 } },
        { label: 'VDD_CPU_CV', supplyMv: 19_000, shares: { base: 0.12, gpu: 0.02, cpu: 0.9, dla: 0.8 } },
        { label: 'VIN_SYS_5V0', supplyMv: 5_000, shares: { base: 0.53, gpu: 0.13, cpu: 0.05, dla: 0.1 } },
      ],
    },
    {
      address: '0041',
      rails: [
        { label: 'NC', supplyMv: 0, shares: { base: 0, gpu: 0, cpu: 0, dla: 0 } },
        { label: 'VDDQ_VDD2_1V8AO', supplyMv: 5_000, shares: { base: 0.13, gpu: 0.06, cpu: 0.03, dla: 0.05 } },
        { label: 'NC', supplyMv: 0, shares: { base: 0, gpu: 0, cpu: 0, dla: 0 } },
      ],
    },
  ],
  // The memory's rail lies inside of the 5 V rail.
  totalOf: ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0'],
};
