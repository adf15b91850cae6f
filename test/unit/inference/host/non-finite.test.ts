import assert from 'node:assert/strict';
import fc from 'fast-check';
import { toFloat16 } from '../../../../src/inference/tensors/float16';
import { firstNonFinite } from '../../../../src/inference/host/non-finite';
import type { NumericData, TensorType } from '../../../../src/signals/tensor';

describe('looking for NaN and infinity', () => {
  const arrays: Partial<Record<TensorType, (values: readonly number[]) => NumericData>> = {
    float32: (values) => Float32Array.from(values),
    float64: (values) => Float64Array.from(values),
    float16: (values) => Uint16Array.from(values, toFloat16),
  };
  for (const [type, make] of Object.entries(arrays) as [TensorType, (values: readonly number[]) => NumericData][]) {
    it(`finds the first of them in ${type}, wherever it is, and nothing among numbers`, () => {
      const finite = fc.oneof(
        fc.double({ min: -60_000, max: 60_000, noNaN: true }),
        fc.constantFrom(0, -0, 65_504, -65_504, 2 ** -24, 5e-324),
      );
      const other = fc.constantFrom(NaN, Infinity, -Infinity);
      fc.assert(
        fc.property(fc.array(finite, { maxLength: 40 }), other, fc.nat(), (values, value, seed) => {
          assert.equal(firstNonFinite({ type, dims: [values.length], data: make(values) }), null);
          if (values.length === 0) return;
          const position = seed % values.length;
          const data = make(values.with(position, value));
          assert.deepEqual(firstNonFinite({ type, dims: [data.length], data }), { position, value });
        }),
        { numRuns: 500 },
      );
    });
  }

  it('takes the largest numbers for what they are, however many there are', () => {
    const largest32 = new Float32Array(1000).fill(3.4028234663852886e38);
    assert.equal(firstNonFinite({ type: 'float32', dims: [1000], data: largest32 }), null);
    const largest64 = new Float64Array(1000).fill(Number.MAX_VALUE);
    assert.equal(firstNonFinite({ type: 'float64', dims: [1000], data: largest64 }), null);
  });

  it('has nothing to say about whole numbers and texts', () => {
    for (const data of [Uint16Array.of(0x7c00), Int32Array.of(0x7f800000), BigInt64Array.of(1n), ['NaN']]) {
      const type = Array.isArray(data) ? 'string' : data instanceof Uint16Array ? 'uint16' : 'int32';
      assert.equal(firstNonFinite({ type, dims: [1], data }), null);
    }
  });
});
