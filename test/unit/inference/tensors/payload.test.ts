import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expectedInputs } from '../../../../src/inference/tensors/expected-inputs';
import { encodeInputs } from '../../../../src/inference/tensors/payload';
import type { TensorSpec } from '../../../../src/inference/tensors/tensors';
import { isEcomapError, type EcomapError } from '../../../../src/signals/errors';
import type { TensorType } from '../../../../src/signals/tensor';
import { inputDeclarationSchema } from '../../../../src/signals/tenant';

const spec = (dims: readonly (number | string)[], type: TensorType = 'float32', name = 'x'): TensorSpec => ({
  name,
  type,
  dims,
});
const image = [spec([1, 1, 2, 3])];

function refusal(payload: unknown, expected: readonly TensorSpec[] = image): EcomapError {
  try {
    encodeInputs(payload, expected);
  } catch (error) {
    assert.ok(isEcomapError(error), String(error));
    assert.equal(error.code, 'INPUT_MISMATCH');
    return error;
  }
  return assert.fail('it was accepted');
}

const sixNumbers = [1, 2, 3, 4, 5, 6];
const asExpected = { x: { type: 'float32', dims: [1, 1, 2, 3], data: Float32Array.from(sixNumbers) } };

describe('payload to tensors', () => {
  const forms: Record<string, unknown> = {
    'a flat array': sixNumbers,
    'nested arrays of the full shape': [
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
    ],
    'nested arrays without the axes of length 1': [
      [1, 2, 3],
      [4, 5, 6],
    ],
    'a Float32Array': Float32Array.from(sixNumbers),
    'a Float64Array': Float64Array.from(sixNumbers),
    'a Uint8Array': Uint8Array.from(sixNumbers),
    'data with dims and type': { data: sixNumbers, dims: [1, 1, 2, 3], type: 'float32' },
    'data alone': { data: Float32Array.from(sixNumbers) },
    'an object by input name': {
      x: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    },
  };
  for (const [what, payload] of Object.entries(forms)) {
    it(`takes ${what}`, () => assert.deepEqual(encodeInputs(payload, image), asExpected));
  }

  it('does not copy what already fits', () => {
    const data = Float32Array.from(sixNumbers);
    const encoded = encodeInputs({ data, dims: [1, 1, 2, 3] }, image)['x']?.data;
    assert.ok(encoded instanceof Float32Array);
    assert.equal(encoded.buffer, data.buffer);
  });

  const wrong: Record<string, [payload: unknown, pattern: RegExp]> = {
    nothing: [undefined, /float32 \[1, 1, 2, 3\].*nothing \(msg\.payload is missing\)/],
    null: [null, /Got null/],
    text: ['hello', /Got text of 5 characters/],
    'a number': [7, /Got a number/],
    'too few numbers': [[1, 2, 3], /6 numbers.*an array of 3 elements/],
    'too many numbers': [new Float32Array(600), /6 numbers.*a Float32Array of 600 elements/],
    'an empty array': [[], /6 numbers.*0 elements/],
    'a transposed shape': [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      /Got nested arrays of \[3, 2\]/,
    ],
    'ragged arrays': [
      [
        [1, 2, 3],
        [4, 5],
      ],
      /not all of the same length/,
    ],
    'text among numbers': [[1, 2, 3, 4, 5, '6'], /Element 5 is string/],
    'a hole among numbers': [[1, 2, undefined, 4, 5, 6], /Element 2 is undefined/],
    'other dims': [{ data: sixNumbers, dims: [1, 1, 3, 2] }, /Got float32 \[1, 1, 3, 2\]/],
    'another rank': [{ data: sixNumbers, dims: [2, 3] }, /Got float32 \[2, 3\]/],
    'another type': [{ data: sixNumbers, type: 'int64' }, /Got type int64/],
    'an unknown type': [{ data: sixNumbers, type: 'decimal' }, /unknown type "decimal"/],
    'a negative dimension': [{ data: sixNumbers, dims: [1, 1, -2, -3] }, /above 0.*-2/],
    'a zero dimension': [{ data: [], dims: [1, 1, 0, 3] }, /above 0/],
    'a typed array that was turned into JSON': [{ data: { 0: 1, 1: 2 } }, /numbers in payload\.data/],
    'another input name': [{ y: sixNumbers }, /"x": float32.*the properties y/],
    'a Buffer of a JPEG': [
      Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0]),
      /holds a JPEG image, and the tenant declares none: let its input have an image/,
    ],
    'a Buffer': [Buffer.from('abcdef'), /Got a Buffer of 6 bytes, which is no image either \(JPEG, .*send numbers/],
    'big integers for a float model': [BigInt64Array.from([1n, 2n, 3n, 4n, 5n, 6n]), /Element 0 is 1/],
    'a DataView': [new DataView(new ArrayBuffer(6)), /DataView/],
  };
  for (const [what, [payload, pattern]] of Object.entries(wrong)) {
    it(`refuses ${what}, naming what came`, () => assert.match(refusal(payload).message, pattern));
  }

  it('says a megabyte of text in few words', () => {
    const { message } = refusal('x'.repeat(1024 * 1024));
    assert.match(message, /text of 1048576 characters/);
    assert.ok(message.length < 200);
  });

  it('and so wherever else the text is, or something that no text can be made of', () => {
    const text = 'x'.repeat(1024 * 1024);
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const data = sixNumbers;
    for (const payload of [{ [text]: 1 }, { data, type: text }, { data, type: circular }, { data, type: 10n }]) {
      assert.ok(refusal(payload).message.length < 300);
    }
  });

  it('looks at the sizes before it walks: a cyclic array ends at once', () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    assert.match(refusal(cyclic).message, /nested arrays/);
  });

  it('lets NaN and infinity pass', () => {
    const { x } = encodeInputs([NaN, Infinity, -Infinity, 0, 1, 2], image);
    assert.deepEqual(x?.data, Float32Array.from([NaN, Infinity, -Infinity, 0, 1, 2]));
  });

  it('fills in free dimensions', () => {
    assert.deepEqual(encodeInputs(sixNumbers, [spec(['batch', 3])])['x']?.dims, [2, 3]);
    assert.deepEqual(encodeInputs(sixNumbers, [spec(['batch', 'length'])])['x']?.dims, [1, 6]);
    assert.deepEqual(
      encodeInputs(
        [
          [1, 2],
          [3, 4],
        ],
        [spec(['batch', 'rows', 2])],
      )['x']?.dims,
      [1, 2, 2],
    );
    assert.match(refusal(sixNumbers, [spec(['batch', 4])]).message, /a multiple of 4 numbers/);
    assert.match(refusal(sixNumbers, [spec(['a', 'b', 'c'])]).message, /send \{data, dims, type\}/);
  });

  it('takes several inputs by name, all of them', () => {
    const pair = [spec([1, 2], 'float32', 'a'), spec([1, 2], 'int64', 'b')];
    const { a, b } = encodeInputs({ a: [1, 2], b: [3, 4] }, pair);
    assert.deepEqual(a?.data, Float32Array.from([1, 2]));
    assert.deepEqual(b?.data, BigInt64Array.from([3n, 4n]));
    assert.match(refusal({ a: [1, 2] }, pair).message, /"b": int64 \[1, 2\]/);
    assert.match(refusal([1, 2], pair).message, /properties a, b/);
  });

  it('changes no number to fit an integer type', () => {
    const bytes = [spec([1, 3], 'uint8')];
    assert.deepEqual(encodeInputs([0, 127, 255], bytes)['x']?.data, Uint8Array.from([0, 127, 255]));
    for (const bad of [256, -1, 0.5, NaN]) assert.match(refusal([0, 1, bad], bytes).message, /Element 2 is/);
    assert.match(refusal([0.5], [spec([1], 'int64')]).message, /no int64 value/);
    assert.deepEqual(encodeInputs([true, false], [spec([2], 'bool')])['x']?.data, Uint8Array.from([1, 0]));
    assert.match(refusal([2, 0], [spec([2], 'bool')]).message, /Element 0 is 2/);
  });

  it('takes any nesting of the right shape and refuses every other, without ever throwing anything else', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(shape, shape, (dims, other) => {
        const nested = (sizes: readonly number[]): unknown =>
          sizes.length === 0 ? 0.5 : Array.from({ length: sizes[0] ?? 0 }, () => nested(sizes.slice(1)));
        const count = dims.reduce((product, dim) => product * dim, 1);
        const encoded = encodeInputs(nested(dims), [spec(dims)])['x'];
        assert.deepEqual(encoded?.dims, dims);
        assert.equal(encoded?.data.length, count);
        const squeezed = (sizes: readonly number[]) => sizes.filter((size) => size !== 1).join();
        const isFlat = other.length === 1 && other[0] === count;
        if (squeezed(dims) !== squeezed(other) && !isFlat) refusal(nested(other), [spec(dims)]);
      }),
    );
  });

  it('answers anything at all with tensors or INPUT_MISMATCH', () => {
    fc.assert(
      fc.property(
        fc.anything({ withTypedArray: true, withSparseArray: true, withBigInt: true, withDate: true }),
        (payload) => {
          try {
            const { x } = encodeInputs(payload, image);
            assert.equal(x?.data.length, 6);
          } catch (error) {
            assert.ok(isEcomapError(error), String(error));
            assert.equal(error.code, 'INPUT_MISMATCH');
            assert.ok(error.message.length < 500);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('what a tenant declares about its input', () => {
  const declared = (declaration: object) => inputDeclarationSchema.parse(declaration);
  const signature = { inputs: [spec(['batch', 3]), spec([1], 'int64', 'mode')], outputs: [] };

  it('fills in what the model leaves free', () => {
    assert.deepEqual(expectedInputs(declared({ dims: [1, 3] }), signature)[0]?.dims, [1, 3]);
    assert.deepEqual(expectedInputs(declared({ name: 'x' }), signature), signature.inputs);
  });

  it('must not contradict the model', () => {
    const declare = (declaration: { name: string | null; dims: number[] | null }) => () =>
      expectedInputs(declared(declaration), signature);
    assert.throws(declare({ name: null, dims: [1, 4] }), /declares float32 \[1, 4\].*takes float32 \[batch, 3\]/);
    assert.throws(declare({ name: 'y', dims: null }), /declares the input "y".*x, mode/);
  });
});
