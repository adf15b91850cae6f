import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import inferenceExecutor from '../../nodes/inference-executor/inference-executor';
import { inferenceExecutorConfig } from '../../nodes/inference-executor/config';
import { OpenRequests } from '../../nodes/inference-executor/open-requests';
import { requestIdOf, requestOf } from '../../nodes/inference-executor/request';
import { statusOf } from '../../nodes/inference-executor/status';
import locale from '../../nodes/inference-executor/locale.json';
import tenant from '../../nodes/tenant/tenant';
import type { ExecutorState, TenantActivity } from '../../src/inference/executor-state';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeStatus } from '../../src/node-red/types';
import { inferenceAccountSchema } from '../../src/signals/inference';
import { parseControlMessage } from '../../src/signals/message';
import { tenantSchema } from '../../src/signals/tenant';
import { doublingModel, scoringModel, slowModel, writeModel } from '../support/onnx-builder';
import { startFlow, stopFlow, watchers, type TestFlow } from '../support/node-helper';
import { isRunning, planOf, TestDevice, until } from '../unit/inference/support';
import { reading } from '../unit/power/fakes';

let testDevice = new TestDevice();
const device = defineNode({
  type: 'ecomap-device',
  config: z.object({}),
  start(node) {
    testDevice = new TestDevice();
    node.provide('device', testDevice);
    return {};
  },
});

describe('inference-executor node', function () {
  this.timeout(30_000);
  let directory: string;
  const files: Record<string, string> = {};

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-executor-'));
    const models = {
      large: slowModel(32, 20),
      small: slowModel(32, 2),
      scores: scoringModel(3, 2),
      slow: slowModel(256, 200),
    };
    for (const [name, model] of Object.entries(models)) {
      files[name] = (await writeModel(directory, `${name}.onnx`, model)).path;
    }
    files['value'] = (await writeModel(directory, 'value.onnx', doublingModel([1, 1]))).path;
  });
  after(() => rm(directory, { recursive: true, force: true }));
  afterEach(stopFlow);

  const variant = (name: string, accuracy: number) => ({ name, path: files[name] ?? join(directory, name), accuracy });
  const tenantNode = (id: string, name: string, variants: readonly object[], more: object = {}) => ({
    id,
    type: 'ecomap-tenant',
    name,
    source: 'own',
    latencyLimitMs: 20_000,
    variants,
    ...more,
  });
  const matrix = () => ({ type: 'float32', dims: [32, 32], data: new Float32Array(1024).fill(0.01) });

  const deploy = async (tenants: readonly { id: string }[], config: object = {}): Promise<TestFlow> => {
    const slots = Object.fromEntries(tenants.map(({ id }, index) => [`tenant${index + 1}`, id]));
    return startFlow(
      [device, tenant, inferenceExecutor],
      [
        { id: 'd', type: 'ecomap-device' },
        ...tenants,
        {
          id: 'e',
          type: 'ecomap-inference-executor',
          z: 'tab',
          device: 'd',
          telemetryS: 3600,
          ...slots,
          ...config,
          wires: [['results'], ['telemetry']],
        },
        { id: 'results', type: 'helper', z: 'tab', wires: [] },
        { id: 'telemetry', type: 'helper', z: 'tab', wires: [] },
        ...watchers(['e']),
      ],
    );
  };
  const parts = () => tenantNode('t1', 'parts', [variant('large', 0.9), variant('small', 0.7)]);
  const classes = (more: object = {}) =>
    tenantNode('t2', 'classes', [variant('scores', 0.8)], { outputKind: 'label', labels: 'bad, good', ...more });

  it('answers requests in the declared form, with the account, and completes each message', async () => {
    const flow = await deploy([parts(), classes()]);
    flow.send('e', { tenant: 'classes', payload: [1, 2, 3], truth: 'kept', topic: 'camera' });
    flow.send('e', { tenant: 'parts', payload: matrix() });
    const answer = await flow.waitFor('results', (message) => message.truth === 'kept');
    assert.deepEqual(answer.payload, { label: 'good', index: 1, score: 7, scores: [6, 7] });
    assert.equal(answer.topic, 'camera');
    const account = inferenceAccountSchema.parse(answer['ecomap']);
    assert.deepEqual([account.tenant, account.variant, account.carbonG], ['classes', 'scores', null]);
    await flow.waitFor('results', (message) => message.tenant === 'parts');
    await until(() => flow.received('completed').length === 2);
    assert.deepEqual(flow.received('caught'), []);
    assert.equal(
      (await flow.waitFor('statuses', ({ status }) => status?.fill === 'green')).status?.text,
      'status.ready',
    );
  });

  it('applies plans and intensities that arrive on the same input', async () => {
    const flow = await deploy([parts()]);
    flow.send('e', { topic: 'ecomap/plan', payload: planOf({ parts: ['small', 'cpu0'] }) });
    await flow.waitFor('completed');
    flow.send('e', {
      topic: 'ecomap/carbon',
      payload: {
        intensityGPerKwh: 300,
        signal: 'average',
        basis: 'lifecycle',
        zone: 'X',
        validFrom: '2026-01-01T00:00:00Z',
        validTo: '2026-01-01T01:00:00Z',
        fetchedAt: '2026-01-01T00:00:00Z',
        provider: 'test',
        quality: 'simulated',
        attribution: '',
      },
    });
    flow.send('e', { payload: matrix() });
    const account = inferenceAccountSchema.parse((await flow.waitFor('results'))['ecomap']);
    assert.deepEqual([account.variant, account.degraded], ['small', true]);
    assert.ok((account.carbonG ?? 0) > 0);
    assert.match(account.why.join(), /a test asked for it/);
  });

  it('takes back a request that waits, by its id or that of its message: CANCELLED on Catch, the others are answered', async () => {
    const flow = await deploy([tenantNode('t1', 'slow', [variant('slow', 0.9)])]);
    const payload = () => ({ type: 'float32', dims: [256, 256], data: new Float32Array(65536) });
    await flow.waitFor('statuses', ({ status }) => status?.fill === 'green');
    flow.send('e', { payload: payload(), requestId: 'first' });
    flow.send('e', { payload: payload(), requestId: 'second' });
    flow.send('e', { payload: payload(), _msgid: 'third', note: 'kept' });
    flow.send('e', { payload: payload(), requestId: 'fourth' });
    for (const requestId of ['second', 'third']) flow.send('e', { topic: 'ecomap/cancel', payload: { requestId } });
    await until(() => flow.received('results').length + flow.received('caught').length === 4);
    const caught = flow.received('caught');
    assert.deepEqual(
      caught.map(({ error, requestId, _msgid, note }) => [error?.code, requestId ?? _msgid, note]),
      [
        ['CANCELLED', 'second', undefined],
        ['CANCELLED', 'third', 'kept'],
      ],
    );
    assert.deepEqual(
      flow.received('results').map(({ requestId }) => requestId),
      ['first', 'fourth'],
    );
    // Four messages and two cancellations: each is completed or caught, once.
    await until(() => flow.received('completed').length === 4);
  });

  it('lets a request wait for a cleaner grid, until that comes or it is taken back, and others not', async () => {
    const flow = await deploy([parts()]);
    const time = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();
    const carbon = (now: number, later: number) => ({
      topic: 'ecomap/carbon',
      payload: reading(now, {
        validFrom: time(0),
        validTo: time(30),
        forecast: [{ validFrom: time(30), validTo: time(60), intensityGPerKwh: later }],
      }),
    });
    const ask = (which: string, deferrableUntilH?: number) =>
      flow.send('e', {
        payload: matrix(),
        requestId: which,
        ...(deferrableUntilH === undefined ? {} : { deferrableUntilH }),
      });
    const answered = (which: string) => flow.waitFor('results', (message) => message['requestId'] === which, 15_000);

    ask('nothing is known', 3);
    await answered('nothing is known');
    flow.send('e', carbon(500, 100));
    ask('held', 3);
    ask('taken back', 3);
    ask('too soon', 0.5);
    ask('at once');
    await answered('too soon');
    await answered('at once');
    const early = flow.received('results').map((message) => message['requestId']);
    assert.deepEqual(
      early.filter((which) => which === 'held' || which === 'taken back'),
      [],
    );

    flow.send('e', { topic: 'ecomap/cancel', payload: { requestId: 'taken back' } });
    const caught = await flow.waitFor('caught', (message) => message['requestId'] === 'taken back');
    assert.equal(caught.error?.code, 'CANCELLED');
    flow.send('e', carbon(100, 500));
    await answered('held');
    ask('forever', 1000);
    assert.equal((await flow.waitFor('caught', (m) => m['requestId'] === 'forever')).error?.code, 'INVALID_MESSAGE');
  });

  it('takes a cancellation of what is not there without a word', async () => {
    const flow = await deploy([classes()]);
    flow.send('e', { topic: 'ecomap/cancel', payload: { requestId: 'unheard of' } });
    await flow.waitFor('completed');
    flow.send('e', { payload: [1, 2, 3], requestId: 'a' });
    await flow.waitFor('results');
    flow.send('e', { topic: 'ecomap/cancel', payload: { requestId: 'a' } });
    await until(() => flow.received('completed').length === 3);
    assert.deepEqual(flow.received('caught'), []);
  });

  it('sends telemetry that fits its schema, window after window', async () => {
    const flow = await deploy([parts()], { telemetryS: '0.2' });
    flow.send('e', { payload: matrix() });
    await flow.waitFor('results');
    await until(() => flow.received('telemetry').length >= 3);
    const served = flow
      .received('telemetry')
      .map(
        ({ topic, payload }) => parseControlMessage({ topic, payload }, ['telemetry']).payload.tenants[0]?.served ?? 0,
      );
    await until(() => flow.received('telemetry').length >= served.length + 1);
    const all = flow
      .received('telemetry')
      .map(({ topic, payload }) => parseControlMessage({ topic, payload }, ['telemetry']).payload);
    assert.equal(
      all.reduce((sum, { tenants }) => sum + (tenants[0]?.served ?? 0), 0),
      1,
    );
    assert.equal(all[1]?.windowFrom, all[0]?.windowTo);
  });

  it('gives every bad message its code on Catch, with its properties, and goes on', async () => {
    const flow = await deploy([parts(), classes({ nonFiniteInput: 'refuse' })]);
    const bad: [code: string, message: Record<string, unknown>][] = [
      ['INVALID_MESSAGE', { payload: [1, 2, 3] }],
      ['INVALID_MESSAGE', { tenant: 'nobody', payload: [1, 2, 3] }],
      ['INVALID_MESSAGE', { tenant: 7, payload: [1, 2, 3] }],
      ['INVALID_MESSAGE', { tenant: 'classes', payload: [1, 2, 3], timeoutMs: 'soon' }],
      ['INVALID_MESSAGE', { tenant: 'classes', payload: [1, 2, 3], priority: -1 }],
      ['INVALID_MESSAGE', { topic: 'ecomap/cap', payload: {} }],
      ['INVALID_MESSAGE', { topic: 'ecomap/plan', payload: { planId: 7 } }],
      ['INVALID_MESSAGE', { topic: 'ecomap/cancel', payload: 'the last one' }],
      ['INVALID_MESSAGE', { topic: 'ecomap/plan', payload: planOf({ classes: ['unheard of', 'cpu0'] }) }],
      ['INPUT_MISMATCH', { tenant: 'classes', payload: [1, 2] }],
      ['INPUT_MISMATCH', { tenant: 'classes', payload: 'x'.repeat(1024 * 1024) }],
      ['INPUT_MISMATCH', { tenant: 'classes' }],
      ['INPUT_MISMATCH', { tenant: 'classes', payload: [1, NaN, 3] }],
      ['DEADLINE_EXCEEDED', { tenant: 'classes', payload: [1, 2, 3], deadline: '2020-01-01T00:00:00Z' }],
    ];
    bad.forEach(([, message], index) => flow.send('e', { ...message, index }));
    await until(() => flow.received('caught').length === bad.length);
    const codes = flow.received('caught').sort((a, b) => Number(a['index']) - Number(b['index']));
    assert.deepEqual(
      codes.map(({ error }) => error?.code),
      bad.map(([code]) => code),
    );
    assert.match(codes[0]?.error?.message ?? '', /one of parts, classes/);
    flow.send('e', { tenant: 'classes', payload: [1, 2, 3] });
    const account = inferenceAccountSchema.parse((await flow.waitFor('results'))['ecomap']);
    assert.equal(account.nonFiniteInput, false);
    await until(() => flow.received('completed').length === 1);
  });

  it('passes NaN on unless the tenant says otherwise, and marks the answer', async () => {
    const flow = await deploy([classes()]);
    flow.send('e', { tenant: 'classes', payload: [1, NaN, 3] });
    const account = inferenceAccountSchema.parse((await flow.waitFor('results'))['ecomap']);
    assert.equal(account.nonFiniteInput, true);
    assert.deepEqual(flow.received('caught'), []);
  });

  it('a tenant whose file is missing is reported once; the others go on', async () => {
    const broken = tenantNode('t3', 'broken', [variant('absent.onnx', 0.9), variant('also-absent.onnx', 0.8)]);
    const misfit = tenantNode('t4', 'misfit', [variant('scores', 0.9)], { inputDims: '1, 8' });
    const flow = await deploy([broken, misfit, classes()]);
    flow.send('e', { tenant: 'classes', payload: [1, 2, 3] });
    await flow.waitFor('results');
    await flow.waitFor('caught', ({ error }) => error?.code === 'INPUT_MISMATCH');
    assert.deepEqual(
      flow
        .received('caught')
        .map(({ error, tenant: name }) => `${String(name)} ${error?.code}`)
        .sort(),
      ['broken MODEL_NOT_FOUND', 'broken MODEL_NOT_FOUND', 'misfit INPUT_MISMATCH'],
    );
    assert.equal(
      (await flow.waitFor('statuses', ({ status }) => status?.fill === 'yellow')).status?.text,
      'status.someBroken',
    );
    flow.send('e', { tenant: 'broken', payload: [1, 2, 3], asked: true });
    assert.equal((await flow.waitFor('caught', (message) => message['asked'] === true)).error?.code, 'MODEL_NOT_FOUND');
  });

  it('kill -9 with requests in flight: HOST_CRASHED on Catch for what ran, answers for the rest, none hangs', async () => {
    const flow = await deploy([tenantNode('t1', 'slow', [variant('slow', 0.9)])]);
    const payload = () => ({ type: 'float32', dims: [256, 256], data: new Float32Array(65536) });
    await flow.waitFor('statuses', ({ status }) => status?.fill === 'green');
    for (let index = 0; index < 4; index += 1) flow.send('e', { payload: payload(), index });
    const pid = testDevice.registered[0]?.pid;
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    await until(() => flow.received('results').length + flow.received('caught').length === 4);
    assert.deepEqual(
      flow.received('caught').map(({ error }) => error?.code),
      ['HOST_CRASHED'],
    );
    assert.equal(flow.received('results').length, 3);
    assert.equal(testDevice.registered.length, 2);
  });

  it('close answers what waits and leaves no process behind', async () => {
    const flow = await deploy([parts()]);
    await flow.waitFor('statuses', ({ status }) => status?.fill === 'green');
    const pids = testDevice.registered.map(({ pid }) => pid);
    const results = flow.received('results');
    const caught = flow.received('caught');
    for (let index = 0; index < 5; index += 1) flow.send('e', { payload: matrix() });
    await stopFlow();
    // Node-RED stops the nodes behind this one at the same time: what counts is that no process survives.
    assert.deepEqual(
      pids.map(isRunning),
      pids.map(() => false),
    );
    assert.ok(results.length + caught.length <= 5);
  });

  it('without a working tenant it stays, red, and says so to every message', async () => {
    const flow = await deploy([]);
    flow.send('e', { payload: 1 });
    assert.equal((await flow.waitFor('caught')).error?.code, 'INVALID_CONFIG');
  });
});

describe('inference-executor: what a message asks for', () => {
  const now = 1_000_000;
  it('takes the earlier of timeout and deadline, and priority 0 as usual', () => {
    const request = requestOf({ payload: 1, timeoutMs: 50, deadline: now + 20, priority: 0 }, ['a'], 'a', now);
    assert.deepEqual(request, { tenant: 'a', payload: 1, deadlineMs: now + 20 });
    assert.equal(requestOf({ tenant: 'b', deadline: new Date(5) }, ['a', 'b'], 'a', now).deadlineMs, 5);
    assert.equal(requestOf({ tenant: 'b', priority: 3 }, ['b'], null, now).priority, 3);
  });

  it('reads flows of other days: numbers as text, fields missing', () => {
    const config = inferenceExecutorConfig.parse({ queueLength: '8', telemetryS: '', tenant2: 'x' });
    assert.deepEqual([config.queueLength, config.telemetryS, config.tenants], [8, 5, ['x']]);
    assert.deepEqual([config.hostMemoryLimitMb, config.recycleHours, config.recycleGrowthMb], [null, 24, 512]);
    assert.equal(inferenceExecutorConfig.parse({ hostMemoryLimitMb: '512' }).hostMemoryLimitMb, 512);
    assert.throws(() => inferenceExecutorConfig.parse({ hostMemoryLimitMb: '5' }), /hostMemoryLimitMb/);
  });
});

describe('inference-executor: status', () => {
  const tenants = ['parts', 'a tenant with a long name'].map((name) =>
    tenantSchema.parse({
      name,
      family: name,
      latencyLimitMs: 100,
      input: {},
      output: { kind: 'tensors' },
      variants: ['large', 'small'].map((variant, index) => ({ name: variant, path: '/x', accuracy: 0.9 - index / 10 })),
    }),
  );
  const state = (more: Partial<ExecutorState> = {}): ExecutorState => ({
    phase: 'serving',
    planId: null,
    progress: { loaded: 0, toLoad: 0 },
    tenants: tenants.map(({ name }) => ({
      tenant: name,
      variant: 'large',
      component: 'cpu0',
      queued: 0,
      activity: 'serving',
      problem: null,
    })),
    hosts: [
      {
        component: 'cpu0',
        state: 'ready',
        pid: 1,
        pinned: true,
        restarts: 0,
        recycles: 0,
        recycledBecause: null,
        rssBytes: null,
        models: 2,
        degraded: null,
      },
    ],
    unused: [],
    ...more,
  });
  const [first, second] = state().tenants;
  assert.ok(first && second);
  const as = (activity: TenantActivity) => (tenant: typeof first) => ({ ...tenant, variant: null, activity });
  const broken = (code: string) => ({
    activity: 'broken' as const,
    variant: null,
    component: null,
    problem: { code, message: '' },
  });
  const { status, reason } = locale as { status: Record<string, string>; reason: Record<string, string> };

  const textOf = (shown: NodeStatus): string =>
    (status[shown.key.replace('status.', '')] ?? '').replace(/__(\w+)__/g, (_, name) =>
      String(shown.values?.[name as string]),
    );
  const cases: [what: string, state: Partial<ExecutorState>, fill: string, text: string][] = [
    ['processes that start', { tenants: [first, second].map(as('loading')) }, 'blue', 'starting'],
    [
      'nothing loaded',
      { tenants: [first, second].map(as('loading')), progress: { loaded: 0, toLoad: 2 } },
      'blue',
      'loading 0/2',
    ],
    [
      'one that serves and one that loads',
      { tenants: [first, as('loading')(second)], progress: { loaded: 1, toLoad: 2 } },
      'blue',
      'loading 1/2',
    ],
    ['all loaded, not proven', { tenants: [first, second].map(as('warming-up')) }, 'blue', 'warming up'],
    [
      'a plan that loads beside what serves',
      { progress: { loaded: 1, toLoad: 2 } },
      'green',
      'ready · 4.1/s, loading 1/2',
    ],
    ['all well', {}, 'green', 'ready · 4.1/s'],
    [
      'a component whose execution provider does not run',
      { unused: [{ component: 'gpu', why: 'no driver' }] },
      'yellow',
      'without gpu · 4.1/s',
    ],
    [
      'a lighter variant',
      { tenants: [first, { ...second, variant: 'small' }] },
      'green',
      'degraded: a tenant wi… on small',
    ],
    [
      'lighter variants',
      { tenants: [first, second].map((tenant) => ({ ...tenant, variant: 'small' })) },
      'green',
      'degraded: 2 of 2',
    ],
    [
      'a broken tenant',
      { tenants: [first, { ...second, ...broken('MODEL_NOT_FOUND') }] },
      'yellow',
      'a tenant wi…: no model file',
    ],
    ['all broken', { tenants: [{ ...first, ...broken('RUNTIME_UNAVAILABLE') }] }, 'red', 'broken: no ONNX Runtime'],
    [
      'all broken at the start',
      { phase: 'starting', tenants: [{ ...first, ...broken('NODE_CLOSED') }] },
      'red',
      'broken: see the log',
    ],
    [
      'a host away',
      { hosts: state().hosts.map((host) => ({ ...host, state: 'restarting' as const })) },
      'yellow',
      'restarting cpu0',
    ],
    [
      'a host that does not come up',
      { hosts: state().hosts.map((host) => ({ ...host, state: 'down' as const })) },
      'yellow',
      'cpu0 does not start',
    ],
  ];
  for (const [what, more, fill, expected] of cases) {
    it(`with ${what} is "${expected}"`, () => {
      const shown = statusOf(state(more), tenants, 4.12, (key) => reason[key.replace('reason.', '')] ?? key);
      assert.deepEqual([textOf(shown), shown.fill], [expected, fill]);
      assert.ok(textOf(shown).length <= 34);
    });
  }
});

describe('inference-executor: requests that can be taken back', () => {
  const never = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('taken back'))));

  it('are known by requestId, else by the message', () => {
    assert.equal(requestIdOf({ requestId: 'a', _msgid: 'm' }), 'a');
    assert.equal(requestIdOf({ requestId: 7 }), '7');
    assert.equal(requestIdOf({ _msgid: 'm' }), 'm');
    assert.equal(requestIdOf({ requestId: {} }), null);
  });

  it('end by their id, all that share it and no other, and are forgotten when they end', async () => {
    const open = new OpenRequests();
    const outcomes = ['a', 'a', 'b'].map((id) => open.run(id, never).catch((error: Error) => error.message));
    assert.equal(open.cancel('unheard of'), 0);
    assert.equal(open.cancel('a'), 2);
    assert.deepEqual(await Promise.all(outcomes.slice(0, 2)), ['taken back', 'taken back']);
    assert.equal(open.cancel('a'), 0);
    assert.equal(open.cancel('b'), 1);
    assert.equal(await open.run('c', () => Promise.resolve(1)), 1);
    assert.equal(open.cancel('c'), 0);
  });
});
