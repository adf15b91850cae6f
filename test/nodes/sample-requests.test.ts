import assert from 'node:assert/strict';
import { z } from 'zod';
import sampleRequests from '../../nodes/sample-requests/sample-requests';
import { defineNode } from '../../src/node-red/defineNode';
import { startFlow, stopFlow, watchers } from '../support/node-helper';

/** Stands for the tenant config node: only a name and a family are looked at. */
const tenant = defineNode({
  type: 'ecomap-tenant',
  config: z.object({ tenantName: z.string(), family: z.string() }),
  start(node) {
    node.provide('tenant', { tenant: { name: node.config.tenantName, family: node.config.family } });
    return {};
  },
});

const tenants = [
  { id: 't1', type: 'ecomap-tenant', tenantName: 'parts', family: 'inspect' },
  { id: 't2', type: 'ecomap-tenant', tenantName: 'bearing', family: 'vibration' },
];
const out = { id: 'out', type: 'helper', z: 'tab', wires: [] };
const samples = (settings: object) => ({
  id: 'samples',
  type: 'ecomap-sample-requests',
  z: 'tab',
  wires: [['out']],
  ...settings,
});

describe('sample-requests', () => {
  afterEach(stopFlow);

  it('sends live requests to every tenant, with the truth beside the input', async () => {
    const flow = await startFlow(
      [tenant, sampleRequests],
      [...tenants, samples({ tenant1: 't1', tenant2: 't2', ratePerS: '50', poolSize: '4' }), out],
    );
    const request = await flow.waitFor('out', (message) => message.tenant === 'parts');
    await flow.waitFor('out', (message) => message.tenant === 'bearing');
    const input = request.payload as { type: string; dims: number[]; data: Float32Array };
    assert.equal(input.type, 'float32');
    assert.equal(
      input.data.length,
      input.dims.reduce((product, size) => product * size, 1),
    );
    assert.equal((request.truth as { kind: string }).kind, 'class');
  });

  it('answers an input message with one sample for the tenant it names, and keeps the rest of the message', async () => {
    const flow = await startFlow(
      [tenant, sampleRequests],
      [...tenants, samples({ tenant1: 't1', tenant2: 't2', ratePerS: 0 }), out, ...watchers(['samples'])],
    );
    flow.send('samples', { tenant: 'bearing', asked: 'by hand' });
    const message = await flow.waitFor('out');
    await flow.waitFor('completed');
    assert.equal(message.tenant, 'bearing');
    assert.equal(message.asked, 'by hand');
    flow.send('samples', {});
    await flow.waitFor('out', (other) => other.tenant === 'parts');
    assert.equal(flow.received('out').length, 3);
    assert.equal((await flow.waitFor('statuses')).status?.text, 'status.onDemand');
  });

  it('the same seed sends the same samples', async () => {
    const first: unknown[] = [];
    for (let round = 0; round < 2; round += 1) {
      const flow = await startFlow(
        [tenant, sampleRequests],
        [...tenants, samples({ tenant1: 't1', ratePerS: 0, seed: 7 }), out],
      );
      flow.send('samples', {});
      first.push((await flow.waitFor('out')).truth);
      await stopFlow();
    }
    assert.deepEqual(first[0], first[1]);
  });

  it('reports an unknown tenant on Catch and names the known ones', async () => {
    const flow = await startFlow(
      [tenant, sampleRequests],
      [...tenants, samples({ tenant1: 't1', ratePerS: 0 }), out, ...watchers(['samples'])],
    );
    flow.send('samples', { tenant: 'nobody' });
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'INVALID_MESSAGE', caught.error?.message);
    assert.match(caught.error?.message ?? '', /"nobody".*parts/);
  });

  it('refuses a tenant for which no samples can be made', async () => {
    const flow = await startFlow(
      [tenant, sampleRequests],
      [
        { id: 't3', type: 'ecomap-tenant', tenantName: 'own', family: 'my-model' },
        samples({ tenant1: 't3', ratePerS: 5 }),
        out,
        ...watchers(['samples']),
      ],
    );
    flow.send('samples', {});
    assert.equal((await flow.waitFor('caught')).error?.code, 'INVALID_CONFIG');
  });
});
