import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientsInNodeRed, servingFlow, sumOf, type RequestFields } from '../support/clients-in-node-red';
import { hostsOf } from '../support/node-red-runtime';
import { doublingModel, onnxModel, slowNumberModel, writeModel } from '../support/onnx-builder';

const megabyte = 1024 * 1024;
const hostMemoryLimitMb = 250;

/** y = x + w, with w in another file. */
function modelWithWeightsIn(location: string, count: number): Buffer {
  return onnxModel({
    nodes: [{ op: 'Add', inputs: ['x', 'w'], output: 'y' }],
    inputs: [{ name: 'x', dims: [1, 1] }],
    outputs: [{ name: 'y', dims: [1, count] }],
    weights: {
      w: { dims: [1, count], data: new Float32Array(), external: { location, offset: '0', length: String(count * 4) } },
    },
  });
}

describe('bad input beside good input in a real flow', function () {
  this.timeout(120_000);
  let models: string;
  let clients: ClientsInNodeRed;

  before(async () => {
    models = await mkdtemp(join(tmpdir(), 'ecomap-bad-'));
    clients = await ClientsInNodeRed.start();
  });
  after(async () => {
    await clients?.runtime.stop();
    await rm(models, { recursive: true, force: true });
  });

  it('each ends on Catch with its code, while another tenant serves on', async () => {
    const inner = join(models, 'inner');
    await mkdir(inner);
    const model = async (name: string, content: Buffer) => (await writeModel(inner, `${name}.onnx`, content)).path;
    const whole = slowNumberModel(2);
    await writeFile(join(models, 'outside.data'), Buffer.alloc(4));
    const hugeBytes = (hostMemoryLimitMb + 10) * megabyte;
    await writeFile(join(inner, 'huge.data'), '');
    await truncate(join(inner, 'huge.data'), hugeBytes);
    const custom = onnxModel({
      nodes: [{ op: 'Frobnicate', inputs: ['x'], output: 'y', domain: 'com.example' }],
      inputs: [{ name: 'x', dims: [1, 1] }],
      outputs: [{ name: 'y', dims: [1, 1] }],
      domains: { 'com.example': 1 },
    });
    const opset = onnxModel({
      opset: 99,
      nodes: [{ op: 'Add', inputs: ['x', 'x'], output: 'y' }],
      inputs: [{ name: 'x', dims: [1, 1] }],
      outputs: [{ name: 'y', dims: [1, 1] }],
    });
    /** What is wrong with the model of each tenant: its file, the code, and words of the message. */
    const broken: Record<string, [path: string, code: string, words: RegExp]> = {
      truncated: [await model('truncated', whole.subarray(0, 100_000)), 'MODEL_INVALID', /cut short|ends|damaged/i],
      opset: [await model('opset', opset), 'MODEL_INVALID', /operator set 99/i],
      custom: [await model('custom', custom), 'MODEL_INVALID', /custom operator/],
      outside: [await model('outside', modelWithWeightsIn('../outside.data', 1)), 'MODEL_INVALID', /outside/],
      huge: [await model('huge', modelWithWeightsIn('huge.data', hugeBytes / 4)), 'MEMORY_EXCEEDED', /260 MB/],
    };
    const good = await model('good', whole);
    const open = await model('open', doublingModel(['n', 3]));
    const tenant = (name: string, path: string, more = {}) => ({ name, variants: [{ name: 'v', path }], more });
    const flow = servingFlow(
      [
        tenant('good', good),
        tenant('open', open),
        tenant('strict', open, { nonFiniteInput: 'refuse' }),
        ...Object.entries(broken).map(([name, [path]]) => tenant(name, path)),
      ],
      { executor: { hostMemoryLimitMb } },
    );
    await clients.deploy(flow, ['good']);
    const hosts = await hostsOf(clients.runtime.pid);
    await clients.work(4, { tenant: 'good' }, 5);

    for (const name of Object.keys(broken)) await clients.offer(3, { tenant: name });
    const nonFinite = { data: ['NaN', 'Infinity', '-Infinity'], dims: [1, 3] };
    const requests: readonly [RequestFields, count: number][] = [
      [{ tenant: 'open', payload: { fill: 1, count: 6, dims: [2, 3] } }, 4],
      [{ tenant: 'open', payload: nonFinite }, 5],
      [{ tenant: 'strict', payload: nonFinite }, 6],
      [{ tenant: 'strict', payload: { data: [1, 2, 3], dims: [1, 3] } }, 2],
      [{ tenant: 'open', payload: { data: [], dims: [0, 3] } }, 1],
      [{ tenant: 'open', payload: { fill: 1, count: 6, dims: [-2, -3] } }, 2],
      // 100 times what the model takes.
      [{ tenant: 'good', payload: { fill: 1, count: 100 } }, 3],
      [{ tenant: 'open', payload: { fill: 1, count: 300, dims: [1, 300] } }, 4],
      [{ tenant: 'nobody' }, 7],
    ];
    for (const [request, count] of requests) await clients.offer(count, request);
    const before = await clients.untilCounts(
      ({ sent, ended }) =>
        Object.keys(sent).every((name) => name === 'good' || sumOf(ended[name] ?? {}) === (sent[name] ?? 0)),
      'the end of what is bad',
    );
    await clients.untilCounts(
      ({ ended }) => (ended['good']?.['answered'] ?? 0) > (before.ended['good']?.['answered'] ?? 0) + 20,
      'further good answers',
    );
    await clients.rest();
    // Files are hashed beside all this, so that of the largest one is told last.
    await clients.untilCounts(({ problems }) => Object.keys(broken).every((name) => problems[name]), 'all problems');

    // Who is addressed to nobody is in nobody's telemetry.
    const names = ['good', 'open', 'strict', ...Object.keys(broken)];
    const { ended, words, problems, flagged, restarts, sent } = await clients.reconciled(names);
    for (const [name, [, code, text]] of Object.entries(broken)) {
      assert.deepEqual(ended[name], { [code]: 3 }, name);
      assert.match(words[name]?.[code] ?? '', text);
      // Once without a request, when the flow began.
      assert.deepEqual(problems[name], { [code]: 1 }, name);
    }
    assert.deepEqual(ended['open'], { answered: 4 + 5, INPUT_MISMATCH: 1 + 2 + 4 });
    assert.deepEqual(ended['strict'], { answered: 2, INPUT_MISMATCH: 6 });
    assert.deepEqual(ended['nobody'], { INVALID_MESSAGE: 7 });
    assert.deepEqual(ended['good'], { answered: (sent['good'] ?? 0) - 3, INPUT_MISMATCH: 3 });
    assert.equal(flagged, 5);
    assert.deepEqual([restarts, await hostsOf(clients.runtime.pid)], [0, hosts]);
  });
});
