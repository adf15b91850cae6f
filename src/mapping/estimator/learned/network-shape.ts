import { featureCount } from './features';

/** Sizes of the transformer. */
export interface NetworkShape {
  readonly features: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForward: number;
}

export const defaultShape: NetworkShape = { features: featureCount, width: 64, layers: 2, heads: 4, feedForward: 128 };
export const layerNormEpsilon = 1e-5;
/** Features farther from their mean than so many standard deviations are taken for that far: nothing was learned beyond. */
export const featureRange = 4;

/** Weights by name, row-major: `x W + b` with W of [inputs, outputs]. */
export type Weights = Readonly<Record<string, Float32Array>>;

/** What makes raw features and raw targets of the numbers that the network works with; never changed by fine-tuning. */
export interface Scaling {
  readonly featureMean: Float32Array;
  /** Already with what keeps it from being zero. */
  readonly featureScale: Float32Array;
  readonly latency: { readonly mean: number; readonly scale: number };
  readonly power: { readonly mean: number; readonly scale: number };
}

export interface EstimatorNetwork {
  readonly shape: NetworkShape;
  readonly scaling: Scaling;
  readonly weights: Weights;
}

/** Name and dimensions of every weight, in a fixed order. */
export function weightShapes({ features, width, layers, feedForward }: NetworkShape): [string, readonly number[]][] {
  const dense = (name: string, inputs: number, outputs: number): [string, readonly number[]][] => [
    [`${name}.weight`, [inputs, outputs]],
    [`${name}.bias`, [outputs]],
  ];
  const norm = (name: string): [string, readonly number[]][] => [
    [`${name}.scale`, [width]],
    [`${name}.shift`, [width]],
  ];
  return [
    ...dense('input', features, width),
    ...Array.from({ length: layers }, (_, layer) => [
      ...norm(`layer${layer}.norm1`),
      ...dense(`layer${layer}.qkv`, width, 3 * width),
      ...dense(`layer${layer}.attended`, width, width),
      ...norm(`layer${layer}.norm2`),
      ...dense(`layer${layer}.forward1`, width, feedForward),
      ...dense(`layer${layer}.forward2`, feedForward, width),
    ]).flat(),
    ...norm('norm'),
    ...dense('latency1', width, width),
    ...dense('latency2', width, 1),
    ...dense('power1', width, width),
    ...dense('power2', width, 1),
  ];
}

export const elements = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Uniform in +-1/sqrt(inputs), biases too; norms start as identity. `uniform` gives numbers in [0, 1). */
export function initialWeights(shape: NetworkShape, uniform: () => number): Weights {
  const weights: Record<string, Float32Array> = {};
  let bound = 1;
  for (const [name, dims] of weightShapes(shape)) {
    if (name.endsWith('.weight')) bound = 1 / Math.sqrt(dims[0] ?? 1);
    const limit = bound;
    weights[name] = new Float32Array(elements(dims)).map(() => {
      if (name.endsWith('.scale')) return 1;
      return name.endsWith('.shift') ? 0 : limit * (2 * uniform() - 1);
    });
  }
  return weights;
}
