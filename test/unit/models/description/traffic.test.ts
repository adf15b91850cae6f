import assert from 'node:assert/strict';
import { describeModel, type ShapesInside } from '../../../../src/models/description/describe';
import { graphParts } from '../../../../src/models/onnx/computing-nodes';
import { parseModel } from '../../../../src/models/onnx/model';
import type { OnnxTensorType } from '../../../../src/models/onnx/value-info';
import { onnxModel, type ModelDescription } from '../../../support/onnx-builder';

const float = (...dims: number[]): OnnxTensorType => ({ type: 1, dims });
const file = { sha256: '', bytes: 0, externalFiles: [] };

/** x [1, 4] -> MatMul with [4, 8] -> Relu -> Reshape -> MatMul with [8, 2] -> y [1, 2] */
const twoLayers: ModelDescription = {
  nodes: [
    { op: 'MatMul', inputs: ['x', 'w1'], output: 'a' },
    { op: 'Relu', inputs: ['a'], output: 'b' },
    { op: 'Reshape', inputs: ['b', 'shape'], output: 'c' },
    { op: 'Identity', inputs: ['w2'], output: 'w2-alias' },
    { op: 'MatMul', inputs: ['c', 'w2-alias'], output: 'y' },
  ],
  inputs: [{ name: 'x', dims: ['batch', 4] }],
  outputs: [{ name: 'y', dims: ['batch', 2] }],
  weights: {
    w1: { dims: [4, 8], data: new Float32Array(32) },
    w2: { dims: [8, 2], data: new Float32Array(16) },
    shape: { dims: [2], data: new BigInt64Array([1n, 8n]) },
  },
};
const shapes: ShapesInside = {
  types: new Map([
    ['x', float(1, 4)],
    ['a', float(1, 8)],
    ['b', float(1, 8)],
    ['c', float(1, 8)],
    ['y', float(1, 2)],
  ]),
  inputDims: { x: [1, 4] },
};
const parts = graphParts(parseModel(onnxModel(twoLayers)));

describe('bytes moved by an inference', () => {
  // By hand, 4 bytes per number: the first layer reads 4 + 32 numbers and writes 8, the second reads 8 + 16 and writes 2.
  const [first, second] = [4 * (4 + 32 + 8), 4 * (8 + 16 + 2)];

  it('are inputs, weights and outputs of each node, but for what the runtime computes in passing', () => {
    const description = describeModel(parts, file, shapes, []);
    assert.equal(description.bytesMoved, first + second);
    assert.equal(description.inputBytes, 16);
    assert.deepEqual(
      description.cuts.map(({ firstNode, movedBefore }) => [firstNode, movedBefore]),
      [
        [1, first],
        [2, first],
        [3, first],
      ],
    );
  });

  it('are not known where a shape is not known', () => {
    const open = { ...shapes, types: new Map([...shapes.types, ['a', { type: 1, dims: ['n', 8] }] as const]) };
    const description = describeModel(parts, file, open, []);
    assert.deepEqual([description.bytesMoved, description.cuts[0]?.movedBefore], [null, null]);
    const unseen = describeModel(parts, file, null, []);
    assert.deepEqual([unseen.bytesMoved, unseen.inputBytes, unseen.cuts[0]?.movedBefore], [null, null, null]);
  });
});
