import type { GraphParts } from '../onnx/computing-nodes';
import type { BoundaryTypes } from '../onnx/cuts';
import type { FlowNode } from '../onnx/data-flow';
import { elementBytes } from '../onnx/element-types';
import type { OnnxTensorType } from '../onnx/value-info';
import { constantBytes } from './constant-shapes';

/** Say the same numbers differently: the runtime copies nothing for them. */
const views: readonly string[] = ['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout', 'Shape', 'Size'];
/** The runtime computes these while it writes the output of the node before, so that their tensors are not moved again. */
const inPassing: readonly string[] = [
  'Relu',
  'LeakyRelu',
  'Clip',
  'Sigmoid',
  'HardSigmoid',
  'Tanh',
  'BatchNormalization',
];

/** Bytes of a tensor in one particular inference, by name; null when they are not known. */
export type BytesOf = (name: string) => number | null;

/**
 * Bytes that one inference moves between the node and the memory: its inputs, weights included, and its outputs, each once.
 * What fits into caches moves less, what does not fit into them may be read several times: an orderly figure for comparing
 * networks, not a measurement. Null where the size of a tensor is not known.
 */
export function bytesMovedBy({ node, reads, makes }: FlowNode, bytesOf: BytesOf): number | null {
  if (node.domain === '' && (views.includes(node.opType) || inPassing.includes(node.opType))) return 0;
  let moved = 0;
  for (const name of [...reads, ...makes]) {
    const bytes = bytesOf(name);
    if (bytes === null) return null;
    moved += bytes;
  }
  return moved;
}

/**
 * Sizes as an inference has shown them, and those of constants as they stand in the file. Constants that are computed from others
 * when the model is loaded are paddings and shapes of a few bytes: they count nothing.
 */
export function bytesIn(parts: GraphParts, types: BoundaryTypes): BytesOf {
  return (name) => {
    const type = types.get(name);
    if (type !== undefined) return tensorBytes(type);
    return parts.constants.has(name) ? (constantBytes(parts, name) ?? 0) : null;
  };
}

export function tensorBytes({ type, dims }: OnnxTensorType): number | null {
  if (dims === null || !dims.every((dim) => typeof dim === 'number')) return null;
  return elementBytes(
    type,
    dims.reduce((product, dim) => product * dim, 1),
  );
}
