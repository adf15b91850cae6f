import assert from 'node:assert/strict';
import { kernelNetworks } from '../../../../src/mapping/operators/networks/kernel-networks';
import { checkModel } from '../../../../src/models/onnx/check-model';
import { graphParts } from '../../../../src/models/onnx/computing-nodes';
import { parseModel } from '../../../../src/models/onnx/model';

describe('networks to learn the cost of operators from', () => {
  it('are well-formed, and hold the operators that networks are made of', () => {
    const types = new Set<string>();
    for (const { bytes } of kernelNetworks(30, 1)) {
      const model = parseModel(bytes);
      checkModel(model);
      const { computing } = graphParts(model);
      assert.ok(computing.length >= 3, 'nearly nothing in it');
      for (const { node } of computing) types.add(node.opType);
    }
    for (const type of [
      'Conv',
      'Gemm',
      'MatMul',
      'MaxPool',
      'Add',
      'Mul',
      'Concat',
      'Relu',
      'Softmax',
      'GlobalAveragePool',
    ])
      assert.ok(types.has(type), `${type} is not among ${[...types].join()}`);
  });

  it('are the same for the same seed, and others for another', () => {
    const bytesOf = (seed: number): Buffer[] => [...kernelNetworks(5, seed)].map(({ bytes }) => Buffer.from(bytes));
    assert.deepEqual(bytesOf(3), bytesOf(3));
    assert.notDeepEqual(bytesOf(3), bytesOf(4));
  });

  it('stay small enough to be measured in a moment', () => {
    for (const { name, bytes } of kernelNetworks(60, 2))
      assert.ok(bytes.length < 40e6, `${name}: ${bytes.length} bytes`);
  });
});
