import assert from 'node:assert/strict';
import {
  detailNames,
  featuresOf,
  workColumns,
  type OperatorFeatures,
} from '../../../../src/mapping/operators/operator-features';
import { kindOf } from '../../../../src/mapping/operators/operator-kind';
import type { Operator } from '../../../../src/signals/operator-profile';
import { convolution, dense, elementwise, tensor } from './support';

function featuresOfOne(operator: Operator): OperatorFeatures {
  const [features] = featuresOf([operator]);
  assert.ok(features !== null && features !== undefined);
  return features;
}

const workOf = (operator: Operator): Record<string, number> => {
  const { work } = featuresOfOne(operator);
  return Object.fromEntries(workColumns.map((name, index) => [name, work[index] ?? NaN]));
};

describe('features of operators', () => {
  it('count operations and bytes of a convolution', () => {
    const work = workOf(convolution(16, 32, 24, 3));
    const close = (name: string, expected: number): void =>
      assert.ok(Math.abs((work[name] ?? NaN) / expected - 1) < 1e-12, `${name}: ${work[name]}, not ${expected}`);
    close('constant', 1);
    close('gflop', (2 * 32 * 24 * 24 * 16 * 9) / 1e9);
    close('inputMb', (16 * 24 * 24 * 4) / 1e6);
    close('outputMb', (32 * 24 * 24 * 4) / 1e6);
    close('weightMb', ((32 * 16 * 9 + 32) * 4) / 1e6);
  });

  it('count a depthwise convolution once per output, a dense layer by its inner length, also transposed', () => {
    assert.equal(workOf(convolution(32, 32, 24, 3, { groups: 32 }))['gflop'], (2 * 32 * 24 * 24 * 9) / 1e9);
    assert.equal(workOf(dense(100, 10))['gflop'], (2 * 100 * 10) / 1e9);
    const transposed: Operator = {
      ...dense(100, 10),
      inputs: [tensor([100, 4]), tensor([100, 10], true)],
      outputs: [tensor([4, 10])],
      attributes: { transA: 1 },
    };
    assert.equal(workOf(transposed)['gflop'], (2 * 4 * 100 * 10) / 1e9);
  });

  it('are finite and as many as they have names, whatever the operator', () => {
    const scalar: Operator = { ...elementwise('Add', [1]), inputs: [tensor([]), tensor([])], outputs: [tensor([])] };
    const empty: Operator = { ...elementwise('Slice', [1]), outputs: [tensor([0, 4])] };
    const withoutInputs: Operator = { ...elementwise('RandomNormal', [3]), inputs: [] };
    const optional: Operator = { ...elementwise('Clip', [1, 8]), inputs: [tensor([1, 8]), null, tensor([], true)] };
    for (const operator of [scalar, empty, withoutInputs, optional, convolution(3, 8, 5, 5)]) {
      const { work, details } = featuresOfOne(operator);
      assert.equal(work.length, workColumns.length);
      assert.equal(details.length, detailNames.length);
      assert.ok([...work, ...details].every(Number.isFinite), `${operator.type}: ${[...work, ...details].join()}`);
    }
  });

  it('are unknown where a shape or an element type is', () => {
    const open: Operator = { ...elementwise('Relu', [1]), inputs: [tensor(null)] };
    const strange: Operator = { ...elementwise('Relu', [1]), outputs: [{ ...tensor([1]), elementType: 'sequence' }] };
    assert.deepEqual(featuresOf([open, strange]), [null, null]);
  });
});

describe('kinds of operators', () => {
  it('name the operator of ONNX behind a merged one, and tell blocked layouts and foreign operators apart', () => {
    const cases: [Operator, string][] = [
      [convolution(8, 8, 4, 3), 'Conv'],
      [convolution(8, 8, 4, 1), 'Conv pointwise'],
      [convolution(8, 8, 4, 3, { groups: 8 }), 'Conv depthwise'],
      [convolution(8, 8, 4, 3, { groups: 2 }), 'Conv grouped'],
      [convolution(8, 8, 4, 3, { domain: 'com.microsoft.nchwc' }), 'Conv blocked'],
      [convolution(8, 8, 4, 1, { domain: 'com.microsoft', type: 'FusedConv' }), 'Conv pointwise'],
      [{ ...dense(4, 4), type: 'FusedGemm', domain: 'com.microsoft' }, 'Gemm'],
      [{ ...elementwise('QuickGelu', [4]), domain: 'com.microsoft' }, 'com.microsoft.QuickGelu'],
      [elementwise('Relu', [4]), 'Relu'],
    ];
    for (const [operator, kind] of cases) assert.equal(kindOf(operator), kind);
  });
});
