import type { GraphParts } from '../onnx/computing-nodes';
import type { OnnxTensor } from '../onnx/tensor';

/** Nodes that pass a constant on without changing its shape. */
const keepShape: readonly string[] = ['Identity', 'Cast', 'DequantizeLinear', 'QuantizeLinear'];

/** What stands in the file for a constant of the graph, as far as it can be told without computing it; null otherwise. */
export function constantTensor({ constants }: GraphParts, name: string): OnnxTensor | null {
  const visited = new Set<string>();
  for (let at = name; !visited.has(at);) {
    visited.add(at);
    const constant = constants.get(at);
    if (constant === undefined) return null;
    if ('initializer' in constant) return constant.initializer.tensor;
    const { node } = constant.node;
    if (node.opType === 'Constant') return node.attribute('value')?.tensor ?? null;
    if (!keepShape.includes(node.opType)) return null;
    at = node.inputs[0] ?? '';
  }
  return null;
}

/** The shape of a constant of the graph as far as it can be told without computing it; null otherwise. */
export function constantShape(parts: GraphParts, name: string): readonly number[] | null {
  return constantTensor(parts, name)?.dims ?? null;
}
