import type { BoardName } from '../boards/board';
import type { ClockLaw, PowerLaw } from './power-law';

/** A law through one point: `watts` at `mhz`. */
const through = (watts: number, mhz: number, exponent: number): ClockLaw => ({
  factor: watts / mhz ** exponent,
  exponent,
});

const agxXavier: PowerLaw = {
  idle: [
    { gpuMhz: 522.75, idleW: 6.1 },
    { gpuMhz: 675.75, idleW: 5.95 },
    { gpuMhz: 905.25, idleW: 5.93 },
    { gpuMhz: 1377, idleW: 8.35 },
  ],
  gpu: { factor: 5.359e-4, exponent: 1.479 },
  gpuScalesWithTpcs: true,
  tpcs: 4,
  cpu: through(0.141, 1000, 3.14),
  dla: through(2.5, 1050, 1.5),
  source:
    'idle in four modes and GPU: module power of heavy fp32 networks, public measurement log (L4T R35.5), fitted within 5 % of ' +
    'their mean; core: wall power of ResNet-50 in five modes (MLPerf Inference v1.1), taken for the module as it is; ' +
    'assumptions: idle in between is linear in the GPU clock cap, a DLA draws 2.5 W at 1050 MHz with exponent 1.5',
};

const agxOrin: PowerLaw = {
  idle: [
    { gpuMhz: 408, idleW: 6.33 },
    { gpuMhz: 612, idleW: 6.7 },
    { gpuMhz: 816, idleW: 6.79 },
    { gpuMhz: 1300.5, idleW: 6.83 },
  ],
  gpu: { factor: 0.0203, exponent: 1.0376 },
  // The log shows no influence of the mask: its modes follow the clock alone.
  gpuScalesWithTpcs: false,
  tpcs: 8,
  cpu: through(0.19, 1000, 2.4),
  dla: through(6, 1600, 1.3),
  source:
    'idle and GPU: sum of three rails with heavy fp32 networks in four modes, public measurement log (L4T R36.4), fitted within ' +
    '3 % of their mean; core: maxima of the CPU rail in four modes (public forum figures), within 15 % but in the 15 W mode; ' +
    'assumption: a DLA draws 6 W at 1600 MHz with exponent 1.3',
};

/** Half the GPU of an AGX Orin on a smaller module. */
function smallerOrin(idleW: number, source: string): PowerLaw {
  return {
    ...agxOrin,
    idle: [{ gpuMhz: 306, idleW }],
    gpu: { factor: agxOrin.gpu.factor / 2, exponent: agxOrin.gpu.exponent },
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
