import type { UnitName } from '../model/latency';

/** A variant of a family: how right it is, and the network of the simulated board that costs as much on each kind of unit. */
export interface BoardVariant {
  readonly name: string;
  /** As published, 0 to 1. */
  readonly accuracy: number;
  /** On the GPU. */
  readonly gpu: string | null;
  /** True where a DLA runs it, too. */
  readonly onDla: boolean;
  /** On the cores. */
  readonly cpu: string | null;
}

export interface BoardFamily {
  readonly name: string;
  /** What accuracy counts, and who published it. */
  readonly accuracySource: string;
  /** Most accurate first; none that is both dearer and less accurate than another. */
  readonly variants: readonly [BoardVariant, ...BoardVariant[]];
}

export const servingUnits = ['gpu', 'dla0', 'cpu'] as const satisfies readonly UnitName[];
export type ServingUnit = (typeof servingUnits)[number];

/** The network that a variant runs as on a unit; null where it does not run there. */
export function networkOn(variant: BoardVariant, unit: ServingUnit): string | null {
  if (unit === 'cpu') return variant.cpu;
  return unit === 'gpu' || variant.onDla ? variant.gpu : null;
}

const fp16 = (name: string, topOnePercent: number, cpu: string | null = null): BoardVariant => ({
  name,
  accuracy: topOnePercent / 100,
  gpu: `${name}-fp16`,
  onDla: true,
  cpu,
});

const torch = (name: string, meanIouPercent: number): BoardVariant => ({
  name,
  accuracy: meanIouPercent / 100,
  gpu: name,
  onDla: false,
  cpu: null,
});

const tflite = (name: string, topOnePercent: number): BoardVariant => ({
  name,
  accuracy: topOnePercent / 100,
  gpu: null,
  onDla: false,
  cpu: `${name}-tflite`,
});

const torchvision =
  'top-1 on ImageNet of the first published weights (torchvision model tables); fp16 is taken to be as right as fp32';

/** Families whose accuracy is published and whose cost was measured on an AGX Xavier (see the networks of the simulated board). */
export const boardFamilies: readonly BoardFamily[] = [
  {
    name: 'image-classes',
    accuracySource: torchvision,
    variants: [
      fp16('resnet152', 78.31),
      fp16('resnet101', 77.37),
      fp16('resnet50', 76.13, 'resnet50-tflite'),
      fp16('mnasnet1.0', 73.46),
      fp16('mobilenetv2', 71.88, 'mobilenet-v2-1.0-224-tflite'),
      fp16('resnet18', 69.76),
      fp16('squeezenet1.1', 58.18),
    ],
  },
  {
    name: 'resnet',
    accuracySource: torchvision,
    variants: [
      fp16('resnet152', 78.31),
      fp16('resnet101', 77.37),
      fp16('resnet50', 76.13, 'resnet50-tflite'),
      fp16('resnet34', 73.31),
      fp16('resnet18', 69.76),
    ],
  },
  {
    name: 'densenet',
    accuracySource: torchvision,
    variants: [fp16('densenet201', 76.9), fp16('densenet169', 75.6), fp16('densenet121', 74.43)],
  },
  {
    name: 'vgg',
    accuracySource: torchvision,
    variants: [fp16('vgg19', 72.38), fp16('vgg16', 71.59), fp16('vgg13', 69.93), fp16('vgg11', 69.02)],
  },
  {
    name: 'segmentation',
    accuracySource: 'mean IoU on the VOC classes of COCO val2017 (torchvision model tables)',
    variants: [
      torch('deeplabv3-resnet101', 67.4),
      torch('deeplabv3-resnet50', 66.4),
      torch('fcn-resnet50', 60.5),
      torch('deeplabv3-mobilenetv3', 60.3),
      torch('lraspp-mobilenetv3', 57.9),
    ],
  },
  {
    name: 'classes-on-cores',
    accuracySource:
      'top-1 on ImageNet (MLPerf Inference v1.0, Krai, TFLite on an AGX Xavier), measured with the latency',
    variants: [
      tflite('efficientnet-lite4', 80.68),
      tflite('mobilenet-v3-large-224', 75.76),
      tflite('mobilenet-v3-small-224', 68.34),
      tflite('mobilenet-v2-0.35-96', 47.14),
    ],
  },
];
