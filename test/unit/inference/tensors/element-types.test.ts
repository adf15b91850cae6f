import assert from 'node:assert/strict';
import { decodeOutputs } from '../../../../src/inference/tensors/answers';
import { HostProcess } from '../../../../src/inference/hosting/host-process';
import { encodeInputs } from '../../../../src/inference/tensors/payload';
import { openSlotDirectory, type SlotDirectory } from '../../../../src/inference/shared-memory/slot-directory';
import { elementCount, type NamedTensors } from '../../../../src/inference/tensors/tensors';
import type { TensorType } from '../../../../src/signals/tensor';
import {
  castModel,
  doublingModel,
  identityModel,
  onnxModel,
  pairModel,
  writeModel,
} from '../../../support/onnx-builder';
import { component, runOne, temporaryDirectory } from '../support';

describe('element types through a host', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let slots: SlotDirectory;
  let host: HostProcess;
  let loads = 0;

  before(async () => {
    models = await temporaryDirectory();
    slots = await openSlotDirectory();
    host = new HostProcess({ component: component(0), slots, device: null });
    await host.start();
  });
  after(async () => {
    await host.close();
    await slots.remove();
    await models.remove();
  });

  const load = async (model: Buffer) => {
    loads += 1;
    const { path, sha256 } = await writeModel(models.path, `${loads}.onnx`, model);
    const key = String(loads);
    const { signature } = await host.load({ key, path, sha256 });
    return { key, signature };
  };
  /** The answer to one payload, as a flow gets it. */
  const answer = async (model: Buffer, payload: unknown) => {
    const { key, signature } = await load(model);
    const { outputs } = await runOne(host, key, encodeInputs(payload, signature.inputs));
    return decodeOutputs(outputs, { kind: 'tensors' }) as NamedTensors;
  };
  const runBatch = (key: string, requests: readonly NamedTensors[]) =>
    host.run(key, requests, { expectedMs: null, refuseNonFinite: false });

  const samples: Record<TensorType, readonly unknown[]> = {
    float32: [0, -0, 1.5, -3.4028234663852886e38, NaN, Infinity],
    float64: [0, -0, 0.1, Number.MIN_VALUE, NaN, -Infinity],
    float16: [0, -0, 1.5, 65504, NaN, -Infinity],
    int8: [-128, 127],
    uint8: [0, 255],
    int16: [-32768, 32767],
    uint16: [0, 65535],
    int32: [-(2 ** 31), 2 ** 31 - 1],
    uint32: [0, 2 ** 32 - 1],
    int64: [-(2n ** 63n), 2n ** 63n - 1n],
    uint64: [0n, 2n ** 64n - 1n],
    bool: [1, 0],
    string: ['', 'plain', 'ümläut 漢字 🙂', '"quotes"\n\t\\'],
  };
  for (const [type, values] of Object.entries(samples) as [TensorType, readonly unknown[]][]) {
    it(`${type} comes back as it went, inside the message and through a file`, async () => {
      const { key, signature } = await load(identityModel(['n'], type));
      assert.deepEqual(signature.inputs, [{ name: 'x', type, dims: ['n'] }]);
      const many = Array.from({ length: 20_000 }, (_, index) => values[index % values.length]);
      for (const payload of [values, many]) {
        const inputs = encodeInputs(payload, signature.inputs);
        const { outputs } = await runOne(host, key, inputs);
        assert.deepEqual(outputs['y']?.dims, [payload.length]);
        const { y } = decodeOutputs(outputs, { kind: 'tensors' }) as NamedTensors;
        assert.equal(y?.type, type);
        assert.deepEqual([...(y?.data ?? [])], payload);
        // What a model answers can be sent on as it is.
        assert.deepEqual(encodeInputs(y, signature.inputs), inputs);
      }
    });
  }

  it('halves are computed with as the numbers they stand for', async () => {
    const numbers = [1, 0.1, -65504, 2 ** -24];
    const halves = [1, 0.0999755859375, -65504, 2 ** -24];
    const { y } = await answer(castModel([4], 'float16', 'float32'), numbers);
    assert.deepEqual(y?.data, Float32Array.from(halves));
    const back = await answer(castModel([4], 'float32', 'float16'), numbers);
    assert.deepEqual(back['y'], { type: 'float16', dims: [4], data: Float32Array.from(halves) });
    const raw = { type: 'float16', data: Uint16Array.of(0x3c00, 0x2e66, 0xfbff, 1) };
    assert.deepEqual((await answer(castModel([4], 'float16', 'float32'), raw))['y']?.data, Float32Array.from(halves));
    const { outputs } = await runOne(host, (await load(castModel([2], 'float32', 'float16'))).key, {
      x: { type: 'float32', dims: [2], data: Float32Array.of(0.25, 0.75) },
    });
    const label = decodeOutputs(outputs, { kind: 'label', name: null, labels: ['a', 'b'] });
    assert.deepEqual(label, { label: 'b', index: 1, score: 0.75, scores: [0.25, 0.75] });
  });

  it('NaN and infinity are seen in every floating point type, and in nothing else', async () => {
    for (const [type, values, expected] of [
      ['float32', [1, 2, -Infinity], true],
      ['float64', [1, NaN, 2], true],
      ['float16', [70_000, 1, 2], true],
      ['float16', [65_504, -65_504, 2 ** -24], false],
      ['uint16', [0x7c00, 0xffff, 0x7e00], false],
      ['int32', [0x7f800000, -1, 0x7fffffff], false],
    ] as const) {
      const { key, signature } = await load(identityModel([3], type));
      const { nonFiniteInput } = await runOne(host, key, encodeInputs(values, signature.inputs));
      assert.equal(nonFiniteInput, expected, `${type} ${values.join()}`);
    }
  });

  it('several free dimensions are told by dims or by nesting', async () => {
    const { key, signature } = await load(identityModel(['batch', 'rows', 'columns']));
    const nested = [[[1, 2, 3]], [[4, 5, 6]]];
    const flat = { data: [1, 2, 3, 4, 5, 6], dims: [2, 1, 3] };
    for (const payload of [nested, flat]) {
      const { outputs } = await runOne(host, key, encodeInputs(payload, signature.inputs));
      assert.deepEqual(outputs['y'], { type: 'float32', dims: [2, 1, 3], data: Float32Array.from(flat.data) });
    }
  });

  it('inputs and outputs of different types stay apart, whatever their size', async () => {
    const dims = ['n'];
    const mixed = onnxModel({
      nodes: [
        { op: 'Identity', inputs: ['words'], output: 'words2' },
        { op: 'Identity', inputs: ['flags'], output: 'flags2' },
        { op: 'Add', inputs: ['numbers', 'numbers'], output: 'numbers2' },
      ],
      inputs: [
        { name: 'words', type: 'string', dims },
        { name: 'flags', type: 'bool', dims },
        { name: 'numbers', dims },
      ],
      outputs: [
        { name: 'words2', type: 'string', dims },
        { name: 'flags2', type: 'bool', dims },
        { name: 'numbers2', dims },
      ],
    });
    for (const size of [3, 9000]) {
      const words = Array.from({ length: size }, (_, index) => `${'é'.repeat(index % 5)}${index}`);
      const flags = words.map((_, index) => index % 3 === 0);
      const numbers = words.map((_, index) => index / 4);
      const { words2, flags2, numbers2 } = await answer(mixed, { numbers, words, flags });
      assert.deepEqual(words2?.data, words);
      assert.deepEqual([...(flags2?.data ?? [])], flags.map(Number));
      assert.deepEqual(
        [...(numbers2?.data ?? [])],
        numbers.map((value) => 2 * value),
      );
    }
  });

  it('texts are not cut: half a surrogate pair becomes the replacement character', async () => {
    const { y } = await answer(identityModel([3], 'string'), ['\ud800', '\u{10ffff}', '\ufeff bom']);
    assert.deepEqual(y?.data, ['\ufffd', '\u{10ffff}', '\ufeff bom']);
  });

  it('requests of one batch are joined and split in every kind of memory', async () => {
    for (const size of [2, 30_000]) {
      const { key, signature } = await load(doublingModel(['batch', size]));
      const requests = [1, 2, 3].map((factor) =>
        encodeInputs({ data: new Float32Array(size * factor).fill(factor), dims: [factor, size] }, signature.inputs),
      );
      const { results } = await runBatch(key, requests);
      results.forEach(({ outputs }, index) => {
        const dims = [index + 1, size];
        assert.deepEqual(outputs['y'], {
          type: 'float32',
          dims,
          data: new Float32Array(elementCount(dims)).fill(2 * (index + 1)),
        });
      });
    }
    const { key, signature } = await load(identityModel(['batch', 2], 'string'));
    const texts = [
      ['a', ''],
      ['c', 'd'],
    ].map((pair) => encodeInputs([pair], signature.inputs));
    const { results } = await runBatch(key, texts);
    assert.deepEqual(
      results.map(({ outputs }) => outputs['y']?.data),
      [
        ['a', ''],
        ['c', 'd'],
      ],
    );
  });

  it('of a batch only those are flagged that hold NaN', async () => {
    const { key, signature } = await load(doublingModel(['batch', 2]));
    const requests = [
      [1, 2],
      [NaN, 2],
      [3, Infinity],
      [4, 5],
    ].map((numbers) => encodeInputs(numbers, signature.inputs));
    const { results } = await runBatch(key, requests);
    assert.deepEqual(
      results.map(({ nonFiniteInput }) => nonFiniteInput),
      [false, true, true, false],
    );
  });

  it('memory that is used again leaves no trace of the request before', async () => {
    const { key } = await load(identityModel(['n']));
    const send = async (size: number, value: number) => {
      const data = new Float32Array(size).fill(value);
      return (await runOne(host, key, { x: { type: 'float32', dims: [size], data } })).outputs['y']?.data;
    };
    const first = await send(50_000, 1);
    assert.deepEqual(await send(20_000, 2), new Float32Array(20_000).fill(2));
    assert.deepEqual(await send(80_000, 3), new Float32Array(80_000).fill(3));
    assert.deepEqual(first, new Float32Array(50_000).fill(1));
  });

  it('many requests under way at once do not mix', async () => {
    const { key, signature } = await load(pairModel(5000));
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) => {
        const [a, b] = [index + 1, 10 * index].map((value) => new Float32Array(5000).fill(value));
        return runOne(host, key, encodeInputs({ a, b }, signature.inputs));
      }),
    );
    results.forEach(({ outputs }, index) => {
      assert.deepEqual(outputs['sum']?.data, new Float32Array(5000).fill(11 * index + 1));
      assert.deepEqual(outputs['product']?.data, new Float32Array(5000).fill(10 * index * (index + 1)));
    });
  });

  it('data that was taken away while its request waited is missed, not replaced by what lay there before', async () => {
    const { key, signature } = await load(identityModel(['n']));
    const data = new Float32Array(9000).fill(7);
    const inputs = encodeInputs(data, signature.inputs);
    structuredClone(data, { transfer: [data.buffer] });
    await assert.rejects(runOne(host, key, inputs), {
      code: 'INPUT_MISMATCH',
      message: /input "x" changed while its request waited: 0 of 9000 elements are left/,
    });
  });

  it('an empty output is an answer', async () => {
    const found = onnxModel({
      nodes: [{ op: 'NonZero', inputs: ['x'], output: 'y' }],
      inputs: [{ name: 'x', dims: [3] }],
      outputs: [{ name: 'y', type: 'int64', dims: [1, 'found'] }],
    });
    assert.deepEqual((await answer(found, [0, 0, 0]))['y'], {
      type: 'int64',
      dims: [1, 0],
      data: new BigInt64Array(0),
    });
  });
});
