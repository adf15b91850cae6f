import assert from 'node:assert/strict';
import { z } from 'zod';
import { defineNode } from '../../src/node-red/defineNode';
import { EcomapError } from '../../src/signals/errors';
import { startFlow, stopFlow, watchers } from '../support/node-helper';

const echo = defineNode({
  type: 'ecomap-echo',
  config: z.object({
    factor: z.coerce.number().default(2),
    nested: z.object({ list: z.array(z.number()) }).optional(),
  }),
  start: (node) => ({
    input(message, send) {
      if (message.payload === 'bad') throw new EcomapError('INVALID_MESSAGE', 'payload is bad: send something else');
      node.status({ fill: 'green', shape: 'dot', key: 'status.ready' });
      send({ ...message, payload: Number(message.payload) * node.config.factor });
    },
  }),
});

describe('defineNode in Node-RED', () => {
  afterEach(stopFlow);

  it('sends, completes, shows its status and reports a code to Catch', async () => {
    const flow = await startFlow(
      [echo],
      [
        { id: 'echo', type: 'ecomap-echo', z: 'tab', factor: '3', wires: [['out']] },
        { id: 'out', type: 'helper', z: 'tab', wires: [] },
        ...watchers(['echo']),
      ],
    );
    flow.send('echo', { payload: 2, other: 'kept' });
    const out = await flow.waitFor('out');
    assert.equal(out.payload, 6);
    assert.equal(out.other, 'kept');
    await flow.waitFor('completed');
    assert.equal((await flow.waitFor('statuses')).status?.text, 'status.ready');
    flow.send('echo', { payload: 'bad' });
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'INVALID_MESSAGE');
    assert.equal(caught.error?.message, 'payload is bad: send something else');
    assert.equal(flow.received('completed').length, 1);
  });
});
