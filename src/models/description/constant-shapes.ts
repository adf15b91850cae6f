import type { GraphParts } from '../onnx/computing-nodes';

/** Nodes that pass a constant on without changing its shape. */
const keepShape: readonly string[] = ['Identity', 'Cast', 'DequantizeLinear', 'QuantizeLinear'];

/** The shape of a constant of the graph as far as it can be told without computing it; null otherwise. */
export function constantShape({ constants }: GraphParts, name: string): readonly number[] | null {
  const visited = new Set<string>();
  for (let at = name; !visited.has(at);) {
    visited.add(at);
    const constant = constants.get(at);
    if (constant === undefined) return null;
    if ('initializer' in constant) return constant.initializer.tensor?.dims ?? null;
    const { node } = constant.node;
    if (node.opType === 'Constant') return node.attribute('value')?.tensor?.dims ?? null;
    if (!keepShape.includes(node.opType)) return null;
    at = node.inputs[0] ?? '';
  }
  return null;
}
