import { elementBytes } from '../../../../src/models/onnx/element-types';
import type { Operator, OperatorProfile, OperatorTensor } from '../../../../src/signals/operator-profile';
import { Random } from '../../../../src/simulation/random';

export const tensor = (dims: readonly number[] | null, constant = false): OperatorTensor => ({
  elementType: 'float32',
  dims: dims === null ? null : [...dims],
  constant,
});

export function convolution(
  channels: number,
  outputs: number,
  side: number,
  kernel: number,
  more: { readonly groups?: number; readonly domain?: string; readonly type?: string } = {},
): Operator {
  const groups = more.groups ?? 1;
  return {
    name: `conv-${channels}-${outputs}-${side}-${kernel}`,
    type: more.type ?? 'Conv',
    domain: more.domain ?? '',
    inputs: [
      tensor([1, channels, side, side]),
      tensor([outputs, channels / groups, kernel, kernel], true),
      tensor([outputs], true),
    ],
    outputs: [tensor([1, outputs, side, side])],
    attributes: { kernel_shape: [kernel, kernel], strides: [1, 1], group: groups },
  };
}

export function dense(inputs: number, outputs: number): Operator {
  return {
    name: `dense-${inputs}-${outputs}`,
    type: 'Gemm',
    domain: '',
    inputs: [tensor([1, inputs]), tensor([outputs, inputs], true), tensor([outputs], true)],
    outputs: [tensor([1, outputs])],
    attributes: { transB: 1 },
  };
}

export function elementwise(type: string, dims: readonly number[]): Operator {
  return {
    name: `${type}-${dims.join('-')}`,
    type,
    domain: '',
    inputs: [tensor(dims)],
    outputs: [tensor(dims)],
    attributes: {},
  };
}

const elements = (dims: readonly number[] | null): number => (dims ?? []).reduce((product, dim) => product * dim, 1);

/** Milliseconds on a machine that is made up: 20 GFLOP/s and 4 GB/s, one after the other, and 3 us per call. */
export function trueMs(operator: Operator): number {
  const output = operator.outputs[0]?.dims ?? [];
  const weights = operator.inputs[1]?.dims ?? [];
  const flop = ['Conv', 'Gemm'].includes(operator.type)
    ? 2 * elements(output) * elements(weights.slice(1))
    : elements(output);
  const bytes = [...operator.inputs, ...operator.outputs].reduce(
    (sum, one) => sum + (one === null ? 0 : (elementBytes(1, elements(one.dims)) ?? 0)),
    0,
  );
  return 0.003 + flop / 20e6 + bytes / 4e6;
}

export const idleW = 5;
/** What a machine that is made up draws more while it runs a convolution, and while it runs anything else, W. */
export const activeW = { Conv: 12, other: 4 } as const;

/** A model of these operators as it is measured on that machine: what a run adds is 0.02 ms, and the noise is 2 %. */
export function profileOf(operators: readonly Operator[], random: Random): OperatorProfile {
  const timed = operators.map((operator) => ({ ...operator, ms: trueMs(operator) * Math.exp(random.normal(0, 0.02)) }));
  const exact = operators.map(trueMs);
  const latencyMs = exact.reduce((sum, ms) => sum + ms, 0.02);
  const aboveIdleMj = operators.reduce(
    (sum, { type }, index) => sum + (type === 'Conv' ? activeW.Conv : activeW.other) * (exact[index] ?? 0),
    0,
  );
  return {
    modelSha256: 'a'.repeat(64),
    runtimeVersion: '1.30.0',
    latencyMs,
    cpuMs: latencyMs,
    runs: 20,
    operators: timed,
    componentClass: 'cpu-1t',
    deviceFingerprint: 'made-up',
    energyJ: (idleW * latencyMs + aboveIdleMj) / 1000,
    energy: { source: 'modelled', method: 'made up' },
    measuredAt: '2026-01-01T00:00:00Z',
  };
}

/** A random small network: convolutions with activations, and dense layers at the end. */
export function randomNetwork(random: Random): Operator[] {
  const operators: Operator[] = [];
  let channels = random.integer(3, 32);
  const side = random.integer(8, 48);
  const layers = random.integer(2, 5);
  for (let layer = 0; layer < layers; layer += 1) {
    const outputs = random.integer(8, 96);
    operators.push(convolution(channels, outputs, side, random.integer(0, 1) === 0 ? 1 : 3));
    operators.push(elementwise('Relu', [1, outputs, side, side]));
    channels = outputs;
  }
  const features = channels * side;
  return [...operators, dense(features, random.integer(10, 200)), elementwise('Softmax', [1, 10])];
}
