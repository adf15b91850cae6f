import assert from 'node:assert/strict';
import fc from 'fast-check';
import { frameHeaderBytes } from '../../../../src/inference/channel/frame-splitter';
import { decodeCommand, decodeMessage, MessageEncoder } from '../../../../src/inference/channel/messages';
import type { HostCommand, HostMessage, TensorFrame } from '../../../../src/inference/host/protocol';
import { imageDeclarationSchema } from '../../../../src/signals/image';
import { tensorTypes } from '../../../../src/signals/tensor';
import { emptyData } from '../../../../src/inference/tensors/tensors';

const encoder = new MessageEncoder();
const usage = { cpuSeconds: 1.5, rssBytes: 123_456_789 };
const image = { declaration: imageDeclarationSchema.parse({ width: 8, height: 4 }), form: 'file' as const };

/** Of every kind: in the message and in the slot, numbers, texts and images. */
const frames: TensorFrame[] = [
  ...tensorTypes.flatMap((type): TensorFrame[] => {
    if (type === 'string') return [];
    const data = emptyData(type, 3);
    new Uint8Array(data.buffer).fill(0x3f);
    return [{ name: `${type} ä`, type, dims: [1, 3], data }];
  }),
  { name: 'texts', type: 'string', dims: [2], data: ['', 'déjà 🐟'] },
  { name: 'one', type: 'float32', dims: [], data: Float32Array.of(Number.NaN) },
  { name: 'none', type: 'float32', dims: [0, 4], data: new Float32Array(0) },
  { name: 'far', type: 'float32', dims: [1, 3, 224, 224], offset: 5_000_000_000, bytes: 602_112 },
  { name: 'computed', type: 'int64', dims: [7], offset: 64, bytes: 56, isComputed: true },
  { name: 'image', type: 'float32', dims: [1, 3, 4, 8], data: Uint8Array.of(1, 2, 3), image },
];
const run: HostCommand = {
  kind: 'run',
  id: 4_000_000_000,
  model: 3,
  slot: 70_000,
  requests: [frames, [], frames.slice(0, 1)],
  refuseNonFinite: true,
  outputFrom: 6_000_000_000,
  handOver: false,
};
const commands: HostCommand[] = [
  run,
  { ...run, refuseNonFinite: false, handOver: true, outputFrom: 0 },
  { kind: 'load', id: 1, model: 0, path: '/models/ä.onnx', sha256: null },
  {
    kind: 'load',
    id: 1,
    model: 0,
    path: 'a',
    sha256: 'ff',
    stage: { firstNode: 1, endNode: null, cacheDirectory: null },
  },
  { kind: 'unload', id: 2, model: 9 },
  { kind: 'pace', id: 3, share: 0.25 },
  { kind: 'probe', id: 4 },
  { kind: 'profile', id: 5, path: 'a', sha256: null, dims: [1, 2], effort: 'quick' },
  {
    kind: 'profile',
    id: 5,
    path: 'a',
    sha256: null,
    dims: null,
    effort: 'thorough',
    stage: { firstNode: 0, endNode: 4, cacheDirectory: '/cache' },
  },
  { kind: 'rerun', id: 5, durationMs: 100, besideCopy: true },
  { kind: 'anchor', id: 5 },
  { kind: 'stress', id: 5, durationMs: 20 },
  { kind: 'describe', id: 6, path: 'a', sha256: null, dims: null },
];
const signature = { inputs: [{ name: 'x', type: 'float32' as const, dims: ['batch', 3] }], outputs: [] };
const messages: HostMessage[] = [
  { kind: 'ready', usage },
  { kind: 'failure', id: 7, code: 'INPUT_MISMATCH', message: 'not "this" one', usage },
  {
    kind: 'answer',
    of: 'run',
    id: 8,
    value: {
      results: [
        { outputs: frames, nonFiniteInput: true },
        { outputs: [], nonFiniteInput: false },
      ],
      runMs: 17.1,
      decodeMs: 0,
      cpuMs: 16.9,
    },
    usage,
  },
  { kind: 'answer', of: 'load', id: 9, value: { signature, sha256: 'ff', loadMs: 3, memoryBytes: 4 }, usage },
  { kind: 'answer', of: 'unload', id: 10, value: null, usage },
  { kind: 'answer', of: 'pace', id: 11, value: { share: 1 }, usage },
];

const contentOf = (frame: Buffer) => {
  assert.equal(frame.readUInt32LE(0), frame.length - frameHeaderBytes);
  return Buffer.from(frame.subarray(frameHeaderBytes));
};

describe('messages between a host and its parent', () => {
  it('arrive as they were sent', () => {
    for (const command of commands) assert.deepEqual(decodeCommand(contentOf(encoder.command(command))), command);
    for (const message of messages) assert.deepEqual(decodeMessage(contentOf(encoder.message(message))), message);
  });

  it('keep no hold on the memory that they came in', () => {
    const content = contentOf(encoder.command(run));
    const decoded = decodeCommand(content);
    content.fill(0);
    assert.deepEqual(decoded, run);
  });

  it('that are cut short or go on too long are refused', () => {
    for (const command of commands) {
      const content = contentOf(encoder.command(command));
      for (let length = 0; length < content.length; length += 1) {
        assert.throws(() => decodeCommand(content.subarray(0, length)));
      }
      assert.throws(() => decodeCommand(Buffer.concat([content, Buffer.alloc(1)])));
    }
    for (const message of messages) {
      const content = contentOf(encoder.message(message));
      assert.throws(() => decodeMessage(content.subarray(0, -1)));
      assert.throws(() => decodeMessage(Buffer.concat([content, Buffer.alloc(1)])));
    }
  });

  it('that are none end in an error, whatever they are', () => {
    const decode = (content: Buffer) => {
      try {
        return decodeCommand(content);
      } catch (error) {
        assert.ok(error instanceof Error);
        return null;
      }
    };
    const valid = contentOf(encoder.command(run));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(valid.length - 1), fc.nat(255), (noise, at, value) => {
        decode(Buffer.from(noise));
        const damaged = Buffer.from(valid);
        damaged[at] = value;
        decode(damaged);
      }),
      { seed: 1, numRuns: 2000 },
    );
    const json = Buffer.from('{"kind":"obey","id":1}');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    assert.throws(() => decodeCommand(Buffer.concat([Buffer.of(2), length, json])), { name: 'ZodError' });
  });

  it('that cannot be sent are refused before anything of them leaves', () => {
    const dims = [Symbol('no number')] as never;
    assert.throws(() => encoder.command({ kind: 'profile', id: 1, path: 'a', sha256: null, dims, effort: 'quick' }));
    assert.deepEqual(decodeCommand(contentOf(encoder.command(run))), run);
  });

  it('of any size fit in, and the memory for a large one is not kept', () => {
    const data = new Float32Array(300_000).fill(1);
    const large: HostCommand = { ...run, requests: [[{ name: 'x', type: 'float32', dims: [300_000], data }]] };
    assert.deepEqual(decodeCommand(contentOf(encoder.command(large))), large);
    assert.ok(encoder.command(run).buffer.byteLength < 100_000);
  });
});
