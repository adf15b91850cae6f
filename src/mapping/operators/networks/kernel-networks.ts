import { seededInteger } from '../../search/seeded';
import { NetworkSketch, type Drawn } from './network-sketch';

/** A network made up to be measured. */
export interface GeneratedNetwork {
  readonly name: string;
  /** An ONNX file. */
  readonly bytes: Uint8Array;
}

/** No operator computes more than this, multiply-accumulates: about 10 ms on one core. */
const mostMacs = 1.5e8;
const mostWeights = 1.2e6;
const mostElements = 2.5e6;
const leastSteps = 5;
const mostSteps = 10;

class Draw {
  readonly #below: (below: number) => number;

  constructor(seed: number) {
    this.#below = seededInteger(seed);
  }

  /** From 0 to 1, without 1. */
  share(): number {
    return this.#below(1 << 24) / (1 << 24);
  }

  of<T>(first: T, ...others: readonly T[]): T {
    const at = this.#below(others.length + 1);
    return at === 0 ? first : (others[at - 1] ?? first);
  }

  /** Whole, evenly on a logarithmic scale; most of them multiples of 8 or 16, as real networks have them. */
  channels(low: number, high: number): number {
    const exact = low * (high / low) ** this.share();
    const step = this.of(16, 16, 16, 8, 1);
    return Math.max(step, step * Math.round(exact / step));
  }

  chance(share: number): boolean {
    return this.share() < share;
  }
}

const elementsOf = ({ dims }: Drawn): number => dims.reduce((result, dim) => result * dim, 1);

/**
 * Networks of random layers in random shapes, from which the cost of operators is learned: convolutions, depthwise ones, pools, dense
 * layers, element by element operators, and what lies between them. The spread follows what networks for edge devices use, on a
 * logarithmic scale; one network holds a dozen operators that run after each other, with caches as they find them in real ones.
 * Drawn one at a time: they are some megabytes each.
 */
export function* kernelNetworks(count: number, seed: number): Generator<GeneratedNetwork> {
  for (let index = 0; index < count; index += 1) {
    const draw = new Draw(seed * 7919 + index);
    const kind = index % 5;
    const bytes = kind === 3 ? rowsNetwork(draw) : kind === 4 ? signalNetwork(draw) : imageNetwork(draw);
    yield { name: `kernels-${index}`, bytes };
  }
}

/** Convolutions and their kin on [channels, height, width]. */
function imageNetwork(draw: Draw): Uint8Array {
  const side = draw.of(14, 20, 28, 40, 56, 64, 96, 112, 160, 224);
  const channels = side > 112 ? draw.of(1, 3, 3, 8) : draw.of(1, 3, 8, 16, 24, 32, 64, 96);
  return convolutional(draw, [1, channels, side, side], (most) => {
    const side = draw.of(1, 1, 1, 3, 3, 3, 5, 7);
    return side <= most ? [side, side] : [1, 1];
  });
}

/** The same on one row. */
function signalNetwork(draw: Draw): Uint8Array {
  const length = draw.of(128, 256, 512, 1024, 2048, 4096);
  return convolutional(draw, [1, draw.of(1, 2, 8, 16, 32), 1, length], () => [1, draw.of(1, 3, 5, 7, 9, 15)]);
}

function convolutional(
  draw: Draw,
  dims: readonly number[],
  kernelOf: (most: number) => readonly [number, number],
): Uint8Array {
  const sketch = new NetworkSketch();
  let at = sketch.input(dims);
  const steps = leastSteps + Math.floor(draw.share() * (mostSteps - leastSteps + 1));
  for (let step = 0; step < steps; step += 1) at = convolutionalStep(draw, sketch, at, kernelOf);
  return head(draw, sketch, at);
}

type Step = (draw: Draw, sketch: NetworkSketch, at: Drawn, kernel: readonly [number, number]) => Drawn;

const activation = (draw: Draw, sketch: NetworkSketch, at: Drawn): Drawn => {
  switch (draw.of('relu', 'relu', 'relu', 'clip', 'swish', 'hard', 'leaky', 'none')) {
    case 'relu':
      return sketch.elementwise(at, 'Relu');
    case 'clip':
      return sketch.clip(at, 0, 6);
    case 'swish':
      return sketch.combine('Mul', at, sketch.elementwise(at, 'Sigmoid'));
    case 'hard':
      return sketch.combine('Mul', at, sketch.elementwise(at, 'HardSigmoid'));
    case 'leaky':
      return sketch.elementwise(at, 'LeakyRelu', { alpha: { float: 0.1 } });
    default:
      return at;
  }
};

const convolution: Step = (draw, sketch, at, kernel) => {
  const [, inner = 1, height = 1, width = 1] = at.dims;
  const stride = width >= 8 && draw.chance(0.3) ? 2 : 1;
  const area = kernel[0] * kernel[1];
  const pixels = (Math.ceil(height / stride) * Math.ceil(width / stride)) | 1;
  const most = Math.min(mostMacs / (pixels * inner * area), mostWeights / (inner * area), mostElements / pixels);
  if (most < 4) return sketch.pool(at, 'MaxPool', [height > 1 ? 2 : 1, 2], 2);
  const widest = Math.max(4, Math.min(512, most));
  // Networks of depthwise convolutions widen a lot before them.
  const channels = draw.channels(draw.chance(0.3) ? Math.max(4, widest / 3) : 4, widest);
  return activation(draw, sketch, sketch.convolution(at, { channels, kernel, stride }));
};

const depthwise: Step = (draw, sketch, at, kernel) => {
  const [, , height = 1, width = 1] = at.dims;
  const wide = Math.max(3, kernel[1]);
  const own = [height > 1 ? wide : 1, wide] as const;
  return activation(draw, sketch, sketch.depthwise(at, own, width >= 8 && draw.chance(0.3) ? 2 : 1));
};

const grouped: Step = (draw, sketch, at, kernel) => {
  const inner = at.dims[1] ?? 1;
  const groups = [2, 4, 8].filter((count) => inner % count === 0);
  const [first] = groups;
  if (first === undefined) return convolution(draw, sketch, at, kernel);
  return sketch.convolution(at, {
    channels: inner,
    kernel: [kernel[0], kernel[1]],
    stride: 1,
    groups: draw.of(first, ...groups),
  });
};

const pool: Step = (draw, sketch, at) => {
  const [, , height = 1, width = 1] = at.dims;
  const side = draw.of(2, 2, 3);
  if (width < 2 * side) return sketch.elementwise(at, 'Relu');
  return sketch.pool(at, draw.of('MaxPool', 'AveragePool'), [height >= side ? side : 1, side], draw.of(1, 2, 2));
};

const residual: Step = (draw, sketch, at, kernel) => {
  const [, inner = 1, height = 1, width = 1] = at.dims;
  const area = kernel[0] * kernel[1];
  if (inner * inner * area > mostWeights || inner * inner * area * height * width > mostMacs)
    return sketch.elementwise(at, 'Relu');
  const branch = sketch.convolution(at, { channels: inner, kernel, stride: 1 });
  const sum = sketch.combine('Add', branch, at);
  return draw.chance(0.6) ? sketch.elementwise(sum, 'Relu') : sum;
};

const branches: Step = (draw, sketch, at, kernel) => {
  const [, inner = 1, height = 1, width = 1] = at.dims;
  if (elementsOf(at) > mostElements / 2) return pool(draw, sketch, at, kernel);
  const area = kernel[0] * kernel[1];
  const most = Math.min(128, mostMacs / (inner * area * height * width), mostWeights / (inner * area));
  if (most < 4) return sketch.concatenation([at, sketch.elementwise(at, 'Relu')]);
  const left = sketch.convolution(at, { channels: draw.channels(4, most), kernel, stride: 1 });
  const right = draw.chance(0.5)
    ? at
    : sketch.convolution(at, { channels: draw.channels(4, most), kernel: [1, 1], stride: 1 });
  return sketch.concatenation([activation(draw, sketch, left), right]);
};

/** Squeeze and excitation: a factor for each channel, computed from all of it. */
const gate: Step = (draw, sketch, at) => {
  const channels = at.dims[1] ?? 1;
  const squeezed = sketch.convolution(sketch.globalPool(at), {
    channels: Math.max(4, channels >> 2),
    kernel: [1, 1],
    stride: 1,
  });
  const factors = sketch.convolution(sketch.elementwise(squeezed, 'Relu'), { channels, kernel: [1, 1], stride: 1 });
  return sketch.combine('Mul', at, sketch.elementwise(factors, draw.of('Sigmoid', 'HardSigmoid')));
};

/** Operators that no other swallows, alone. */
const single: Step = (draw, sketch, at) => {
  const [, channels = 1, , width = 1] = at.dims;
  switch (
    draw.of('normalise', 'sigmoid', 'tanh', 'scale', 'sub', 'slice', 'reduce', 'transpose', 'abs', 'sqrt', 'softmax')
  ) {
    case 'normalise':
      return sketch.normalisation(sketch.elementwise(at, 'Relu'));
    case 'sigmoid':
      return sketch.elementwise(at, 'Sigmoid');
    case 'tanh':
      return sketch.elementwise(at, 'Tanh');
    case 'scale':
      return sketch.combine('Mul', at, 1.1);
    case 'sub':
      return sketch.combine('Sub', at, 0.05);
    case 'slice':
      if (channels < 8) return sketch.slice(at, 3, 0, Math.max(1, width - 2));
      return sketch.slice(at, 1, 0, channels - draw.of(1, 2, 4));
    case 'reduce':
      return sketch.combine('Sub', at, sketch.reduction(at, draw.of('ReduceMean', 'ReduceMax'), draw.of(1, 3)));
    case 'transpose':
      return sketch.transpose(sketch.transpose(at, [0, 2, 3, 1]), [0, 3, 1, 2]);
    case 'abs':
      return sketch.elementwise(at, draw.of('Abs', 'Neg', 'Exp'));
    case 'sqrt':
      return sketch.elementwise(sketch.elementwise(at, 'Abs'), 'Sqrt');
    default:
      return sketch.softmax(at);
  }
};

function convolutionalStep(
  draw: Draw,
  sketch: NetworkSketch,
  at: Drawn,
  kernelOf: (most: number) => readonly [number, number],
): Drawn {
  const [, , height = 1, width = 1] = at.dims;
  const kernel = kernelOf(Math.max(1, Math.min(height === 1 ? width : height, width)));
  const step = draw.of(
    convolution,
    convolution,
    convolution,
    convolution,
    depthwise,
    depthwise,
    depthwise,
    pool,
    residual,
    branches,
    gate,
    grouped,
    single,
    single,
  );
  return step(draw, sketch, at, [kernel[0], Math.min(kernel[1], width)]);
}

/** One of the ways in which networks end. */
function head(draw: Draw, sketch: NetworkSketch, at: Drawn): Uint8Array {
  const pooled = draw.chance(0.7) || elementsOf(at) > 4096 ? sketch.globalPool(at) : at;
  let rows = sketch.flatten(pooled);
  if (draw.chance(0.4)) rows = sketch.elementwise(sketch.dense(rows, draw.channels(16, 512)), 'Relu');
  const scores = sketch.dense(rows, draw.of(2, 5, 10, 100, 1000));
  return sketch.finish('kernels', [draw.chance(0.6) ? sketch.softmax(scores) : scores]);
}

/** Dense layers, normalisations and attention on rows of features. */
function rowsNetwork(draw: Draw): Uint8Array {
  const sketch = new NetworkSketch();
  if (draw.chance(0.4)) return denseNetwork(draw, sketch);
  const rows = draw.of(8, 16, 32, 49, 64, 128, 196);
  const features = draw.of(32, 64, 96, 128, 192, 256);
  let at = sketch.input([1, rows, features]);
  const steps = 2 + Math.floor(draw.share() * 3);
  for (let step = 0; step < steps; step += 1) {
    if (draw.chance(0.5)) at = sketch.layerNormalisation(at);
    at = draw.chance(0.5) ? attention(sketch, at) : forward(draw, sketch, at);
  }
  return sketch.finish('kernels', [
    sketch.softmax(sketch.dense(sketch.flatten(sketch.reduction(at, 'ReduceMean', 1)), 10)),
  ]);
}

function attention(sketch: NetworkSketch, at: Drawn): Drawn {
  const features = at.dims.at(-1) ?? 1;
  const [queries, keys, values] = [1, 2, 3].map(() => sketch.projection(at, features));
  if (queries === undefined || keys === undefined || values === undefined) return at;
  const weights = sketch.matrixProduct(queries, sketch.transpose(keys, [0, 2, 1]));
  const mixed = sketch.matrixProduct(sketch.softmax(sketch.combine('Mul', weights, features ** -0.5)), values);
  return sketch.combine('Add', sketch.projection(mixed, features), at);
}

function forward(draw: Draw, sketch: NetworkSketch, at: Drawn): Drawn {
  const features = at.dims.at(-1) ?? 1;
  const wide = sketch.elementwise(sketch.projection(at, features * draw.of(1, 2, 4)), draw.of('Relu', 'Tanh', 'Erf'));
  return sketch.combine('Add', sketch.projection(wide, features), at);
}

function denseNetwork(draw: Draw, sketch: NetworkSketch): Uint8Array {
  let at = sketch.input([draw.of(1, 1, 1, 8, 32), draw.channels(16, 1024)]);
  const layers = 2 + Math.floor(draw.share() * 4);
  for (let layer = 0; layer < layers; layer += 1) {
    at = sketch.dense(at, draw.channels(8, Math.min(2048, mostWeights / (at.dims[1] ?? 1))));
    at = sketch.elementwise(at, draw.of('Relu', 'Relu', 'Sigmoid', 'Tanh'));
  }
  return sketch.finish('kernels', [sketch.softmax(sketch.dense(at, 10))]);
}
