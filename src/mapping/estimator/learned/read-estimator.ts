import { parseModel } from '../../../models/onnx/model';
import { lastOf, readFields, textOf } from '../../../models/onnx/wire';
import { EcomapError } from '../../../signals/errors';
import { estimatorKeys, scalingTensors } from './estimator-onnx';
import { featureCount, featuresVersion } from './features';
import { elements, weightShapes, type EstimatorNetwork } from './network-shape';

/** `ModelProto.metadata_props` and `StringStringEntryProto` */
const metadataField = 14;
const entryField = { key: 1, value: 2 } as const;

/**
 * The network in a file that `estimatorOnnx` wrote, ready to be trained on.
 * @throws EcomapError MODEL_INVALID when it is no such file, was trained with other features, or is damaged
 */
export function readEstimator(bytes: Uint8Array): EstimatorNetwork {
  const model = parseModel(bytes);
  const metadata = new Map(
    model.fields
      .filter(({ number }) => number === metadataField)
      .map(({ value }) => readFields(value, 'metadata'))
      .map((entry) => [textOf(lastOf(entry, entryField.key)), textOf(lastOf(entry, entryField.value))]),
  );
  const version = metadata.get(estimatorKeys.featuresVersion);
  if (version !== String(featuresVersion)) {
    throw new EcomapError(
      'MODEL_INVALID',
      `This estimator was trained with features of version ${version ?? 'unknown'}, this program has version ${featuresVersion}: ` +
        'calibrate again.',
    );
  }
  const tensors = new Map(model.graph.initializers.map(({ name, tensor }) => [name, tensor]));
  const floats = (name: string, count?: number): Float32Array => {
    const raw = tensors.get(name)?.rawData ?? null;
    if (raw === null || raw.length % 4 !== 0 || (count !== undefined && raw.length !== 4 * count)) {
      throw new EcomapError(
        'MODEL_INVALID',
        `The estimator's ${name} is missing or has another size. Calibrate again.`,
      );
    }
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    const values = Float32Array.from({ length: raw.length / 4 }, (_, index) => view.getFloat32(4 * index, true));
    if (!values.every(Number.isFinite)) {
      throw new EcomapError('MODEL_INVALID', `The estimator's ${name} holds what is no number. Calibrate again.`);
    }
    return values;
  };
  const only = (name: string): number => floats(name, 1)[0] ?? 0;
  const width = floats('input.bias').length;
  const shape = {
    features: featureCount,
    width,
    layers: [...tensors.keys()].filter((name) => /^layer\d+\.qkv\.bias$/.test(name)).length,
    heads: Number(metadata.get(estimatorKeys.heads)),
    feedForward: tensors.has('layer0.forward1.bias') ? floats('layer0.forward1.bias').length : 0,
  };
  if (!(shape.heads > 0 && width % shape.heads === 0)) {
    throw new EcomapError('MODEL_INVALID', 'The estimator does not say how many heads it has. Calibrate again.');
  }
  return {
    shape,
    scaling: {
      featureMean: floats(scalingTensors.featureMean, featureCount),
      featureScale: floats(scalingTensors.featureScale, featureCount),
      latency: { mean: only(scalingTensors.latencyMean), scale: only(scalingTensors.latencyScale) },
      power: { mean: only(scalingTensors.powerMean), scale: only(scalingTensors.powerScale) },
    },
    weights: Object.fromEntries(weightShapes(shape).map(([name, dims]) => [name, floats(name, elements(dims))])),
  };
}
