import assert from 'node:assert/strict';
import { isUncounted, macsOf } from '../../../../src/models/description/macs';
import { parseModel } from '../../../../src/models/onnx/model';
import { onnxModel, type GraphNode } from '../../../support/onnx-builder';

const nodeOf = (node: Partial<GraphNode>) => {
  const whole: GraphNode = { op: 'Conv', inputs: ['x', 'w'], output: 'y', ...node };
  const [found] = parseModel(onnxModel({ nodes: [whole], inputs: [], outputs: [] })).graph.nodes;
  assert.ok(found);
  return found;
};

const macs = (node: Partial<GraphNode>, shapes: Record<string, number[]>) =>
  macsOf(nodeOf(node), (name) => shapes[name] ?? null);

describe('multiply-accumulates', () => {
  // Each worked out by hand: how often a product of two numbers is added up.
  const cases: [what: string, node: Partial<GraphNode>, shapes: Record<string, number[]>, expected: number][] = [
    ['a 3x3 convolution of 3 to 8 channels', {}, { w: [8, 3, 3, 3], y: [1, 8, 10, 10] }, 8 * 100 * 27],
    ['the same for a batch of 4', {}, { w: [8, 3, 3, 3], y: [4, 8, 10, 10] }, 4 * 8 * 100 * 27],
    ['a depthwise one of 8 channels', {}, { w: [8, 1, 3, 3], y: [1, 8, 10, 10] }, 8 * 100 * 9],
    ['one in 2 groups of 4 channels', {}, { w: [8, 4, 1, 1], y: [1, 8, 5, 5] }, 8 * 25 * 4],
    ['a convolution of signals', {}, { w: [4, 2, 5], y: [1, 4, 96] }, 4 * 96 * 10],
    ['a quantised one', { op: 'QLinearConv', inputs: ['x', 's', 'z', 'w'] }, { w: [2, 3, 1, 1], y: [1, 2, 4, 4] }, 96],
    ['a transposed one of 8 to 4', { op: 'ConvTranspose' }, { x: [1, 8, 5, 5], w: [8, 4, 2, 2] }, 8 * 25 * 16],
    ['a Gemm of [2, 7] by [7, 3]', { op: 'Gemm' }, { x: [2, 7], y: [2, 3] }, 42],
    ['the same from [7, 2]', { op: 'Gemm', attributes: { transA: 1 } }, { x: [7, 2], y: [2, 3] }, 42],
    ['a batch of matrices', { op: 'MatMul' }, { x: [4, 2, 7], y: [4, 2, 3] }, 4 * 42],
    ['a vector by a matrix', { op: 'MatMul' }, { x: [7], y: [3] }, 21],
    ['a vector by a vector', { op: 'MatMul' }, { x: [7], y: [] }, 7],
    ['an addition', { op: 'Add' }, {}, 0],
  ];
  for (const [what, node, shapes, expected] of cases) {
    it(`of ${what} are ${expected}`, () => assert.equal(macs(node, shapes), expected));
  }

  it('are not known where a shape is not known', () => {
    assert.equal(macs({}, { y: [1, 8, 10, 10] }), null);
    assert.equal(macs({ op: 'Gemm' }, { x: [2, 7] }), null);
    assert.equal(macs({ op: 'MatMul' }, { x: [], y: [1] }), null);
  });

  it('of recurrent networks are said not to be counted', () => {
    assert.ok(isUncounted(nodeOf({ op: 'LSTM' })));
    assert.ok(!isUncounted(nodeOf({ op: 'Add' })));
  });
});
