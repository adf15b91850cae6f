import { onnxModel, type GraphNode } from '../../test/support/onnx-builder';
import { Random } from '../../src/simulation/random';

/** An image in the making: the name of the tensor, its channels and its side. */
export interface Feature {
  readonly name: string;
  readonly channels: number;
  readonly side: number;
}

interface Convolution {
  readonly channels: number;
  readonly kernel?: number;
  readonly stride?: number;
  /** One filter per channel. */
  readonly depthwise?: boolean;
  readonly relu?: boolean;
}

type Weight = { dims: readonly number[]; data: Float32Array };

/**
 * Builds networks of the usual kinds with random weights: what they compute is nonsense, what it costs is not. The weights are
 * scaled as He et al. do, so that the numbers stay of the size that real networks have (denormals would be slow).
 */
export class Network {
  private readonly nodes: GraphNode[] = [];
  private readonly weights: Record<string, Weight> = {};
  private readonly random: Random;
  private count = 0;

  constructor(
    seed: number,
    private readonly batch: number | 'batch' = 1,
  ) {
    this.random = new Random(seed);
  }

  convolution(
    from: Feature,
    { channels, kernel = 1, stride = 1, depthwise = false, relu = true }: Convolution,
  ): Feature {
    const padding = Math.floor(kernel / 2);
    const groups = depthwise ? from.channels : 1;
    const fanIn = (from.channels / groups) * kernel * kernel;
    const weight = this.weight([channels, from.channels / groups, kernel, kernel], fanIn);
    const bias = this.weight([channels], channels);
    const attributes = {
      group: groups,
      kernel_shape: [kernel, kernel],
      pads: [padding, padding, padding, padding],
      strides: [stride, stride],
    };
    let name = this.node('Conv', [from.name, weight, bias], attributes);
    if (relu) name = this.node('Relu', [name]);
    return { name, channels, side: Math.floor((from.side + 2 * padding - kernel) / stride) + 1 };
  }

  maxPool(from: Feature, kernel: number, stride: number): Feature {
    const name = this.node('MaxPool', [from.name], { kernel_shape: [kernel, kernel], strides: [stride, stride] });
    return { name, channels: from.channels, side: Math.floor((from.side - kernel) / stride) + 1 };
  }

  add(one: Feature, other: Feature, relu = false): Feature {
    const name = this.node('Add', [one.name, other.name]);
    return { ...one, name: relu ? this.node('Relu', [name]) : name };
  }

  concatenate(one: Feature, other: Feature): Feature {
    const name = this.node('Concat', [one.name, other.name], { axis: 1 });
    return { ...one, name, channels: one.channels + other.channels };
  }

  /** The mean of each channel as a row of numbers. */
  averageOfChannels(from: Feature): string {
    return this.flatten({ ...from, name: this.node('GlobalAveragePool', [from.name]) });
  }

  flatten(from: Feature): string {
    return this.node('Flatten', [from.name], { axis: 1 });
  }

  dense(from: string, inputs: number, outputs: number, relu = true): string {
    const weight = this.weight([inputs, outputs], inputs);
    const sum = this.node('Add', [this.node('MatMul', [from, weight]), this.weight([outputs], outputs)]);
    return relu ? this.node('Relu', [sum]) : sum;
  }

  /** The model: `x` of these dimensions (behind the batch) in, `outputs` numbers out. */
  model(dims: readonly number[], last: string, outputs: number): Buffer {
    this.nodes.push({ op: 'Identity', inputs: [last], output: 'y' });
    return onnxModel({
      nodes: this.nodes,
      inputs: [{ name: 'x', dims: [this.batch, ...dims] }],
      outputs: [{ name: 'y', dims: [this.batch, outputs] }],
      weights: this.weights,
    });
  }

  private node(op: string, inputs: readonly string[], attributes: GraphNode['attributes'] = {}): string {
    this.count += 1;
    const output = `${op.toLowerCase()}${this.count}`;
    this.nodes.push({ op, inputs, output, attributes });
    return output;
  }

  private weight(dims: readonly number[], fanIn: number): string {
    const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
    const limit = Math.sqrt(6 / fanIn);
    for (let i = 0; i < data.length; i += 1) data[i] = this.random.uniform(-limit, limit);
    const name = `w${Object.keys(this.weights).length}`;
    this.weights[name] = { dims, data };
    return name;
  }
}
