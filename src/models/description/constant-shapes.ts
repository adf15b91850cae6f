import type { GraphParts } from '../onnx/computing-nodes';
import type { OnnxTensor } from '../onnx/tensor';

/** Nodes that pass a constant on without changing its shape. */
const keepShape: readonly string[] = ['Identity', 'Cast', 'DequantizeLinear', 'QuantizeLinear'];

/** As above, but for another shape. */
const keepElements: readonly string[] = [...keepShape, 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'];

/** What stands in the file for a constant of the graph, behind nodes of these operators only; null otherwise. */
function constantTensor({ constants }: GraphParts, name: string, behind: readonly string[]): OnnxTensor | null {
  const visited = new Set<string>();
  for (let at = name; !visited.has(at);) {
    visited.add(at);
    const constant = constants.get(at);
    if (constant === undefined) return null;
    if ('initializer' in constant) return constant.initializer.tensor;
    const { node } = constant.node;
    if (node.opType === 'Constant') return node.attribute('value')?.tensor ?? null;
    if (!behind.includes(node.opType)) return null;
    at = node.inputs[0] ?? '';
  }
  return null;
}

/** The shape of a constant of the graph as far as it can be told without computing it; null otherwise. */
export function constantShape(parts: GraphParts, name: string): readonly number[] | null {
  return constantTensor(parts, name, keepShape)?.dims ?? null;
}

/** Bytes of a constant as the file holds it; null where it is computed from others in other ways than by turning them. */
export function constantBytes(parts: GraphParts, name: string): number | null {
  return constantTensor(parts, name, keepElements)?.bytes ?? null;
}
