import { EcomapError } from '../../../signals/errors';
import { featuresVersion } from './features';
import { elements, featureRange, layerNormEpsilon, weightShapes, type EstimatorNetwork } from './network-shape';
import { OnnxGraphBuilder } from './onnx-graph';

/** Names of the file's inputs and outputs. */
export const estimatorTensors = {
  /** [batch, slots, features]: raw, as `CoLocationFeatures` writes them. */
  features: 'features',
  /** [batch, slots]: 1 for a network, 0 for padding. */
  mask: 'mask',
  /** [batch, slots]: ln(latency / V); 0 for padding. */
  latency: 'ln_latency_ratio',
  /** [batch]: ln(power / power by V). */
  power: 'ln_power_ratio',
} as const;

/** Metadata keys: the features that the file was trained with, and what its weights do not show. */
export const estimatorKeys = { featuresVersion: 'ecomap.features', heads: 'ecomap.heads' } as const;

/** Names under which a file keeps its scaling, so that a network can be read back from it and trained on. */
export const scalingTensors = {
  featureMean: 'scaling.feature.mean',
  featureScale: 'scaling.feature.scale',
  latencyMean: 'scaling.latency.mean',
  latencyScale: 'scaling.latency.scale',
  powerMean: 'scaling.power.mean',
  powerScale: 'scaling.power.scale',
} as const;

/**
 * The estimator as an ONNX model (opset 17): standardising, the transformer and de-standardising in one graph, for any number
 * of candidates and any number of tenants.
 * @throws EcomapError MODEL_INVALID when a weight is missing, has another size, or is no finite number
 */
export function estimatorOnnx(
  { shape, scaling, weights }: EstimatorNetwork,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraphBuilder();
  const { width, heads, layers, features } = shape;
  for (const [name, dims] of weightShapes(shape)) {
    const values = weights[name];
    if (values?.length !== elements(dims) || !values.every(Number.isFinite)) {
      throw new EcomapError(
        'MODEL_INVALID',
        `The estimator's weight ${name} is missing, has another size, or is no number.`,
      );
    }
    graph.floats(values, dims, name);
  }
  const dense = (name: string, x: string): string =>
    graph.add('Add', [graph.add('MatMul', [x, `${name}.weight`]), `${name}.bias`]);
  const norm = (name: string, x: string): string =>
    graph.add('LayerNormalization', [x, `${name}.scale`, `${name}.shift`], {
      axis: -1,
      epsilon: { float: layerNormEpsilon },
    });
  const relu = (x: string): string => graph.add('Relu', [x]);
  const reshape = (x: string, dims: readonly number[]): string => graph.add('Reshape', [x, graph.integers(dims)]);

  const raw = graph.input(estimatorTensors.features, ['batch', 'slots', features]);
  const mask = graph.input(estimatorTensors.mask, ['batch', 'slots']);
  const present = graph.add('Unsqueeze', [mask, graph.integers([2])]);
  const centred = graph.add('Sub', [raw, graph.floats(scaling.featureMean, [features], scalingTensors.featureMean)]);
  const scaled = graph.add('Div', [
    centred,
    graph.floats(scaling.featureScale, [features], scalingTensors.featureScale),
  ]);
  const standard = graph.add('Mul', [
    graph.add('Clip', [scaled, graph.scalar(-featureRange), graph.scalar(featureRange)]),
    present,
  ]);
  const penalty = graph.add('Unsqueeze', [
    graph.add('Mul', [graph.add('Sub', [mask, graph.scalar(1)]), graph.scalar(1e9)]),
    graph.integers([1, 2]),
  ]);
  let state = dense('input', standard);
  for (let layer = 0; layer < layers; layer += 1) {
    const name = `layer${layer}`;
    const split = [0, 1, 2].map(() => graph.fresh('part'));
    graph.node(
      'Split',
      [dense(`${name}.qkv`, norm(`${name}.norm1`, state)), graph.integers([width, width, width])],
      split,
      { axis: 2 },
    );
    // 0 keeps a dimension: batch and slots stay free.
    const [query = '', key = '', value = ''] = split.map((part, index) =>
      graph.add('Transpose', [reshape(part, [0, 0, heads, width / heads])], {
        perm: index === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3],
      }),
    );
    const scores = graph.add('Mul', [graph.add('MatMul', [query, key]), graph.scalar(1 / Math.sqrt(width / heads))]);
    const attention = graph.add('Softmax', [graph.add('Add', [scores, penalty])], { axis: -1 });
    const mixed = graph.add('Transpose', [graph.add('MatMul', [attention, value])], { perm: [0, 2, 1, 3] });
    state = graph.add('Add', [state, dense(`${name}.attended`, reshape(mixed, [0, 0, width]))]);
    const hidden = relu(dense(`${name}.forward1`, norm(`${name}.norm2`, state)));
    state = graph.add('Add', [state, dense(`${name}.forward2`, hidden)]);
  }
  state = norm('norm', state);

  const latency = reshape(dense('latency2', relu(dense('latency1', state))), [0, 0]);
  const lnRatio = graph.add('Add', [
    graph.add('Mul', [latency, graph.scalar(scaling.latency.scale, scalingTensors.latencyScale)]),
    graph.scalar(scaling.latency.mean, scalingTensors.latencyMean),
  ]);
  graph.add('Mul', [lnRatio, mask], {}, estimatorTensors.latency);
  graph.output(estimatorTensors.latency, ['batch', 'slots']);

  const sum = graph.add('ReduceSum', [graph.add('Mul', [state, present]), graph.integers([1])], { keepdims: 0 });
  const count = graph.add('ReduceSum', [mask, graph.integers([1])], { keepdims: 1 });
  const whole = graph.add('Div', [sum, count]);
  const power = reshape(dense('power2', relu(dense('power1', whole))), [-1]);
  graph.add(
    'Add',
    [
      graph.add('Mul', [power, graph.scalar(scaling.power.scale, scalingTensors.powerScale)]),
      graph.scalar(scaling.power.mean, scalingTensors.powerMean),
    ],
    {},
    estimatorTensors.power,
  );
  graph.output(estimatorTensors.power, ['batch']);
  return graph.finish('ecomap-estimator', {
    ...metadata,
    [estimatorKeys.featuresVersion]: String(featuresVersion),
    [estimatorKeys.heads]: String(heads),
  });
}
