import assert from 'node:assert/strict';
import { z } from 'zod';
import { bodyLimitBytes } from '../../src/node-red/admin-routes';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeContext } from '../../src/node-red/types';
import { EcomapError } from '../../src/signals/errors';
import { FakeRed } from '../support/fake-red';
import { helper, startFlow, stopFlow, watchers } from '../support/node-helper';

const echo = defineNode({
  type: 'ecomap-echo',
  config: z.object({ factor: z.coerce.number().positive().default(2), list: z.array(z.number()).default([1]) }),
  start: (node) => ({
    input(message, send) {
      if (message.payload === 'bad') throw new EcomapError('INVALID_MESSAGE', 'payload is bad: send something else');
      node.status({ fill: 'green', shape: 'dot', key: 'status.ready' });
      message.payload = Number(message.payload) * node.config.factor;
      send(message);
    },
  }),
});

const out = { id: 'out', type: 'helper', z: 'tab', wires: [] };

describe('defineNode in Node-RED', () => {
  afterEach(stopFlow);

  it('sends, completes, shows its status and reports a code to Catch', async () => {
    const flow = await startFlow(
      [echo],
      [{ id: 'echo', type: 'ecomap-echo', z: 'tab', factor: '3', wires: [['out']] }, out, ...watchers(['echo'])],
    );
    flow.send('echo', { payload: 2, other: 'kept' });
    const message = await flow.waitFor('out');
    assert.equal(message.payload, 6);
    assert.equal(message.other, 'kept');
    await flow.waitFor('completed');
    assert.equal((await flow.waitFor('statuses')).status?.text, 'status.ready');
    flow.send('echo', { payload: 'bad', other: 'kept' });
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'INVALID_MESSAGE');
    assert.equal(caught.error?.message, 'payload is bad: send something else');
    assert.equal(caught.other, 'kept');
    assert.equal(flow.received('completed').length, 1);
  });

  it('keeps a node with a wrong config deployed: red, and each message ends in Catch with INVALID_CONFIG', async () => {
    const flow = await startFlow(
      [echo],
      [{ id: 'echo', type: 'ecomap-echo', z: 'tab', factor: 'many', wires: [['out']] }, out, ...watchers(['echo'])],
    );
    assert.deepEqual((await flow.waitFor('statuses')).status, {
      fill: 'red',
      shape: 'ring',
      text: 'adapter.invalidConfig',
      source: { id: 'echo', type: 'ecomap-echo', name: undefined },
    });
    for (const payload of [1, 2]) {
      flow.send('echo', { payload });
      const caught = await flow.waitFor('caught', (message) => message.payload === payload);
      assert.equal(caught.error?.code, 'INVALID_CONFIG');
      assert.match(caught.error?.message ?? '', /factor/);
    }
    assert.deepEqual(flow.received('completed'), []);
  });

  it('reports a rejection with a foreign error, without its cause object', async () => {
    const failing = defineNode({
      type: 'ecomap-failing',
      config: z.object({}),
      start: () => ({
        async input() {
          throw Object.assign(new Error('connection refused', { cause: { headers: { authorization: 'secret' } } }), {
            code: 'ECONNREFUSED',
          });
        },
      }),
    });
    const flow = await startFlow(
      [failing],
      [{ id: 'f', type: 'ecomap-failing', z: 'tab', wires: [] }, ...watchers(['f'])],
    );
    flow.send('f', {});
    const { error } = await flow.waitFor('caught');
    assert.equal(error?.code, 'ECONNREFUSED');
    assert.doesNotMatch(JSON.stringify(error), /secret/);
  });

  it('ends open messages with NODE_CLOSED when the node is redeployed while it waits', async () => {
    const waiting = defineNode({
      type: 'ecomap-waiting',
      config: z.object({}),
      start: () => ({ input: () => new Promise<void>(() => undefined) }),
    });
    const nodes = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'w', type: 'ecomap-waiting', z: 'tab', x: 1, y: 1, wires: [] },
      ...watchers(['w']).map((node) => ({ x: 1, y: 1, ...node })),
    ];
    const flow = await startFlow([waiting], nodes);
    flow.send('w', { payload: 1 });
    const ended = flow.waitFor('caught');
    await helper.setFlows(
      nodes.map((node) => ('type' in node && node.type === 'ecomap-waiting' ? { ...node, name: 'renamed' } : node)),
      'nodes',
    );
    assert.equal((await ended).error?.code, 'NODE_CLOSED');
  });

  it('gives a config node to those that refer to it, and says what is wrong with a reference', async () => {
    const contexts = new Map<string, NodeContext<object>>();
    const grid = defineNode({
      type: 'ecomap-test-grid',
      config: z.object({ zone: z.string().min(1) }),
      credentials: { token: 'password' },
      start(node) {
        node.provide('grid', { zone: node.config.zone, token: node.credentials.token });
        return {};
      },
    });
    const user = defineNode({
      type: 'ecomap-test-user',
      config: z.object({}),
      start(node) {
        contexts.set(node.id, node);
        return {};
      },
    });
    await startFlow(
      [grid, user, echo],
      [
        { id: 'good', type: 'ecomap-test-grid', zone: 'GB' },
        { id: 'broken', type: 'ecomap-test-grid', zone: '', name: 'my grid' },
        { id: 'other', type: 'ecomap-echo', z: 'tab', wires: [] },
        { id: 'user', type: 'ecomap-test-user', z: 'tab', wires: [['other'], []] },
      ],
      { credentials: { good: { token: 't' } } },
    );
    const node = contexts.get('user');
    assert.ok(node);
    assert.deepEqual(node.resource('good', 'grid'), { zone: 'GB', token: 't' });
    const refusal = (id: string | undefined, text: RegExp): void =>
      assert.throws(
        () => node.resource(id, 'grid'),
        (error: EcomapError) => error.code === 'INVALID_CONFIG' && text.test(error.message),
      );
    refusal(undefined, /No grid is chosen/);
    refusal('', /No grid is chosen/);
    refusal('gone', /gone is missing or disabled/);
    refusal('broken', /"my grid" did not start.*zone/);
    refusal('other', /is no grid/);
    assert.deepEqual(
      [0, 1, 2].map((output) => node.isWired(output)),
      [true, false, false],
    );
  });

  it('freezes the parsed config and leaves the flow alone', async () => {
    let config: { list: number[] } | undefined;
    const raw = { id: 'n', list: [1, 2], deep: { list: [3] } };
    const red = new FakeRed();
    red.load(
      defineNode({
        type: 'ecomap-frozen',
        config: z.object({ list: z.array(z.number()), deep: z.unknown() }),
        start(node) {
          config = node.config as { list: number[] };
          return {};
        },
      }),
    );
    red.deploy('ecomap-frozen', raw);
    assert.ok(config);
    assert.throws(() => config?.list.push(3), TypeError);
    assert.ok(!Object.isFrozen(raw.deep) && !Object.isFrozen(raw.deep.list));
  });

  describe('admin routes', () => {
    const answering = () =>
      defineNode({
        type: 'ecomap-routes',
        config: z.object({}),
        routes: [
          {
            method: 'post',
            path: '/ecomap/check/:id',
            permission: 'ecomap-routes.write',
            handle: ({ params, body, resource }) => {
              if (params.id === 'bad')
                throw new EcomapError('MODEL_NOT_FOUND', 'there is no such file: choose another');
              if (params.id === 'bug') throw new TypeError('x is undefined');
              return { id: params.id, body, found: resource('n', 'thing') };
            },
          },
        ],
        start(node) {
          node.provide('thing', { of: node.id });
          return {};
        },
      });

    it('answer in JSON, an EcomapError as 400 and anything else as 500', async () => {
      await startFlow([answering()], [{ id: 'n', type: 'ecomap-routes', z: 'tab', wires: [] }]);
      const post = (id: string) => helper.request().post(`/ecomap/check/${id}`);
      const good = await post('1').send({ a: 1 });
      assert.deepEqual([good.status, good.body], [200, { id: '1', body: { a: 1 }, found: { of: 'n' } }]);
      const bad = await post('bad').send({});
      assert.deepEqual(
        [bad.status, bad.body],
        [400, { code: 'MODEL_NOT_FOUND', message: 'there is no such file: choose another' }],
      );
      const bug = await post('bug').send({});
      assert.deepEqual([bug.status, bug.body], [500, { code: 'INTERNAL_ERROR', message: 'x is undefined' }]);
    });

    it('refuse a form of another site and a large body', async () => {
      await startFlow([answering()], [{ id: 'n', type: 'ecomap-routes', z: 'tab', wires: [] }]);
      const form = await helper.request().post('/ecomap/check/1').set('content-type', 'text/plain').send('{}');
      assert.equal(form.status, 415);
      const large = await helper
        .request()
        .post('/ecomap/check/1')
        .send({ text: 'x'.repeat(bodyLimitBytes) });
      assert.equal(large.status, 413);
    });

    it('are mounted once, behind their permission, however often the module is loaded', () => {
      const red = new FakeRed();
      const module = answering();
      red.load(module);
      red.load(module);
      assert.deepEqual(red.permissions, ['ecomap-routes.write']);
      assert.equal(red.routes.length, 1);
      assert.equal(red.routes[0]?.handlers.length, 2, 'the check of the permission comes before the handler');
    });
  });
});
