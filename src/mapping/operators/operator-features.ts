import { elementBytes, elementTypeNumber } from '../../models/onnx/element-types';
import type { Operator, OperatorTensor } from '../../signals/operator-profile';
import { baseType, groupsOf, kernelShapeOf, kindOf } from './operator-kind';

/** What is known of an operator before it runs. */
export interface OperatorFeatures {
  readonly kind: string;
  /** What its time is made of, in the first place: see {@link workColumns}. */
  readonly work: readonly number[];
  /** Everything that may matter besides, mostly logarithms; as many as {@link detailNames}. */
  readonly details: readonly number[];
}

/**
 * The parts of a cost law: a constant, GFLOP, and the megabytes that an operator reads, writes, and reads as weights (the roofline's
 * two sides, added).
 */
export const workColumns = ['constant', 'gflop', 'inputMb', 'outputMb', 'weightMb'] as const;

export const detailNames = [
  'ln flop',
  'ln input bytes',
  'ln output bytes',
  'ln weight bytes',
  'ln flop per byte',
  'ln input channels',
  'ln output channels',
  'ln output positions',
  'ln kernel positions',
  'stride',
  'ln groups',
  'ln last dimension',
  'ln first dimensions',
  'rank',
  'inputs',
  'has activation',
  'ln weight bytes of the model',
  'ln largest tensor of the model',
] as const;

const product = (numbers: readonly number[]): number => numbers.reduce((result, number) => result * number, 1);

/**
 * Of each operator of a model; null for one of which a shape or an element type is not known: then nothing can be said of its cost.
 * The whole model counts as well: what it holds decides what an operator finds in the caches.
 */
export function featuresOf(operators: readonly Operator[]): (OperatorFeatures | null)[] {
  const tensors = operators.flatMap(({ inputs }) => inputs.filter((input) => input !== null));
  const bytesWhere = (constant: boolean): number[] =>
    tensors.filter((tensor) => tensor.constant === constant).map((tensor) => bytesOf(tensor) ?? 0);
  const weights = bytesWhere(true).reduce((sum, bytes) => sum + bytes, 0);
  const largest = bytesWhere(false).reduce((most, bytes) => Math.max(most, bytes), 0);
  const context = [weights, largest].map((bytes) => Math.log(Math.max(1, bytes)));
  return operators.map((operator) => featuresOfOperator(operator, context));
}

function featuresOfOperator(operator: Operator, context: readonly number[]): OperatorFeatures | null {
  const inputs = operator.inputs.filter((input) => input !== null);
  const given = sumOf(inputs.filter(({ constant }) => !constant).map(bytesOf));
  const weights = sumOf(inputs.filter(({ constant }) => constant).map(bytesOf));
  const written = sumOf(operator.outputs.map(bytesOf));
  const input = inputs[0]?.dims ?? null;
  const output = operator.outputs[0]?.dims ?? null;
  if (given === null || weights === null || written === null || output === null) return null;
  const flop = flopOf(operator, input ?? [], output);
  const kernel = kernelShapeOf(operator);
  const strides = operator.attributes['strides'];
  const ln = (value: number): number => Math.log(Math.max(1, value));
  const details = [
    ln(flop),
    ln(given),
    ln(written),
    ln(weights),
    ln(flop) - ln(given + written + weights),
    ln(input?.[1] ?? 1),
    ln(output[1] ?? 1),
    ln(product(output.slice(2))),
    ln(product(kernel)),
    Array.isArray(strides) ? (strides.at(-1) ?? 1) : 1,
    ln(groupsOf(operator)),
    ln(output.at(-1) ?? 1),
    ln(product(output.slice(0, -1))),
    output.length,
    inputs.length,
    typeof operator.attributes['activation'] === 'string' ? 1 : 0,
    ...context,
  ];
  return { kind: kindOf(operator), work: [1, flop / 1e9, given / 1e6, written / 1e6, weights / 1e6], details };
}

/** Null when it is not known; texts count as nothing. */
function bytesOf({ elementType, dims }: OperatorTensor): number | null {
  const type = elementTypeNumber(elementType);
  return dims === null || type === null ? null : (elementBytes(type, product(dims)) ?? 0);
}

function sumOf(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0);
}

/**
 * Floating point operations: two per multiply-accumulate of convolutions (output elements x weights of one output) and matrix products
 * (output elements x inner length), one per element that a pool or a reduction looks at, else one per element of the output.
 */
function flopOf(operator: Operator, input: readonly number[], output: readonly number[]): number {
  const type = baseType(operator);
  switch (type) {
    case 'Conv':
    case 'ConvInteger':
      return 2 * product(output) * product(operator.inputs[1]?.dims?.slice(1) ?? []);
    case 'QLinearConv':
      return 2 * product(output) * product(operator.inputs[3]?.dims?.slice(1) ?? []);
    case 'ConvTranspose':
      return 2 * product(input) * product(operator.inputs[1]?.dims?.slice(1) ?? []);
    case 'Gemm':
    case 'MatMul':
    case 'MatMulInteger':
    case 'QLinearMatMul':
      return 2 * product(output) * ((operator.attributes['transA'] === 1 ? input.at(-2) : input.at(-1)) ?? 1);
    case 'MaxPool':
    case 'AveragePool':
      return product(output) * product(kernelShapeOf(operator));
    default:
      return Math.max(product(output), type.startsWith('Reduce') || type.startsWith('Global') ? product(input) : 0);
  }
}
