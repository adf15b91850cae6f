import type { OnnxNode } from '../onnx/node';

/** The shape of a tensor inside a model in one particular inference; null when it is not known. */
export type ShapeOf = (name: string) => readonly number[] | null;

const product = (numbers: readonly number[]): number => numbers.reduce((result, number) => result * number, 1);

/** Which inputs of a node are multiplied, and how often each element of one is used for the other. */
type Formula = (node: OnnxNode, shapeOf: ShapeOf) => number | null;

/**
 * Convolution: every output element is a sum over one group's input channels and the kernel, whose sizes are those of the weights
 * [M, C/group, k1, k2, ...]: out elements * C/group * k1 * k2 * ... So a depthwise one (group = C) counts its kernel once per
 * output element.
 */
const convolution =
  (weights: number): Formula =>
  (node, shapeOf) => {
    const out = shapeOf(node.outputs[0] ?? '');
    const kernel = shapeOf(node.inputs[weights] ?? '');
    return out === null || kernel === null ? null : product(out) * product(kernel.slice(1));
  };

/** Transposed convolution: every input element is spread over the kernel of its group's outputs; weights [C, M/group, k1, ...]. */
const transposedConvolution: Formula = (node, shapeOf) => {
  const input = shapeOf(node.inputs[0] ?? '');
  const kernel = shapeOf(node.inputs[1] ?? '');
  return input === null || kernel === null ? null : product(input) * product(kernel.slice(1));
};

/** [M, K] times [K, N], each transposed at will: M * N * K. */
const gemm: Formula = (node, shapeOf) => {
  const out = shapeOf(node.outputs[0] ?? '');
  const left = shapeOf(node.inputs[0] ?? '');
  const inner = left?.at(node.attribute('transA')?.integer === 1 ? 0 : 1);
  return out === null || inner === undefined ? null : product(out) * inner;
};

/** Matrix product with any leading dimensions: every output element is a sum over the last dimension of the left side. */
const matrixProduct: Formula = (node, shapeOf) => {
  const out = shapeOf(node.outputs[0] ?? '');
  const inner = shapeOf(node.inputs[0] ?? '')?.at(-1);
  return out === null || inner === undefined ? null : product(out) * inner;
};

const formulas: Readonly<Record<string, Formula>> = {
  Conv: convolution(1),
  ConvInteger: convolution(1),
  QLinearConv: convolution(3),
  ConvTranspose: transposedConvolution,
  Gemm: gemm,
  MatMul: matrixProduct,
  MatMulInteger: matrixProduct,
  QLinearMatMul: matrixProduct,
};

/** Operators of ONNX that multiply too, or run others inside them, and are not counted. */
const uncounted: readonly string[] = ['Einsum', 'LSTM', 'GRU', 'RNN', 'Attention', 'DeformConv', 'If', 'Loop', 'Scan'];

/**
 * Multiply-accumulates of one node: of convolutions and matrix products, as is usual; 0 for all others. Null where a shape that
 * it takes is not known.
 */
export function macsOf(node: OnnxNode, shapeOf: ShapeOf): number | null {
  const formula = node.domain === '' ? formulas[node.opType] : undefined;
  return formula === undefined ? 0 : formula(node, shapeOf);
}

/** Whether a node may hide multiply-accumulates that {@link macsOf} does not see. */
export function isUncounted(node: OnnxNode): boolean {
  return node.domain !== '' || uncounted.includes(node.opType);
}
