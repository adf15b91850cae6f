import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { elementTypeName } from '../../../src/models/onnx/element-types';
import { graphChunks, parseModel, writeModel } from '../../../src/models/onnx/model';
import { integerOf, integersOf, joinChunks, lengthDelimited, readFields } from '../../../src/models/onnx/wire';
import { isEcomapError } from '../../../src/signals/errors';
import { familyNames } from '../../../src/simulation/samples';
import { pairModel, scoringModel, slowModel } from '../../support/onnx-builder';

const models = join(__dirname, '..', '..', '..', 'models');
const variants = familyNames.flatMap((family) =>
  ['large', 'medium', 'small', 'tiny'].map((variant) => ({
    name: `${family}/${variant}`,
    bytes: readFileSync(join(models, family, `${variant}.onnx`)),
  })),
);

function rewritten(bytes: Uint8Array): Buffer {
  const model = parseModel(bytes);
  return Buffer.from(writeModel(model, graphChunks(model.graph)));
}

/** Any field that protobuf can hold, with numbers that ONNX does not use (yet). */
const unknownField = fc
  .record({
    number: fc.integer({ min: 40, max: 5000 }),
    value: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.uint8Array()),
  })
  .map(({ number, value }) => {
    const writer = new BinaryWriter();
    if (typeof value === 'bigint') writer.tag(number, WireType.Varint).int64(value);
    else writer.tag(number, WireType.LengthDelimited).bytes(value);
    return writer.finish();
  });

describe('the ONNX codec', () => {
  for (const { name, bytes } of variants) {
    it(`writes ${name} as it read it`, () => {
      assert.ok(rewritten(bytes).equals(bytes));
    });
  }

  it('keeps fields that it does not know, wherever they stand', () => {
    const unknownFields = fc.array(unknownField, { maxLength: 4 });
    const built = fc.constantFrom(pairModel(3), scoringModel(200, 10), slowModel(4, 20));
    fc.assert(
      fc.property(built, unknownFields, unknownFields, unknownFields, (bytes, before, inGraph, after) => {
        const model = parseModel(bytes);
        const [first, ...rest] = graphChunks(model.graph);
        const graph = [...inGraph, first ?? new Uint8Array(), ...inGraph, ...rest, ...inGraph];
        const strange = Buffer.from(joinChunks([...before, writeModel(model, graph), ...after]));
        assert.ok(rewritten(strange).equals(strange));
        assert.equal(parseModel(strange).graph.nodes.length, model.graph.nodes.length);
      }),
    );
  });

  it('reads what a model says about itself', () => {
    const model = parseModel(variants[0]?.bytes ?? Buffer.alloc(0));
    assert.deepEqual([model.irVersion, model.opsets[0]?.domain], [7, '']);
    const { graph } = model;
    assert.equal(new Set(graph.nodes.map(({ opType }) => opType)).has('Conv'), true);
    const conv = graph.nodes.find(({ opType }) => opType === 'Conv');
    const weight = graph.initializers.find(({ name }) => name === conv?.inputs[1])?.tensor;
    assert.equal(weight?.rawData?.length, weight?.bytes);
    assert.deepEqual(conv?.attribute('kernel_shape')?.integers, weight?.dims.slice(2));
    const { type, dims } = graph.inputs[0]?.tensorType ?? {};
    assert.deepEqual([elementTypeName(type ?? 0), dims?.[0]], ['float32', 'batch']);
    // Views, not copies: nothing of the weights was touched.
    assert.equal(weight?.rawData?.buffer, variants[0]?.bytes.buffer);
  });

  it('reads numbers however they are written', () => {
    const written = fc.array(fc.bigInt(-(2n ** 53n), 2n ** 53n), { maxLength: 6 });
    fc.assert(
      fc.property(written, written, (single, packed) => {
        const writer = new BinaryWriter();
        for (const value of single) writer.tag(1, WireType.Varint).int64(value);
        writer.tag(1, WireType.LengthDelimited).fork();
        for (const value of packed) writer.int64(value);
        const fields = readFields(writer.join().finish(), 'a test');
        assert.deepEqual(integersOf(fields, 1), [...single, ...packed].map(Number));
        if (single.length > 0) assert.equal(integerOf(fields[0]), Number(single[0]));
      }),
    );
  });

  it('answers whatever the bytes are with a model or MODEL_INVALID', () => {
    const small = pairModel(3);
    const damaged = fc
      .record({ at: fc.nat(small.length - 1), byte: fc.nat(255), length: fc.nat(small.length) })
      .map(({ at, byte, length }) =>
        Buffer.from(small)
          .fill(byte, at, at + 1)
          .subarray(0, length),
      );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), damaged), (bytes) => {
        try {
          rewritten(bytes);
        } catch (error) {
          assert.ok(isEcomapError(error) && error.code === 'MODEL_INVALID', String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('joins pieces once, with the header that their length asks for', () => {
    for (const length of [0, 127, 128, 20_000]) {
      const [field] = readFields(joinChunks(lengthDelimited(7, [new Uint8Array(length)])), 'a test');
      assert.deepEqual([field?.number, field?.value.length], [7, length]);
    }
  });
});
