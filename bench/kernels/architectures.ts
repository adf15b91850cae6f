import { NetworkSketch, type Drawn } from '../../src/mapping/operators/networks/network-sketch';
import type { GeneratedNetwork } from '../../src/mapping/operators/networks/kernel-networks';

/** How much of a network there is. */
interface Size {
  readonly side: number;
  readonly width: number;
  readonly depth: number;
}

type Architecture = (sketch: NetworkSketch, size: Size) => Drawn;

const square = (side: number): readonly [number, number] => [side, side];

function relu(sketch: NetworkSketch, at: Drawn): Drawn {
  return sketch.elementwise(at, 'Relu');
}

function convolution(sketch: NetworkSketch, at: Drawn, channels: number, side: number, stride = 1): Drawn {
  return relu(sketch, sketch.convolution(at, { channels, kernel: square(side), stride }));
}

function scores(sketch: NetworkSketch, at: Drawn, classes: number): Drawn {
  return sketch.softmax(sketch.dense(sketch.flatten(sketch.globalPool(at)), classes));
}

const image = (sketch: NetworkSketch, { side }: Size): Drawn => sketch.input([1, 3, side, side]);

/** Convolutions of 3 x 3 and pools, dense layers at the end. */
const plain: Architecture = (sketch, size) => {
  let at = image(sketch, size);
  for (let stage = 0; stage < 4; stage += 1) {
    for (let layer = 0; layer < size.depth; layer += 1) at = convolution(sketch, at, size.width << stage, 3);
    at = sketch.pool(at, 'MaxPool', square(2), 2);
  }
  const hidden = relu(sketch, sketch.dense(sketch.flatten(at), 16 * size.width));
  return sketch.softmax(sketch.dense(hidden, 100));
};

/** Blocks of two convolutions with a shortcut. */
const residual: Architecture = (sketch, size) => {
  let at = sketch.pool(convolution(sketch, image(sketch, size), size.width, 7, 2), 'MaxPool', square(3), 2);
  for (let stage = 0; stage < 3; stage += 1) {
    for (let block = 0; block < size.depth; block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const channels = size.width << stage;
      const inner = convolution(sketch, at, channels, 3, stride);
      const branch = sketch.convolution(inner, { channels, kernel: square(3), stride: 1 });
      const shortcut =
        stride === 1 && at.dims[1] === channels ? at : sketch.convolution(at, { channels, kernel: square(1), stride });
      at = relu(sketch, sketch.combine('Add', branch, shortcut));
    }
  }
  return scores(sketch, at, 100);
};

/** Depthwise and pointwise convolutions in turn. */
const separable: Architecture = (sketch, size) => {
  let at = convolution(sketch, image(sketch, size), size.width, 3, 2);
  for (let stage = 0; stage < 4; stage += 1) {
    for (let layer = 0; layer < size.depth; layer += 1) {
      at = relu(sketch, sketch.depthwise(at, square(3), layer === 0 && stage > 0 ? 2 : 1));
      at = convolution(sketch, at, size.width << stage, 1);
    }
  }
  return scores(sketch, at, 1000);
};

/** The same, widened inside of each block, with shortcuts and activations that end at 6. */
const inverted: Architecture = (sketch, size) => {
  let at = sketch.clip(
    sketch.convolution(image(sketch, size), { channels: 2 * size.width, kernel: square(3), stride: 2 }),
    0,
    6,
  );
  for (let stage = 0; stage < 4; stage += 1) {
    const channels = Math.round(size.width * (1 + stage * 0.8));
    for (let block = 0; block < size.depth; block += 1) {
      const inner = (at.dims[1] ?? 1) * 6;
      const wide = sketch.clip(sketch.convolution(at, { channels: inner, kernel: square(1), stride: 1 }), 0, 6);
      const mixed = sketch.clip(sketch.depthwise(wide, square(3), block === 0 && stage > 0 ? 2 : 1), 0, 6);
      const narrow = sketch.convolution(mixed, { channels, kernel: square(1), stride: 1 });
      at = block > 0 ? sketch.combine('Add', narrow, at) : narrow;
    }
  }
  return scores(sketch, convolution(sketch, at, 16 * size.width, 1), 1000);
};

/** Narrowed to few channels, then widened by two convolutions side by side. */
const fire: Architecture = (sketch, size) => {
  let at = sketch.pool(convolution(sketch, image(sketch, size), 4 * size.width, 3, 2), 'MaxPool', square(3), 2);
  for (let stage = 0; stage < 3; stage += 1) {
    for (let block = 0; block < size.depth; block += 1) {
      const squeezed = convolution(sketch, at, size.width * (stage + 1), 1);
      at = sketch.concatenation([
        convolution(sketch, squeezed, 4 * size.width * (stage + 1), 1),
        convolution(sketch, squeezed, 4 * size.width * (stage + 1), 3),
      ]);
    }
    if (stage < 2) at = sketch.pool(at, 'MaxPool', square(3), 2);
  }
  return scores(sketch, at, 100);
};

/** Each layer reads all before it. */
const dense: Architecture = (sketch, size) => {
  let at = convolution(sketch, image(sketch, size), 2 * size.width, 7, 2);
  for (let stage = 0; stage < 3; stage += 1) {
    at = sketch.pool(at, 'AveragePool', square(2), 2);
    for (let layer = 0; layer < 2 * size.depth; layer += 1) {
      const bottleneck = convolution(sketch, relu(sketch, sketch.normalisation(at)), 2 * size.width, 1);
      const added = sketch.convolution(bottleneck, { channels: size.width, kernel: square(3), stride: 1 });
      at = sketch.concatenation([at, added]);
    }
  }
  return scores(sketch, at, 100);
};

/** Gated blocks with smooth activations. */
const gated: Architecture = (sketch, size) => {
  const swish = (at: Drawn): Drawn => sketch.combine('Mul', at, sketch.elementwise(at, 'HardSigmoid'));
  let at = swish(sketch.convolution(image(sketch, size), { channels: size.width, kernel: square(3), stride: 2 }));
  for (let stage = 0; stage < 3; stage += 1) {
    for (let block = 0; block < size.depth; block += 1) {
      const wide = swish(sketch.convolution(at, { channels: (at.dims[1] ?? 1) * 4, kernel: square(1), stride: 1 }));
      const mixed = swish(sketch.depthwise(wide, square(5), block === 0 ? 2 : 1));
      const channels = mixed.dims[1] ?? 1;
      const squeezed = convolution(sketch, sketch.globalPool(mixed), channels >> 2, 1);
      const factors = sketch.elementwise(
        sketch.convolution(squeezed, { channels, kernel: square(1), stride: 1 }),
        'HardSigmoid',
      );
      at = sketch.convolution(sketch.combine('Mul', mixed, factors), {
        channels: size.width * (stage + 1),
        kernel: square(1),
        stride: 1,
      });
    }
  }
  return scores(sketch, at, 1000);
};

/** Patches, attention and dense layers. */
const attention: Architecture = (sketch, size) => {
  const features = 4 * size.width;
  const patches = sketch.convolution(image(sketch, size), { channels: features, kernel: square(9), stride: 8 });
  const [, , height = 1, width = 1] = patches.dims;
  let at = sketch.transpose(sketch.reshape(patches, [1, features, height * width]), [0, 2, 1]);
  for (let layer = 0; layer < size.depth + 1; layer += 1) {
    const normal = sketch.layerNormalisation(at);
    const keys = sketch.transpose(sketch.projection(normal, features), [0, 2, 1]);
    const weights = sketch.matrixProduct(sketch.projection(normal, features), keys);
    const shares = sketch.softmax(sketch.combine('Mul', weights, features ** -0.5));
    const mixed = sketch.projection(sketch.matrixProduct(shares, sketch.projection(normal, features)), features);
    at = sketch.combine('Add', mixed, at);
    const wide = relu(sketch, sketch.projection(sketch.layerNormalisation(at), 2 * features));
    at = sketch.combine('Add', sketch.projection(wide, features), at);
  }
  return sketch.softmax(sketch.dense(sketch.flatten(sketch.reduction(at, 'ReduceMean', 1)), 100));
};

/** Convolutions along one row. */
const signal: Architecture = (sketch, size) => {
  let at = sketch.input([1, 1, 1, 16 * size.side]);
  for (let stage = 0; stage < 2 + size.depth; stage += 1) {
    at = relu(sketch, sketch.convolution(at, { channels: size.width * (stage + 1), kernel: [1, 9], stride: 2 }));
    at = relu(sketch, sketch.convolution(at, { channels: size.width * (stage + 1), kernel: [1, 3], stride: 1 }));
  }
  return scores(sketch, at, 5);
};

/** Dense layers alone. */
const layered: Architecture = (sketch, size) => {
  let at = sketch.input([1, 8 * size.side]);
  for (let layer = 0; layer < 2 + size.depth; layer += 1)
    at = relu(sketch, sketch.dense(at, Math.round((24 * size.width) / (layer + 1))));
  return sketch.softmax(sketch.dense(at, 10));
};

/** From a few tenths of a millisecond to some ten of them on one core. */
const architectures: Readonly<Record<string, readonly [Architecture, readonly Size[]]>> = {
  plain: [plain, sizes([64, 16, 1], [64, 24, 2], [96, 20, 2], [112, 32, 1], [128, 32, 2])],
  residual: [residual, sizes([96, 24, 1], [128, 32, 1], [160, 32, 2], [192, 48, 2], [224, 40, 2])],
  separable: [separable, sizes([96, 24, 2], [128, 32, 2], [160, 40, 3], [192, 48, 3], [224, 64, 2])],
  inverted: [inverted, sizes([96, 8, 2], [128, 12, 2], [160, 16, 2], [192, 16, 3], [224, 24, 2])],
  fire: [fire, sizes([96, 12, 1], [128, 16, 2], [160, 16, 2], [192, 24, 2], [224, 32, 2])],
  dense: [dense, sizes([96, 12, 1], [128, 12, 2], [160, 16, 2], [192, 24, 2], [224, 16, 3])],
  gated: [gated, sizes([96, 16, 1], [128, 16, 2], [160, 24, 2], [192, 24, 2], [224, 32, 2])],
  attention: [attention, sizes([64, 24, 2], [96, 32, 2], [128, 32, 3], [160, 40, 3], [192, 32, 4])],
  signal: [signal, sizes([128, 24, 2], [256, 24, 3], [256, 32, 3], [256, 48, 3], [512, 48, 2])],
  layered: [layered, sizes([32, 24, 1], [64, 32, 2], [96, 48, 2], [128, 64, 2], [128, 64, 3])],
};

function sizes(...rows: readonly (readonly [side: number, width: number, depth: number])[]): Size[] {
  return rows.map(([side, width, depth]) => ({ side, width, depth }));
}

export interface ArchitectureNetwork extends GeneratedNetwork {
  readonly family: string;
}

/** Networks in the manner of well-known families, five sizes of each, drawn one at a time. */
export function* architectureNetworks(): Generator<ArchitectureNetwork> {
  for (const [family, [architecture, all]] of Object.entries(architectures)) {
    for (const size of all) {
      const sketch = new NetworkSketch();
      const output = architecture(sketch, size);
      const name = `${family}-${size.side}-${size.width}-${size.depth}`;
      yield { family, name, bytes: sketch.finish(name, [output]) };
    }
  }
}
