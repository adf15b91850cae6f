import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expectedInputs } from '../../../../src/inference/tensors/expected-inputs';
import { encodeInputs } from '../../../../src/inference/tensors/payload';
import type { TensorSpec } from '../../../../src/inference/tensors/tensors';
import { isEcomapError } from '../../../../src/signals/errors';
import { tensorTypes, type TensorType } from '../../../../src/signals/tensor';
import { inputDeclarationSchema } from '../../../../src/signals/tenant';

const spec = (dims: readonly (number | string)[], type: TensorType = 'float32', name = 'x'): TensorSpec => ({
  name,
  type,
  dims,
});
const six = [1, 2, 3, 4, 5, 6];
const matrix = [spec([2, 3])];
const free = [spec(['batch', 'rows', 'columns'])];

/** The message that refuses the payload; anything but INPUT_MISMATCH fails. */
function refusal(payload: unknown, expected: readonly TensorSpec[] = matrix): string {
  try {
    encodeInputs(payload, expected);
  } catch (error) {
    assert.ok(isEcomapError(error), String(error));
    assert.equal(error.code, 'INPUT_MISMATCH');
    assert.ok(error.message.length < 700, `${error.message.length} characters`);
    return error.message;
  }
  return assert.fail('it was accepted');
}

/** An array that fails the test as soon as somebody reads an element beyond the first of it. */
function untouchable(length: number, first: unknown = 0): unknown[] {
  return new Proxy<unknown[]>([], {
    get: (_, property) => {
      if (property === 'length') return length;
      if (property === '0') return first;
      return typeof property === 'symbol' ? undefined : assert.fail(`element ${property} was read`);
    },
  });
}

describe('bad input', () => {
  const detached = new Float32Array(6);
  structuredClone(detached, { transfer: [detached.buffer] });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const trap = (property: string) =>
    Object.defineProperty({ dims: [2, 3] }, property, {
      enumerable: true,
      get: () => {
        throw new Error('gone fishing');
      },
    });
  const withTrap = [...six];
  Object.defineProperty(withTrap, 3, {
    get: () => {
      throw new TypeError('gone fishing');
    },
  });
  const deep = (levels: number) => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level += 1) value = [value];
    return value;
  };
  const keys = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`key${index}`, index]));

  const cases: Record<string, [payload: unknown, message: RegExp | string, expected?: readonly TensorSpec[]]> = {
    'a zero-size dimension': [
      { data: [], dims: [2, 0] },
      'Expected whole numbers above 0 in payload.dims, like [2, 3]. Got 0.',
    ],
    'a zero-size dimension where the model leaves it free': [
      { data: [], dims: [1, 0, 3] },
      'Expected whole numbers above 0 in payload.dims, like [batch, rows, columns]. Got 0.',
      free,
    ],
    'a negative dimension': [{ data: six, dims: [-2, -3] }, /whole numbers above 0 in payload\.dims.*Got -2\.$/],
    'half a dimension': [{ data: six, dims: [1.5, 4] }, /Got 1\.5\.$/],
    'a dimension in words': [{ data: six, dims: ['2', 3] }, /Got text of 1 characters\.$/],
    'a dimension that is no number': [{ data: six, dims: [NaN, 3] }, /Got NaN\.$/],
    'dims with a hole': [{ data: six, dims: [2, , 3] }, /Got nothing/], // eslint-disable-line no-sparse-arrays
    'more dimensions than any model has': [{ data: six, dims: new Array<number>(9).fill(1) }, /Got an array of 9/],
    'dims that are an object': [{ data: six, dims: { 0: 2, 1: 3 } }, /payload\.dims like \[2, 3\]\. Got an object/],
    'dims that lie about the data': [
      { data: six, dims: [1, 2, 4] },
      'Expected float32 [1, 2, 4]: 8 numbers. Got an array of 6 elements.',
      free,
    ],
    'dims whose product leaves all bounds': [
      { data: six, dims: [1e9, 1e9, 1e9] },
      /float32 \[1000000000, 1000000000, 1000000000\]: 1e\+27 numbers\. Got an array of 6 elements\.$/,
      free,
    ],
    'dims whose product overflows a double': [
      { data: six, dims: new Array<number>(8).fill(Number.MAX_SAFE_INTEGER) },
      /Got an array of 6 elements\.$/,
      [spec(Array.from({ length: 8 }, (_, axis) => `d${axis}`))],
    ],
    'a typed array 100 times too large': [
      new Float32Array(600),
      'Expected float32 [2, 3]: 6 numbers. Got a Float32Array of 600 elements.',
    ],
    'an array 100 times too large, unread': [
      untouchable(600),
      'Expected float32 [2, 3]: 6 numbers. Got an array of 600 elements.',
    ],
    'nested arrays 100 times too large, unread': [
      untouchable(20, untouchable(30)),
      'Expected float32 [2, 3]. Got nested arrays of [20, 30].',
    ],
    'an array beyond any tensor, unread': [
      untouchable(2 ** 32 - 1),
      /Got an array of 4294967295 elements\.$/,
      [spec(['n'])],
    ],
    'more numbers one by one than Node-RED can wait for, unread': [
      untouchable(1.5 * 2 ** 20 + 1),
      /1572865 elements, of which at most 1572864 can be .*; send a typed array of the type float32\.$/,
      [spec(['n'])],
    ],
    'more texts than Node-RED can wait for, unread': [
      untouchable(1.5 * 2 ** 20 + 1),
      /; send fewer in one request\.$/,
      [spec(['n'], 'string')],
    ],
    'nested arrays of more numbers than Node-RED can wait for, unread': [
      untouchable(2 ** 11, untouchable(2 ** 11)),
      /Got an array of 2048 elements: 4194304 elements, of which at most 1572864 can be/,
      [spec([2 ** 11, 2 ** 11])],
    ],
    'a typed array of another type that is too large to be converted': [
      new Float64Array(8 * 2 ** 20 + 1),
      /Got a Float64Array of 8388609 elements: 8388609 elements, of which at most 8388608 can be/,
      [spec(['n'])],
    ],
    'nested arrays beyond any tensor, unread': [
      untouchable(2 ** 20, untouchable(2 ** 20)),
      /Got nested arrays of \[1048576, 1048576, \.\.\.\]\.$/,
      free,
    ],
    'arrays within arrays without end': [deep(10_000), /Got nested arrays of \[1, 1, 1, 1, \.\.\.\]\.$/],
    'nested arrays that are empty inside': [[[], []], /Got nested arrays of \[2, 0, \.\.\.\]\.$/],
    'numbers beside arrays': [[[1, 2, 3], 4], /not all of the same length \(axis 1: 3 and a number\)/],
    'a sparse array': [new Array(6), 'Expected float32 [2, 3]. Element 0 is undefined, which is no float32 value.'],
    'a sparse array of 64 million': [
      new Array(64 * 1024 * 1024),
      /67108864 elements, of which at most 1572864 can be converted/,
      [spec(['n'])],
    ],
    'a getter that throws': [trap('data'), 'msg.payload cannot be read: gone fishing'],
    'an element that throws': [withTrap, 'msg.payload cannot be read: gone fishing'],
    'a revoked proxy': [revoked.proxy, /^msg\.payload cannot be read: Cannot perform '.*' on a proxy/],
    'a function': [() => six, 'Expected float32 [2, 3]. Got a function.'],
    'a symbol': [Symbol('x'), 'Expected float32 [2, 3]. Got a symbol.'],
    'a date': [new Date(0), /Got an object with no properties\.$/],
    'a map by input name': [new Map([['x', six]]), /Got an object with no properties\.$/],
    'what every object has, taken for an input': [
      {},
      /"toString": float32 \[1\].*no properties/,
      [spec([1], 'float32', 'toString')],
    ],
    'a DataView': [
      new DataView(new ArrayBuffer(24)),
      'Expected float32 [2, 3]. Got a DataView of 24 bytes, which does not say its type.',
    ],
    'an ArrayBuffer': [new ArrayBuffer(24), /Got an ArrayBuffer of 24 bytes: send a typed array over it\.$/],
    'memory that was given away': [detached, 'Expected float32 [2, 3]: 6 numbers. Got a Float32Array of 0 elements.'],
    'big integers for a model of floats': [
      BigInt64Array.from([1n, 2n, 3n, 4n, 5n, 6n]),
      'Expected float32 [2, 3]. Element 0 is 1, which is no float32 value.',
    ],
    'a fraction for a model of integers': [
      [1, 2.5],
      'Expected int64 [2]. Element 1 is 2.5, which is no int64 value.',
      [spec([2], 'int64')],
    ],
    'more than an integer holds': [
      [1, 2 ** 31],
      /Element 1 is 2147483648, which is no int32 value/,
      [spec([2], 'int32')],
    ],
    'a whole number too large to be exact': [
      [2 ** 53],
      /Element 0 is 9007199254740992, which is no uint64 value/,
      [spec([1], 'uint64')],
    ],
    'texts for a model of numbers': [['a', 'b', 'c', 'd', 'e', 'f'], /Element 0 is string, which is no float32 value/],
    'numbers for a model of texts': [
      ['a', 7],
      'Expected string [2]. Got 7 as element 1, which is no text.',
      [spec([2], 'string')],
    ],
    'a typed array for a model of texts': [
      new Uint8Array(2),
      /Got 0 as element 0, which is no text\.$/,
      [spec([2], 'string')],
    ],
    'too few texts': [['a'], 'Expected string [2]: 2 texts. Got an array of 1 elements.', [spec([2], 'string')]],
    'a null character in a text': [
      ['fine', 'cut\0here'],
      'Element 1 of the input "x" holds a null character, where ONNX Runtime would cut it off: take it out.',
      [spec([2], 'string')],
    ],
    'more text than a message should hold': [
      ['x'.repeat(9_000_000), 'y'.repeat(9_000_000)],
      'The input "x" holds more than 16777216 characters: send less text in one request.',
      [spec([2], 'string')],
    ],
    'an object with 10,000 properties': [
      keys,
      /Expected "x": float32 \[2, 3\]\. Got an object with the properties key0, key1, key2, key3, key4\.$/,
    ],
    'a Buffer that is no image': [
      Buffer.from('<html>'),
      'Expected float32 [2, 3]. Got a Buffer of 6 bytes, which is no image either (JPEG, PNG, GIF, WebP, TIFF, AVIF): ' +
        'send numbers, as {data, dims, type} or a typed array.',
    ],
    'an image for a tenant that declares none': [
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
      'Expected float32 [2, 3]. Got a Buffer of 8 bytes that holds a PNG image, and the tenant declares none: let its ' +
        'input have an image (width, height, channels, layout, scale, mean, deviation), or send the pixels as numbers.',
    ],
    'another type than the model takes': [{ data: six, type: 'float16' }, 'Expected float32 [2, 3]. Got type float16.'],
    'raw halves of another number': [
      { data: new Uint16Array(3), type: 'float16' },
      'Expected float16 [2]: 2 numbers. Got a Uint16Array of 3 elements.',
      [spec([2], 'float16')],
    ],
  };
  for (const [what, [payload, message, expected]] of Object.entries(cases)) {
    it(`refuses ${what}`, () => {
      const found = refusal(payload, expected);
      if (typeof message === 'string') assert.equal(found, message);
      else assert.match(found, message);
    });
  }

  it('takes memory that others share by copying it', () => {
    const shared = new Float32Array(new SharedArrayBuffer(24));
    shared.set(six);
    const { x } = encodeInputs(shared, matrix);
    shared.fill(0);
    assert.deepEqual(x, { type: 'float32', dims: [2, 3], data: Float32Array.from(six) });
    assert.ok(x?.data instanceof Float32Array && x.data.buffer instanceof ArrayBuffer);
  });

  it('takes typed arrays of function nodes, which have classes of their own, without walking them', () => {
    const foreign: unknown = runInNewContext('Float32Array.from([1, 2, 3, 4, 5, 6])');
    assert.ok(!(foreign instanceof Float32Array) && ArrayBuffer.isView(foreign));
    const { x } = encodeInputs(foreign, matrix);
    assert.ok(x?.data instanceof Float32Array);
    assert.equal(x.data.buffer, foreign.buffer);
    assert.deepEqual(x.data, Float32Array.from(six));
    const long: unknown = runInNewContext('BigInt64Array.from([5n])');
    assert.deepEqual(encodeInputs(long, [spec([1], 'int64')])['x']?.data, BigInt64Array.of(5n));
  });

  it('takes tensors of a class, whose properties are its prototype’s', () => {
    class Frame {
      get data() {
        return six;
      }
      get dims() {
        return [2, 3];
      }
    }
    assert.deepEqual(encodeInputs(new Frame(), matrix)['x']?.data, Float32Array.from(six));
    const bare: unknown = Object.assign(Object.create(null), { x: six });
    assert.deepEqual(encodeInputs(bare, matrix)['x']?.data, Float32Array.from(six));
  });

  it('takes inputs whatever they are called', () => {
    for (const name of ['__proto__', 'constructor', 'data.0', '']) {
      const expected = [spec([1], 'float32', name), spec([1], 'float32', 'other')];
      const payload: unknown = JSON.parse(`{${JSON.stringify(name)}: 1, "other": 2}`);
      const encoded = encodeInputs(payload, expected);
      assert.deepEqual(Object.keys(encoded), [name, 'other']);
      assert.deepEqual(
        Object.values(encoded).map(({ data }) => data[0]),
        [1, 2],
      );
    }
  });

  it('takes one value where the model takes one', () => {
    assert.deepEqual(encodeInputs(7, [spec([])])['x'], { type: 'float32', dims: [], data: Float32Array.of(7) });
    assert.deepEqual(encodeInputs('hello', [spec(['n'], 'string')])['x'], {
      type: 'string',
      dims: [1],
      data: ['hello'],
    });
    assert.deepEqual(encodeInputs(true, [spec([1, 1], 'bool')])['x']?.data, Uint8Array.of(1));
    assert.deepEqual(encodeInputs(5n, [spec([1], 'int64')])['x']?.data, BigInt64Array.of(5n));
    assert.equal(refusal('hello', [spec([1])]), 'Expected float32 [1]. Got text of 5 characters.');
    assert.equal(refusal(1, [spec([1], 'string')]), 'Expected string [1]. Got a number.');
  });

  it('numbers beyond the range of a float become infinity, and are flagged as such by the host', () => {
    assert.deepEqual(encodeInputs([1e39, -1e300], [spec([2])])['x']?.data, Float32Array.of(Infinity, -Infinity));
    assert.deepEqual(encodeInputs([70_000], [spec([1], 'float16')])['x']?.data, Uint16Array.of(0x7c00));
  });

  it('answers anything whatsoever with tensors or INPUT_MISMATCH, for every model', () => {
    const dim = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom('batch', 'n'));
    const model = fc.array(
      fc.record({
        name: fc.constantFrom('x', 'y', '__proto__', 'data'),
        type: fc.constantFrom(...tensorTypes),
        dims: fc.array(dim, { maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 2 },
    );
    const leaf = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.bigInt(), fc.boolean(), fc.constant(null));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, leaf, tie('list'), tie('described'), tie('named'), fc.anything()),
      list: fc.array(tie('value'), { maxLength: 5 }),
      described: fc.record(
        {
          data: tie('value'),
          dims: fc.oneof(fc.array(fc.integer()), tie('value')),
          type: fc.oneof(fc.constantFrom(...tensorTypes), fc.string()),
        },
        { requiredKeys: ['data'] },
      ),
      named: fc.dictionary(fc.constantFrom('x', 'y', '__proto__', 'data'), tie('value')),
    }));
    const exotic = fc.anything({
      withTypedArray: true,
      withSparseArray: true,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.oneof(value, exotic), model, (payload, expected) => {
        try {
          for (const { type, dims, data } of Object.values(encodeInputs(payload, expected))) {
            assert.ok(dims.every((size) => Number.isInteger(size) && size > 0));
            assert.equal(
              data.length,
              dims.reduce((product, size) => product * size, 1),
            );
            assert.equal(Array.isArray(data), type === 'string');
          }
        } catch (error) {
          assert.ok(isEcomapError(error), String(error));
          assert.equal(error.code, 'INPUT_MISMATCH');
          assert.ok(error.message.length < 700);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('the type that a tenant declares', () => {
  const signature = { inputs: [spec([1], 'int64', 'mode'), spec(['batch', 3])], outputs: [] };
  const declare = (input: object) => expectedInputs(inputDeclarationSchema.parse(input), signature);

  it('is the model’s, or left to it', () => {
    assert.deepEqual(declare({}), signature.inputs);
    assert.deepEqual(declare({ name: 'x', type: 'float32' }), signature.inputs);
    assert.throws(() => declare({ type: 'float32' }), {
      code: 'INPUT_MISMATCH',
      message:
        'The tenant declares the type float32 for the input "mode", but the model takes int64 [1]: declare int64, ' +
        'or leave it to the model.',
    });
    for (const type of tensorTypes) assert.equal(inputDeclarationSchema.parse({ type }).type, type);
    assert.equal(inputDeclarationSchema.safeParse({ type: 'complex64' }).success, false);
  });
});
