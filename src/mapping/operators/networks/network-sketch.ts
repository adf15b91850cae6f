import { OnnxGraphBuilder, type AttributeValue } from '../../estimator/learned/onnx-graph';

/** A tensor of a network that is being drawn: [1, channels, height, width], or [1, features] or [1, rows, features]. */
export interface Drawn {
  readonly name: string;
  readonly dims: readonly number[];
}

export interface ConvolutionShape {
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  /** As many as there are channels: a depthwise one. */
  readonly groups?: number;
}

const product = (numbers: readonly number[]): number => numbers.reduce((result, number) => result * number, 1);

/**
 * Draws an ONNX network layer by layer and keeps track of the shapes. Its weights are noise of a size that keeps the activations in
 * the range of real ones: what a network costs does not depend on what it has learned, but numbers near zero can be slow.
 */
export class NetworkSketch {
  readonly #graph = new OnnxGraphBuilder();
  #state = 1;

  input(dims: readonly number[]): Drawn {
    return { name: this.#graph.input('input', dims), dims };
  }

  convolution(input: Drawn, { channels, kernel, stride, groups = 1 }: ConvolutionShape): Drawn {
    const [batch = 1, inner = 1, height = 1, width = 1] = input.dims;
    const [kernelHeight, kernelWidth] = kernel;
    const weights = this.#weights([channels, inner / groups, kernelHeight, kernelWidth], 1);
    // Rows are left alone where there is but one.
    const strides = [height === 1 ? 1 : stride, stride] as const;
    const pads = [(kernelHeight - 1) >> 1, (kernelWidth - 1) >> 1] as const;
    const name = this.#graph.add('Conv', [input.name, weights, this.#bias(channels)], {
      kernel_shape: kernel,
      strides,
      pads: [...pads, ...pads],
      group: groups,
    });
    const size = (length: number, axis: 0 | 1): number =>
      Math.floor((length + 2 * pads[axis] - kernel[axis]) / strides[axis]) + 1;
    return { name, dims: [batch, channels, size(height, 0), size(width, 1)] };
  }

  depthwise(input: Drawn, kernel: readonly [number, number], stride: number): Drawn {
    const channels = input.dims[1] ?? 1;
    return this.convolution(input, { channels, kernel, stride, groups: channels });
  }

  pool(input: Drawn, kind: 'MaxPool' | 'AveragePool', kernel: readonly [number, number], stride: number): Drawn {
    const [batch = 1, channels = 1, height = 1, width = 1] = input.dims;
    const strides = [height === 1 ? 1 : stride, stride] as const;
    const name = this.#graph.add(kind, [input.name], { kernel_shape: kernel, strides });
    const size = (length: number, axis: 0 | 1): number => Math.floor((length - kernel[axis]) / strides[axis]) + 1;
    return { name, dims: [batch, channels, size(height, 0), size(width, 1)] };
  }

  /** An operator of one input that keeps the shape. */
  elementwise(input: Drawn, opType: string, attributes: Readonly<Record<string, AttributeValue>> = {}): Drawn {
    return { name: this.#graph.add(opType, [input.name], attributes), dims: input.dims };
  }

  clip(input: Drawn, low: number, high: number): Drawn {
    const limits = [this.#graph.scalar(low), this.#graph.scalar(high)];
    return { name: this.#graph.add('Clip', [input.name, ...limits]), dims: input.dims };
  }

  /** With a number, or with another tensor of the same shape or of [1, channels, 1, 1]. */
  combine(opType: 'Add' | 'Sub' | 'Mul' | 'Div', input: Drawn, other: Drawn | number): Drawn {
    const right = typeof other === 'number' ? this.#graph.scalar(other) : other.name;
    return { name: this.#graph.add(opType, [input.name, right]), dims: input.dims };
  }

  concatenation(inputs: readonly Drawn[]): Drawn {
    const [first] = inputs;
    const channels = inputs.reduce((sum, { dims }) => sum + (dims[1] ?? 0), 0);
    const name = this.#graph.add(
      'Concat',
      inputs.map((input) => input.name),
      { axis: 1 },
    );
    return { name, dims: [first?.dims[0] ?? 1, channels, ...(first?.dims.slice(2) ?? [])] };
  }

  normalisation(input: Drawn): Drawn {
    const channels = input.dims[1] ?? 1;
    const ones = (value: number): string => this.#graph.floats(new Float32Array(channels).fill(value), [channels]);
    const parameters = [ones(0.9), ones(0.1), ones(0.2), ones(1.1)];
    return { name: this.#graph.add('BatchNormalization', [input.name, ...parameters]), dims: input.dims };
  }

  layerNormalisation(input: Drawn): Drawn {
    const features = input.dims.at(-1) ?? 1;
    const ones = this.#graph.floats(new Float32Array(features).fill(1), [features]);
    return {
      name: this.#graph.add('LayerNormalization', [input.name, ones, this.#bias(features)], { axis: -1 }),
      dims: input.dims,
    };
  }

  globalPool(input: Drawn): Drawn {
    const [batch = 1, channels = 1] = input.dims;
    return { name: this.#graph.add('GlobalAveragePool', [input.name]), dims: [batch, channels, 1, 1] };
  }

  flatten(input: Drawn): Drawn {
    const [batch = 1, ...rest] = input.dims;
    return { name: this.#graph.add('Flatten', [input.name]), dims: [batch, product(rest)] };
  }

  dense(input: Drawn, features: number): Drawn {
    const weights = this.#weights([features, input.dims.at(-1) ?? 1], 1);
    const name = this.#graph.add('Gemm', [input.name, weights, this.#bias(features)], { transB: 1 });
    return { name, dims: [input.dims[0] ?? 1, features] };
  }

  /** With weights: [.., rows, features] times [features, columns]. */
  projection(input: Drawn, columns: number): Drawn {
    const features = input.dims.at(-1) ?? 1;
    const name = this.#graph.add('MatMul', [input.name, this.#weights([features, columns], 0)]);
    return { name, dims: [...input.dims.slice(0, -1), columns] };
  }

  matrixProduct(left: Drawn, right: Drawn): Drawn {
    const name = this.#graph.add('MatMul', [left.name, right.name]);
    return { name, dims: [...left.dims.slice(0, -1), right.dims.at(-1) ?? 1] };
  }

  transpose(input: Drawn, order: readonly number[]): Drawn {
    const name = this.#graph.add('Transpose', [input.name], { perm: order });
    return { name, dims: order.map((axis) => input.dims[axis] ?? 1) };
  }

  reshape(input: Drawn, dims: readonly number[]): Drawn {
    return { name: this.#graph.add('Reshape', [input.name, this.#graph.integers(dims)]), dims };
  }

  slice(input: Drawn, axis: number, from: number, to: number): Drawn {
    const ranges = [[from], [to], [axis]].map((values) => this.#graph.integers(values));
    const dims = input.dims.map((dim, index) => (index === axis ? to - from : dim));
    return { name: this.#graph.add('Slice', [input.name, ...ranges]), dims };
  }

  /** Over one axis, which stays with the length 1. */
  reduction(input: Drawn, opType: 'ReduceMean' | 'ReduceMax', axis: number): Drawn {
    const name = this.#graph.add(opType, [input.name], { axes: [axis], keepdims: 1 });
    return { name, dims: input.dims.map((dim, index) => (index === axis ? 1 : dim)) };
  }

  softmax(input: Drawn): Drawn {
    return this.elementwise(input, 'Softmax', { axis: -1 });
  }

  /** The file; `outputs` are what it gives. */
  finish(name: string, outputs: readonly Drawn[]): Uint8Array {
    for (const output of outputs) this.#graph.output(output.name, output.dims);
    return this.#graph.finish(name, {});
  }

  /** Noise whose products with numbers around 1 have about their size. @param outAxis which axis counts the outputs */
  #weights(dims: readonly number[], outAxis: 0 | 1): string {
    const count = product(dims);
    const fanIn = outAxis === 1 ? count / (dims[0] ?? 1) : (dims[0] ?? 1);
    const scale = Math.sqrt(6 / fanIn);
    const values = Float32Array.from({ length: count }, () => scale * (2 * this.#noise() - 1));
    return this.#graph.floats(values, dims);
  }

  #bias(count: number): string {
    return this.#graph.floats(
      Float32Array.from({ length: count }, () => 0.1 * this.#noise()),
      [count],
    );
  }

  /** In [0, 1): cheap, as there are millions to draw. */
  #noise(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 0x100000000;
  }
}
