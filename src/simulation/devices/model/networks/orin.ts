import { scale, through } from '../power-law';
import { gpuCost, networkCost, type GpuCost, type NetworkCost } from '../network';

const measurementLog =
  'public measurement log (AGX Orin 64 GB, L4T R36.4, torch 2.8, fp32, 512x384), law fitted to four modes';

const torch = (name: string, gpu: Partial<GpuCost>): NetworkCost =>
  networkCost(name, measurementLog, { gpu: gpuCost({ ...gpu, hostRunsAhead: true }) });

const mlperf =
  'MLPerf Inference v2.0 (NVIDIA, TensorRT INT8, single stream), through its two GPU clocks; watts at the wall at one of ' +
  'them, taken for the module as they are; assumption: their exponent is that of the heavy networks';
const exponent = 1.0376;

function int8(
  name: string,
  gpuMsMhz: number,
  fixedMs: number,
  dynamicW: number,
  atMhz: number,
  onDla: boolean,
): NetworkCost {
  const power = through(dynamicW, atMhz, exponent);
  return networkCost(name, onDla ? `${mlperf}, twice as long on a DLA` : mlperf, {
    gpu: gpuCost({ gpuMsMhz, fixedMs, power }),
    dla: onDla ? { timesGpu: 2 } : null,
  });
}

export const agxOrinNetworks: readonly NetworkCost[] = [
  // The small ones wait for the host; how long the GPU is busy meanwhile follows from their power.
  torch('lraspp-mobilenetv3', { gpuMsMhz: 4000, hostMsGhz: 31.8, hostBound: true }),
  torch('deeplabv3-mobilenetv3', { gpuMsMhz: 6000, hostMsGhz: 40.1, hostBound: true }),
  torch('fcn-resnet50', { gpuMsMhz: 30_962, memoryMs: 20.66 }),
  torch('deeplabv3-resnet50', { gpuMsMhz: 35_214, memoryMs: 22.32 }),
  torch('fcn-resnet101', { gpuMsMhz: 50_935, memoryMs: 26.95 }),
  torch('deeplabv3-resnet101', { gpuMsMhz: 56_350, memoryMs: 27.33 }),
  int8('resnet50-int8', 720, 0.138, 12.86, 930.75, true),
  int8('ssd-mobilenet-int8', 367, 0.187, 8.51, 930.75, true),
  int8('ssd-resnet34-int8', 9392, 0.783, 19.95, 828.75, true),
  int8('bert-99-int8', 5889, 1.872, 18.76, 1032.75, false),
];

/** The same networks on a module with half the GPU and half the memory bandwidth. */
export function onSmallerOrin(dlas: boolean): readonly NetworkCost[] {
  return agxOrinNetworks.map((network) => {
    const { gpu } = network;
    return {
      ...network,
      gpu:
        gpu === null
          ? null
          : {
              ...gpu,
              gpuMsMhz: 2 * gpu.gpuMsMhz,
              fixedMs: 2 * gpu.fixedMs,
              memoryMs: 2 * gpu.memoryMs,
              power: gpu.power === null ? null : scale(gpu.power, 0.5),
            },
      dla: dlas ? network.dla : null,
      source: `assumption: as on the AGX Orin with half its GPU and half its memory bandwidth (${network.source})`,
    };
  });
}
