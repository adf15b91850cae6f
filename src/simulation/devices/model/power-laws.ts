import type { BoardName } from '../boards/board';
import { scale, through, type PowerLaw } from './power-law';

const agxXavier: PowerLaw = {
  idle: [
    { gpuMhz: 522.75, idleW: 6.1 },
    { gpuMhz: 675.75, idleW: 5.95 },
    { gpuMhz: 905.25, idleW: 5.93 },
    { gpuMhz: 1377, idleW: 8.35 },
  ],
  gpu: {
    points: [
      // Twice what two of the four clusters drew.
      { mhz: 522.75, watts: 5.47 },
      { mhz: 675.75, watts: 8.44 },
      { mhz: 905.25, watts: 12.05 },
      { mhz: 1377, watts: 23.98 },
    ],
    exponent: 1.479,
  },
  gpuScalesWithTpcs: true,
  tpcs: 4,
  cpu: through(0.1456, 1000, 3.14),
  dla: through(2.5, 1050, 1.5),
  source:
    'idle and GPU in four modes: mean module power of four heavy fp32 networks, public measurement log (L4T R35.5), and the power ' +
    'law fitted to them below; core: wall power of ResNet-50 in five modes (MLPerf Inference v1.1), taken for the module as it is; ' +
    'assumptions: idle in between is linear in the GPU clock cap, a DLA draws 2.5 W at 1050 MHz with exponent 1.5',
};

const agxOrin: PowerLaw = {
  idle: [
    { gpuMhz: 408, idleW: 6.33 },
    { gpuMhz: 612, idleW: 6.7 },
    { gpuMhz: 816, idleW: 6.79 },
    { gpuMhz: 1300.5, idleW: 6.83 },
  ],
  gpu: {
    points: [
      { mhz: 408, watts: 10.47 },
      { mhz: 612, watts: 15.84 },
      { mhz: 816, watts: 20.8 },
      { mhz: 1300.5, watts: 35.05 },
    ],
    exponent: 1.038,
  },
  // The log shows no influence of the mask: its modes follow the clock alone.
  gpuScalesWithTpcs: false,
  tpcs: 8,
  cpu: through(0.19, 1000, 2.4),
  dla: through(6, 1600, 1.3),
  source:
    'idle and GPU in four modes: mean sum of three rails with four heavy fp32 networks, public measurement log (L4T R36.4), and ' +
    'the power law fitted to them below; core: maxima of the CPU rail in four modes (public forum figures), within 1 % but in the 15 W mode; ' +
    'assumption: a DLA draws 6 W at 1600 MHz with exponent 1.3',
};

/** Half the GPU of an AGX Orin on a smaller module. */
function smallerOrin(idleW: number, source: string): PowerLaw {
  return {
    ...agxOrin,
    idle: [{ gpuMhz: 306, idleW }],
    gpu: scale(agxOrin.gpu, 0.5),
    tpcs: 4,
    source,
  };
}

export const powerLaws: Readonly<Record<BoardName, PowerLaw>> = {
  'agx-xavier': agxXavier,
  'agx-orin': agxOrin,
  'orin-nx-16gb': smallerOrin(
    4.6,
    'idle: measured (ARK Electronics, public documentation); assumption: the rest is the AGX Orin with half its GPU',
  ),
  'orin-nano-8gb': smallerOrin(4, 'assumption: idle 4 W, and the AGX Orin with half its GPU'),
};
