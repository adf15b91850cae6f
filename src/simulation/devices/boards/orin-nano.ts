import { boardMode, steps, type Board } from './board';
import { smallOrinMonitors } from './orin-nx';

/**
 * Jetson Orin Nano, 8 GB; mode figures of L4T R35 and of its "super" release, where mode 0 is not the highest. That the 7 W
 * mode masks two of the four clusters is an assumption (it needs a reboot).
 */
export const orinNanoBoard: Board = {
  name: 'orin-nano-8gb',
  label: 'Jetson Orin Nano 8 GB',
  model: 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super',
  compatible: ['nvidia,p3768-0000+p3767-0005-super', 'nvidia,p3767-0005', 'nvidia,tegra234'],
  confName: 'nvpmodel_p3767_0003.conf',
  releases: [
    {
      jetPack: 5,
      defaultId: 0,
      modes: [
        boardMode(0, '15W', 6, { gpuMhz: 612, emcMhz: 2133, tpcMask: 240 }),
        boardMode(1, '7W', 4, { cpuKhz: 960_000, gpuMhz: 408, emcMhz: 2133, tpcMask: 252 }),
      ],
    },
    {
      jetPack: 6,
      defaultId: 1,
      modes: [
        boardMode(0, '15W', 6, { cpuKhz: 1_497_600, gpuMhz: 612, emcMhz: 2133, tpcMask: 240 }),
        boardMode(1, '25W', 6, { cpuKhz: 1_344_000, gpuMhz: 918, emcMhz: 3199, tpcMask: 240 }),
        boardMode(2, 'MAXN_SUPER', 6, { tpcMask: 240 }),
        boardMode(3, '7W', 4, { cpuKhz: 960_000, gpuMhz: 408, emcMhz: 2133, tpcMask: 252 }),
      ],
    },
  ],
  cpu: {
    cores: 6,
    coresPerPolicy: 4,
    stepsKhz: steps(115_200, 76_800, 1_728_000),
    leastKhz: 729_600,
    part: { implementer: '0x41', part: '0xd42', modelName: 'ARMv8 Processor rev 1 (v8l)' },
  },
  gpu: { node: 'ga10b', tpcs: 4, stepsMhz: [306, 408, 510, 612, 714, 816, 918, 1020] },
  emc: { stepsMhz: [204, 665.6, 2133, 3199], bandwidthGbPerS: 102.4 },
  dla: { count: 0, mostMhz: 0 },
  memoryMb: 7620,
  monitors: smallOrinMonitors,
  totalOf: ['VDD_IN'],
};
