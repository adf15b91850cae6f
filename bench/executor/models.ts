import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Network, type Feature } from './network';

const image: Feature = { name: 'x', channels: 3, side: 224 };
const imageDims = [3, 224, 224];
const classes = 1000;

/** The plan of ResNet-18: 1.8 GMAC, about 20 ms on one core. */
function residual(): Buffer {
  const network = new Network(18);
  let at = network.maxPool(network.convolution(image, { channels: 64, kernel: 7, stride: 2 }), 2, 2);
  for (const channels of [64, 128, 256, 512]) {
    for (let block = 0; block < 2; block += 1) {
      const stride = block === 0 && channels > 64 ? 2 : 1;
      const inner = network.convolution(at, { channels, kernel: 3, stride });
      const outer = network.convolution(inner, { channels, kernel: 3, relu: false });
      const shortcut = stride === 1 ? at : network.convolution(at, { channels, stride, relu: false });
      at = network.add(outer, shortcut, true);
    }
  }
  return network.model(imageDims, network.dense(network.averageOfChannels(at), 512, classes, false), classes);
}

/** The plan of MobileNetV2: inverted residuals with depthwise convolutions. `width` 1 has 0.3 GMAC. */
function separable(width: number, seed: number): Buffer {
  const network = new Network(seed);
  const wide = (channels: number) => Math.max(8, Math.round((channels * width) / 8) * 8);
  let at = network.convolution(image, { channels: wide(32), kernel: 3, stride: 2 });
  const stages = [
    { expansion: 1, channels: 16, blocks: 1, stride: 1 },
    { expansion: 6, channels: 24, blocks: 2, stride: 2 },
    { expansion: 6, channels: 32, blocks: 3, stride: 2 },
    { expansion: 6, channels: 64, blocks: 4, stride: 2 },
    { expansion: 6, channels: 96, blocks: 3, stride: 1 },
    { expansion: 6, channels: 160, blocks: 3, stride: 2 },
    { expansion: 6, channels: 320, blocks: 1, stride: 1 },
  ];
  for (const { expansion, channels, blocks, stride: first } of stages) {
    for (let block = 0; block < blocks; block += 1) {
      const stride = block === 0 ? first : 1;
      const expanded = expansion === 1 ? at : network.convolution(at, { channels: at.channels * expansion });
      const filtered = network.convolution(expanded, {
        channels: expanded.channels,
        kernel: 3,
        stride,
        depthwise: true,
      });
      const narrow = network.convolution(filtered, { channels: wide(channels), relu: false });
      at = stride === 1 && narrow.channels === at.channels ? network.add(narrow, at) : narrow;
    }
  }
  at = network.convolution(at, { channels: 1280 });
  return network.model(imageDims, network.dense(network.averageOfChannels(at), 1280, classes, false), classes);
}

/** The plan of SqueezeNet 1.1: fire modules. */
function squeezing(): Buffer {
  const network = new Network(11);
  const fire = (from: Feature, squeezed: number, expanded: number): Feature => {
    const narrow = network.convolution(from, { channels: squeezed });
    const one = network.convolution(narrow, { channels: expanded });
    return network.concatenate(one, network.convolution(narrow, { channels: expanded, kernel: 3 }));
  };
  let at = network.maxPool(network.convolution(image, { channels: 64, kernel: 3, stride: 2 }), 3, 2);
  at = network.maxPool(fire(fire(at, 16, 64), 16, 64), 3, 2);
  at = network.maxPool(fire(fire(at, 32, 128), 32, 128), 3, 2);
  at = fire(fire(fire(fire(at, 48, 192), 48, 192), 64, 256), 64, 256);
  at = network.convolution(at, { channels: classes });
  return network.model(imageDims, network.averageOfChannels(at), classes);
}

/** Like AlexNet: a few convolutions, then large dense layers, whose weights are read once per run, however many rows it has. */
function dense(): Buffer {
  const network = new Network(12, 'batch');
  const input: Feature = { name: 'x', channels: 3, side: 64 };
  let at = network.convolution(input, { channels: 64, kernel: 3, stride: 2 });
  at = network.maxPool(network.convolution(at, { channels: 192, kernel: 3 }), 2, 2);
  at = network.maxPool(network.convolution(at, { channels: 256, kernel: 3 }), 2, 2);
  let row = network.flatten(at);
  row = network.dense(row, 256 * 8 * 8, 1024);
  row = network.dense(row, 1024, 2048);
  return network.model([3, 64, 64], network.dense(row, 2048, classes, false), classes);
}

/** 4 KB in, ten numbers out, next to no work. */
function small(): Buffer {
  const network = new Network(4);
  return network.model([1024], network.dense(network.dense('x', 1024, 64), 64, 10, false), 10);
}

/** What the figures are measured with: generated ONNX models of known shapes with random weights. */
const generators = {
  residual: { generate: residual, dims: [1, ...imageDims] },
  separable: { generate: () => separable(1, 2), dims: [1, ...imageDims] },
  squeezing: { generate: squeezing, dims: [1, ...imageDims] },
  narrow: { generate: () => separable(0.35, 3), dims: [1, ...imageDims] },
  dense: { generate: dense, dims: [1, 3, 64, 64] },
  small: { generate: small, dims: [1, 1024] },
} as const;

export type ModelName = keyof typeof generators;
export const modelNames = Object.keys(generators) as ModelName[];

export interface BenchModel {
  readonly name: ModelName;
  readonly path: string;
  /** Of one request. */
  readonly dims: readonly number[];
}

/** Writes the models into a directory that `remove` takes away again. */
export async function writeModels(
  names: readonly ModelName[],
): Promise<{ models: Readonly<Record<ModelName, BenchModel>>; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'ecomap-bench-models-'));
  const models = Object.fromEntries(
    names.map((name) => [name, { name, path: join(directory, `${name}.onnx`), dims: generators[name].dims }]),
  ) as unknown as Record<ModelName, BenchModel>;
  for (const name of names) await writeFile(models[name].path, generators[name].generate());
  return { models, remove: () => rm(directory, { recursive: true, force: true }) };
}
