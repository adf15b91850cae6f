import { boardMode, steps, type Board, type PowerMonitor } from './board';

/** Orin NX and Nano: one rail for the module and two that lie inside of it. The parts' shares are an assumption. */
export const smallOrinMonitors: readonly PowerMonitor[] = [
  {
    address: '0040',
    rails: [
      { label: 'VDD_IN', supplyMv: 5_000, shares: { base: 1, gpu: 1, cpu: 1, dla: 1 } },
      { label: 'VDD_CPU_GPU_CV', supplyMv: 5_000, shares: { base: 0.16, gpu: 0.78, cpu: 0.86, dla: 0.8 } },
      { label: 'VDD_SOC', supplyMv: 5_000, shares: { base: 0.3, gpu: 0.12, cpu: 0.06, dla: 0.1 } },
    ],
  },
];

/** Clusters four to seven do not exist on the smaller parts: their bits are always set. */
const present = 240;
/** Two of the four clusters off as well. */
const half = 252;

const mode10W = boardMode(1, '10W', 4, { cpuKhz: 1_190_400, gpuMhz: 612, emcMhz: 2133, tpcMask: half });
const mode25W = boardMode(3, '25W', 8, { cpuKhz: 1_497_600, gpuMhz: 408, dlaMhz: 614.4, tpcMask: present });

/** Jetson Orin NX, 16 GB; mode figures of L4T R35 and of its "super" release. */
export const orinNxBoard: Board = {
  name: 'orin-nx-16gb',
  label: 'Jetson Orin NX 16 GB',
  model: 'NVIDIA Jetson Orin NX Engineering Reference Developer Kit Super',
  compatible: ['nvidia,p3768-0000+p3767-0000', 'nvidia,p3767-0000', 'nvidia,tegra234'],
  confName: 'nvpmodel_p3767_0000.conf',
  releases: [
    {
      jetPack: 5,
      defaultId: 2,
      modes: [
        boardMode(0, 'MAXN', 8, { gpuMhz: 918, tpcMask: present }),
        mode10W,
        boardMode(2, '15W', 4, { cpuKhz: 1_651_200, gpuMhz: 612, tpcMask: half }),
        mode25W,
      ],
    },
    {
      jetPack: 6,
      defaultId: 4,
      modes: [
        boardMode(0, 'MAXN_SUPER', 8, { tpcMask: present }),
        mode10W,
        boardMode(2, '15W', 4, { cpuKhz: 1_420_800, gpuMhz: 612, tpcMask: half }),
        mode25W,
        boardMode(4, '40W', 8, { cpuKhz: 1_497_600, gpuMhz: 1173, dlaMhz: 908.8, tpcMask: present }),
      ],
    },
  ],
  cpu: {
    cores: 8,
    coresPerPolicy: 4,
    stepsKhz: [...steps(115_200, 76_800, 1_958_400), 1_984_000],
    leastKhz: 729_600,
    part: { implementer: '0x41', part: '0xd42', modelName: 'ARMv8 Processor rev 1 (v8l)' },
  },
  gpu: { node: 'ga10b', tpcs: 4, stepsMhz: [306, 408, 510, 612, 714, 816, 918, 1020, 1122, 1173] },
  emc: { stepsMhz: [204, 665.6, 2133, 3199], bandwidthGbPerS: 102.4 },
  dla: { count: 2, mostMhz: 1228.8 },
  memoryMb: 15_656,
  monitors: smallOrinMonitors,
  totalOf: ['VDD_IN'],
};
