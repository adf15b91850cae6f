import { elementTypeName } from '../onnx/element-types';
import type { OnnxGraph } from '../onnx/graph';
import type { OnnxTensor } from '../onnx/tensor';

/** What such a tensor holds are shapes, indices, flags and names, not weights. */
const notWeights: readonly string[] = ['int64', 'bool', 'string'];

/** Some exporters keep their weights in Constant nodes; smaller ones are factors and limits. */
const leastWeightDims = 2;

function constantsOf(graph: OnnxGraph): OnnxTensor[] {
  const initializers = graph.initializers.flatMap(({ tensor }) => tensor ?? []);
  const inNodes = graph.nodes
    .filter(({ opType, domain }) => opType === 'Constant' && domain === '')
    .flatMap((node) => node.attribute('value')?.tensor ?? [])
    .filter(({ dims }) => dims.length >= leastWeightDims);
  return [...initializers, ...inNodes];
}

/**
 * Parameters as the file holds them: the elements of its constant tensors but for whole numbers of 64 bits, flags and texts. A
 * batch normalisation that was folded into a convolution at export has left one number per channel where training had two;
 * tables that were never trained count, since a file cannot tell them apart. Sparse tensors are left out.
 */
export function parametersOf(graph: OnnxGraph): { parameters: number; bytes: number } {
  const weights = constantsOf(graph).filter(({ type }) => !notWeights.includes(elementTypeName(type)));
  return {
    parameters: weights.reduce((sum, { elements }) => sum + elements, 0),
    bytes: weights.reduce((sum, tensor) => sum + (tensor.bytes ?? 0), 0),
  };
}
