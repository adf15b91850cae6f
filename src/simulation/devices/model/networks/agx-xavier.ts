import { through } from '../power-law';
import { gpuCost, networkCost, type NetworkCost } from '../network';

const measurementLog =
  'public measurement log (AGX Xavier 32 GB, L4T R35.5, torch 2.1, batch 1), law fitted to four modes';

/**
 * Heavy networks keep the GPU fed: beside the GPU's clock there is a fixed part, whatever the CPU's clock is (the 30 W modes
 * from 1.2 to 2.1 GHz differ by less than 0.1 %). Within 2.2 % of every measured row.
 */
const heavy = (name: string, gpuMsMhz: number, fixedMs: number): NetworkCost =>
  networkCost(name, measurementLog, { gpu: gpuCost({ gpuMsMhz, fixedMs }) });

/**
 * Networks of many short steps wait for the host. Within 5 % (Mask R-CNN: 11 %) of every measured row. While it waits the GPU
 * is not at rest: its power then is fitted to the measured one, which stays up to 10 % too low.
 */
const waiting = (name: string, gpuMsMhz: number, hostMsGhz: number, waitingPower: number): NetworkCost =>
  networkCost(name, measurementLog, { gpu: gpuCost({ gpuMsMhz, hostMsGhz, hostBound: true, waitingPower }) });

/** Segmentation networks in PyTorch. fp32 ones are of 512x384 unless their name says otherwise. */
const torchNetworks: readonly NetworkCost[] = [
  waiting('lraspp-mobilenetv3', 8490, 16.32, 0.1),
  waiting('deeplabv3-mobilenetv3', 25_349, 20.82, 0.1),
  heavy('fcn-resnet50', 193_894, 32.97),
  heavy('deeplabv3-resnet50', 309_555, 39.52),
  heavy('fcn-resnet101', 322_995, 55.63),
  heavy('deeplabv3-resnet101', 447_355, 45.38),
  heavy('deeplabv3-resnet50-768x576', 617_168, 57.11),
  heavy('deeplabv3-resnet50-768x576-fp16', 122_842, 34.3),
  waiting('mask-rcnn', 105_709, 116.15, 0.5),
];

const mlperf =
  'MLPerf Inference v1.0 and v1.1 (NVIDIA, TensorRT INT8, single stream), law fitted to two or three GPU clocks';
const clockOfPowerMhz = 675.75;

/** @param dynamicW watts above idle at the wall at 675.75 MHz, taken for the module as they are */
function int8(
  name: string,
  gpuMsMhz: number,
  fixedMs: number,
  dynamicW: number,
  exponent: number,
  timesGpu: number | null = null,
  accuracyPercent: number | null = null,
): NetworkCost {
  const power = through(dynamicW, clockOfPowerMhz, exponent);
  return networkCost(
    name,
    timesGpu === null
      ? mlperf
      : `${mlperf}; assumption: ${timesGpu} times as long on a DLA, as ResNet-18 on a Xavier NX`,
    { gpu: gpuCost({ gpuMsMhz, fixedMs, power }), dla: timesGpu === null ? null : { timesGpu }, accuracyPercent },
  );
}

const int8Networks: readonly NetworkCost[] = [
  int8('resnet50-int8', 1658, 0.672, 5.72, 1.44, 1.54),
  int8('ssd-mobilenet-int8', 993, 0.278, 5.21, 1.53, 1.54),
  int8('ssd-resnet34-int8', 32_832, 2.004, 8.02, 1.53, 1.54),
  int8('bert-99-int8', 19_616, 7.299, 8.87, 1.39),
  int8('3d-unet-int8', 437_252, 58.254, 9.23, 1.38),
  int8('rnnt-int8', 133_804, 8.818, 10.87, 1.22),
];

const highestGpuMhz = 1377;
/** Assumption: the share of the latency that goes with the clock, as for ResNet-50 INT8. */
const clockShare = 0.64;

/** One measured latency at the highest clocks; fp16, 224x224. */
function fp16(name: string, ms: number, timesGpu = 1.7, how = 'assumption: 1.7 times as long on a DLA'): NetworkCost {
  return networkCost(
    `${name}-fp16`,
    `torch2trt's published latency on a "Jetson Xavier"; assumptions: measured in MAXN, ${clockShare} of it goes with the GPU clock; ${how}`,
    { gpu: gpuCost({ gpuMsMhz: clockShare * ms * highestGpuMhz, fixedMs: (1 - clockShare) * ms }), dla: { timesGpu } },
  );
}

const fp16Networks: readonly NetworkCost[] = [
  fp16('alexnet', 2.02),
  fp16('squeezenet1.0', 1.49),
  fp16('squeezenet1.1', 1.02),
  fp16('resnet18', 1.64, 1.66, 'on a DLA 1.66 times as long, measured on a Xavier NX'),
  fp16('resnet34', 2.79),
  fp16('resnet50', 3.37),
  fp16('resnet101', 6.04),
  fp16('resnet152', 8.57),
  fp16('densenet121', 13),
  fp16('densenet169', 23.7),
  fp16('densenet201', 33),
  fp16('vgg11', 5.24),
  fp16('vgg13', 6.34),
  fp16('vgg16', 7.46),
  fp16('vgg19', 8.61),
  fp16('mobilenetv2', 1.67),
  fp16('shufflenetv2', 2.43),
  fp16('mnasnet1.0', 1.77),
  fp16('googlenet', 1.96, 1.87, 'GPU 1.96 ms and DLA 3.66 ms measured in MAXN (HaX-CoNN)'),
];

/** Exponents fitted to ResNet-50 in five modes. */
const armnn = { coresExponent: -0.75, clockExponent: -1.64, intensity: 1 };
const tflite = { coresExponent: -0.82, clockExponent: -1.65, intensity: 0.183 / 0.141 };

const krai =
  'MLPerf Inference v1.1 (Krai), ResNet-50 fp32 in five modes, fitted within 11 % to the clocks that the modes really give';
const ladder =
  "MLPerf Inference v1.0 (Krai), TFLite in MAXN: latency, watts and top-1; assumption: other modes as ResNet-50's law has them";
/** Cores, GHz, idle at the wall and watts per core of the ladder's runs in MAXN. */
const maxn = { cores: 8, ghz: 2.2656, idleWallW: 9.4, coreW: 0.1456 * 2.2656 ** 3.14 };

function onCpu(name: string, accuracyPercent: number, ms: number, wallW: number): NetworkCost {
  const factor = ms / (maxn.cores ** tflite.coresExponent * maxn.ghz ** tflite.clockExponent);
  const intensity = (wallW - maxn.idleWallW) / (maxn.cores * maxn.coreW);
  return networkCost(`${name}-tflite`, ladder, { cpu: { ...tflite, factor, intensity }, accuracyPercent });
}

const cpuNetworks: readonly NetworkCost[] = [
  networkCost('resnet50-armnn', krai, { cpu: { ...armnn, factor: 1151 }, accuracyPercent: 76.44 }),
  networkCost('resnet50-tflite', krai, { cpu: { ...tflite, factor: 1801 }, accuracyPercent: 76.44 }),
  onCpu('mobilenet-v2-0.35-96', 47.14, 1.92, 21.5),
  onCpu('mobilenet-v3-small-224', 68.34, 5.02, 23.9),
  onCpu('mobilenet-v2-1.0-224-int8', 70.54, 14.7, 20.5),
  onCpu('mobilenet-v1-1.0-224', 71.68, 13.3, 26.5),
  onCpu('mobilenet-v2-1.0-224', 71.77, 10.5, 25.8),
  onCpu('efficientnet-lite0', 75.07, 12.7, 26.6),
  onCpu('mobilenet-v3-large-224', 75.76, 10.2, 25.2),
  onCpu('efficientnet-lite4', 80.68, 56.8, 28.2),
];

export const agxXavierNetworks: readonly NetworkCost[] = [
  ...torchNetworks,
  ...int8Networks,
  ...fp16Networks,
  ...cpuNetworks,
];
