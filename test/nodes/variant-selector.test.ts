import assert from 'node:assert/strict';
import { once, type EventEmitter } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import variantSelector from '../../nodes/variant-selector/variant-selector';
import { defineNode } from '../../src/node-red/defineNode';
import type { Variants } from '../../src/signals/variants';
import type { Alternative, Violated } from '../../src/signals/violated';
import { helper, startFlow, stopFlow, watchers, type CaughtMessage } from '../support/node-helper';
import { fourVariants, telemetry, tenant, tenantWindow } from '../support/planning-fixtures';

const tenantNode = defineNode({
  type: 'ecomap-tenant',
  config: z.object({ tenantName: z.string() }),
  start(node) {
    node.provide('tenant', { tenant: tenant(node.config.tenantName) });
    return {};
  },
});

const selector = (settings: object = {}) => ({
  id: 'selector',
  type: 'ecomap-variant-selector',
  z: 'tab',
  tenant1: 't1',
  tenant2: 't2',
  upAfterS: '0.3',
  dwellS: '0',
  wires: [['variants']],
  ...settings,
});
const flowOf = (settings?: object) => [
  { id: 't1', type: 'ecomap-tenant', tenantName: 'inspect' },
  { id: 't2', type: 'ecomap-tenant', tenantName: 'a tenant with a long name' },
  selector(settings),
  { id: 'variants', type: 'helper', z: 'tab', wires: [] },
  ...watchers(['selector']),
];

const others = (current: string, excess: number): Alternative[] =>
  fourVariants
    .filter(([name]) => name !== current)
    .map(([name, accuracy]) => ({
      tenant: 'inspect',
      variant: name,
      accuracy,
      latencyMs: { expected: 20, lower: 10, upper: 40 },
      powerW: { expected: 8, lower: 7, upper: 9 },
      feasible: excess === 0,
      excess,
    }));

function violated(current: string, breaks: boolean): Violated {
  return {
    planId: 'p1',
    capW: 10,
    violations: breaks
      ? [{ tenant: 'inspect', variant: current, constraint: 'latency', origin: 'predicted', value: 200, limit: 150 }]
      : [],
    excess: breaks ? 0.33 : 0,
    current: { inspect: current },
    alternatives: others(current, 0),
  };
}

const chosen = (message: CaughtMessage): string | undefined =>
  (message.payload as Variants).choices.find(({ tenant: name }) => name === 'inspect')?.chosen;

describe('variant-selector', () => {
  afterEach(stopFlow);

  it('answers a violation with a lighter variant on the same message, then goes back up after the wait', async () => {
    const flow = await startFlow([tenantNode, variantSelector], flowOf());
    await flow.waitFor('statuses', ({ status }) => status?.text === 'status.full' && status.fill === 'green');
    flow.send('selector', { topic: 'ecomap/violated', payload: violated('full', true), shift: 'night' });
    const down = await flow.waitFor('variants');
    assert.equal(down.topic, 'ecomap/variants');
    assert.equal(down.shift, 'night');
    assert.equal(chosen(down), 'medium');
    await flow.waitFor('completed');
    await flow.waitFor('statuses', ({ status }) => status?.text === 'status.one' && status.fill === 'yellow');

    const rounds = setInterval(
      () => flow.send('selector', { topic: 'ecomap/violated', payload: violated('medium', false) }),
      50,
    );
    try {
      const up = await flow.waitFor('variants', (message) => chosen(message) === 'full');
      assert.match((up.payload as Variants).reason, /back up/);
    } finally {
      clearInterval(rounds);
    }
  });

  it('is silent when nothing has to change', async () => {
    const flow = await startFlow([tenantNode, variantSelector], flowOf({ upAfterS: 3600 }));
    for (let times = 1; times <= 3; times += 1) {
      flow.send('selector', { topic: 'ecomap/violated', payload: violated('full', false), times });
      flow.send('selector', { topic: 'ecomap/telemetry', payload: telemetry([tenantWindow('inspect')]), times });
      await flow.waitFor('completed', (message) => message.times === times && message.topic === 'ecomap/telemetry');
    }
    assert.equal(flow.received('completed').length, 6);
    assert.deepEqual(flow.received('variants'), []);
  });

  it('answers telemetry that shows a broken limit twice', async () => {
    const flow = await startFlow([tenantNode, variantSelector], flowOf());
    const late = telemetry([tenantWindow('inspect', { late: 10 })]);
    flow.send('selector', { topic: 'ecomap/telemetry', payload: late });
    flow.send('selector', { topic: 'ecomap/telemetry', payload: late });
    const answer = await flow.waitFor('variants');
    assert.equal(chosen(answer), 'medium');
    assert.match((answer.payload as Variants).reason, /observed/);
    assert.equal(flow.received('variants').length, 1);
  });

  it('keeps over a redeploy what the day has given up in accuracy, and forgets it when it is removed', async () => {
    const userDir = await mkdtemp(join(tmpdir(), 'ecomap-selector-'));
    try {
      const flow = await startFlow([tenantNode, variantSelector], flowOf(), { settings: { userDir } });
      const redeployWith = (nodes: readonly object[]): Promise<void> =>
        helper.setFlows(
          [
            { id: 'tab', type: 'tab', label: 'test' },
            ...nodes.map((node) => ('z' in node ? { x: 1, y: 1, ...node } : node)),
          ],
          'full',
        );
      /** `small`, 5 points below the best, answers a request a second; so many minutes after noon. */
      const at = (minutes: number, breaks: boolean): object => ({
        topic: 'ecomap/violated',
        payload: {
          ...violated('small', breaks),
          alternatives: others('small', breaks ? 0 : 1),
          expectedW: 9,
          ratePerS: { inspect: 1 },
          quality: {
            allowancePt: 1,
            at: new Date(Date.UTC(2026, 0, 5, 12, minutes)).toISOString(),
            intensityGPerKwh: 300,
            outlook: [],
            outlookFrom: 'nothing',
          },
        },
      });
      /** A round that nothing follows from, and one whose answer tells the account. */
      const lostPtAt = async (from: number, to: number): Promise<number | undefined> => {
        const answer = once(flow.node('variants') as unknown as EventEmitter, 'input');
        flow.send('selector', { ...at(from, false) });
        flow.send('selector', { ...at(to, true) });
        const [message] = (await answer) as [CaughtMessage];
        return (message.payload as Variants).price?.lostPt;
      };

      assert.equal((await lostPtAt(0, 60))?.toFixed(6), '5.000000');
      await redeployWith(flowOf({ upAfterS: 0.4 }));
      assert.equal((await lostPtAt(90, 90))?.toFixed(6), '5.000000', 'the allowance is granted again');
      const folder = join(userDir, 'ecomap', 'accuracy');
      assert.deepEqual(await readdir(folder), ['selector.json']);
      await redeployWith([]);
      assert.deepEqual(await readdir(folder), []);
      await redeployWith(flowOf());
      assert.equal(await lostPtAt(120, 120), 0);
    } finally {
      await stopFlow();
      await rm(userDir, { recursive: true, force: true });
    }
  });

  it('counts tenants in its status where a name would be too long', async () => {
    const flow = await startFlow([tenantNode, variantSelector], flowOf());
    const current = { inspect: 'full', 'a tenant with a long name': 'tiny' };
    flow.send('selector', { topic: 'ecomap/violated', payload: { ...violated('full', false), current } });
    await flow.waitFor('statuses', ({ status }) => status?.text === 'status.several');
  });

  it('reports a message that it does not understand', async () => {
    const flow = await startFlow([tenantNode, variantSelector], flowOf());
    flow.send('selector', { topic: 'ecomap/violated', payload: { planId: 7 } });
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'INVALID_MESSAGE');
    assert.match(caught.error?.message ?? '', /planId/);
    flow.send('selector', { topic: 'ecomap/cap', payload: {} });
    await flow.waitFor(
      'caught',
      ({ error }) => error?.message.includes('ecomap/violated or ecomap/telemetry') ?? false,
    );
  });

  it('says what is wrong with its settings', async () => {
    const flow = await startFlow([tenantNode, variantSelector], flowOf({ upAfterS: 'soon' }));
    flow.send('selector', { topic: 'ecomap/violated', payload: violated('full', true) });
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'INVALID_CONFIG');
    assert.match(caught.error?.message ?? '', /upAfterS/);
  });
});
