import assert from 'node:assert/strict';
import { z } from 'zod';
import deviceNode from '../../nodes/device/device';
import powerCap from '../../nodes/power-cap/power-cap';
import { defineNode } from '../../src/node-red/defineNode';
import type { Device } from '../../src/power/device';
import { capSchema } from '../../src/signals/cap';
import type { ThrottleTarget } from '../../src/signals/device';
import { helper, startFlow, stopFlow, watchers } from '../support/node-helper';
import { reading } from '../unit/power/fakes';

/** Stands for the executor: a host that is paced, and tells its share when asked. */
const host = defineNode({
  type: 'ecomap-test-host',
  config: z.object({ device: z.string(), obeys: z.boolean().default(true) }),
  start(node) {
    let share = 1;
    const target: ThrottleTarget = {
      component: node.resource<Device>(node.config.device, 'device').components[0]?.name ?? '',
      pid: 999_999,
      cpuSeconds: () => 0,
      pace(asked) {
        if (node.config.obeys) share = asked;
        return Promise.resolve(share);
      },
    };
    const registered = node.resource<Device>(node.config.device, 'device').register(target);
    return {
      async input(message, send) {
        await registered;
        send({ ...message, payload: share });
      },
    };
  },
});

const modules = [deviceNode, powerCap, host];
const carbon = (intensity: number | null) => ({ topic: 'ecomap/carbon', payload: reading(intensity), kept: 'yes' });
const byHand = { bounds: 'manual', cleanGPerKwh: '100', dirtyGPerKwh: '500', leastDwellS: 0 };

const flowWith = (settings: object, more: object[] = []) => [
  { id: 'device', type: 'ecomap-device', hardware: 'laptop' },
  { id: 'cap', type: 'ecomap-power-cap', z: 'tab', device: 'device', wires: [['out']], ...settings },
  { id: 'out', type: 'helper', z: 'tab', wires: [] },
  ...watchers(['cap']),
  ...more,
];

describe('power-cap', () => {
  afterEach(async () => {
    // A node that is removed leaves nothing to its successor in the next test; one that is only stopped does.
    await helper.setFlows([], 'full');
    await stopFlow();
  });

  it('answers a carbon reading with the cap in force, in the message it received', async () => {
    const flow = await startFlow(modules, flowWith(byHand));
    flow.send('cap', carbon(500));
    const message = await flow.waitFor('out');
    assert.equal(message.topic, 'ecomap/cap');
    assert.equal(message.kept, 'yes');
    const cap = capSchema.parse(message.payload);
    assert.equal(cap.capW, cap.minimumW);
    assert.equal(cap.operatingPoint.name, 'clock 20 %');
    assert.equal(cap.enforced, 'simulated');
    assert.equal(cap.power.source, 'simulated');
    assert.equal(cap.carbon?.intensityGPerKwh, 500);
    await flow.waitFor('completed');
    const status = await flow.waitFor('statuses', (message) => message.status?.fill === 'green');
    assert.match(status.status?.text ?? '', /cap/);
  });

  it('slows the hosts down, and gives them their speed back when it is removed', async () => {
    const hosts = [
      { id: 'host', type: 'ecomap-test-host', z: 'tab', device: 'device', wires: [['shares']] },
      { id: 'shares', type: 'helper', z: 'tab', wires: [] },
    ];
    const flow = await startFlow(modules, flowWith(byHand, hosts));
    flow.send('cap', carbon(500));
    await flow.waitFor('out');
    flow.send('host', {});
    assert.equal((await flow.waitFor('shares')).payload, 0.2);
    await helper.setFlows(
      [
        { id: 'tab', type: 'tab' },
        ...flowWith(byHand, hosts)
          .filter((node) => (node as { id: string }).id !== 'cap')
          .map((node) => ('wires' in node ? { x: 100, y: 100, ...node } : node)),
      ],
      'nodes',
    );
    flow.send('host', { after: true });
    assert.equal((await flow.waitFor('shares', (message) => message['after'] === true)).payload, 1);
  });

  it('caps the device again after it alone was deployed anew, without waiting for a reading', async () => {
    const flow = await startFlow(modules, flowWith(byHand));
    flow.send('cap', carbon(500));
    await flow.waitFor('out');
    const received = flow.received('out').length;
    await helper.setFlows(
      [
        { id: 'tab', type: 'tab' },
        ...flowWith({ ...byHand, leastChangeW: 1 }).map((node) =>
          'wires' in node ? { x: 100, y: 100, ...node } : node,
        ),
      ],
      'nodes',
    );
    const again = await flow.waitFor('out', (message) => flow.received('out').indexOf(message) >= received);
    const cap = capSchema.parse(again.payload);
    assert.deepEqual([cap.operatingPoint.name, cap.carbon?.intensityGPerKwh], ['clock 20 %', 500]);
  });

  it('is not disturbed by a flow that changes the message it received', async () => {
    const flow = await startFlow(modules, flowWith(byHand));
    flow.send('cap', carbon(500));
    const first = capSchema.parse((await flow.waitFor('out')).payload);
    const { payload } = await flow.waitFor('out');
    (payload as { operatingPoint: { idleW: number } }).operatingPoint.idleW = 1000;
    flow.send('cap', { ...carbon(500), second: true });
    const second = capSchema.parse((await flow.waitFor('out', (message) => message['second'] === true)).payload);
    assert.deepEqual(second.operatingPoint, first.operatingPoint);
  });

  it('sends a fixed cap by itself at the start, within the limits of settings.js', async () => {
    const settings = { ecomap: { power: { maximumW: 10 } } };
    const flow = await startFlow(modules, flowWith({ policy: 'fixed', fixedW: '18' }), { settings });
    const cap = capSchema.parse((await flow.waitFor('out')).payload);
    assert.deepEqual([cap.capW, cap.maximumW, cap.policy, cap.carbon], [10, 10, 'fixed', null]);
    assert.match(cap.reason, /highest allowed cap/);
  });

  it('follows watts that come by message, and refuses what are none', async () => {
    const flow = await startFlow(modules, flowWith({ policy: 'external' }));
    const first = capSchema.parse((await flow.waitFor('out')).payload);
    assert.match(first.reason, /no number of watts has come by message yet: safe middle/);
    flow.send('cap', { topic: 'limit', payload: 12, kept: 'yes' });
    const message = await flow.waitFor('out', ({ kept }) => kept === 'yes');
    const cap = capSchema.parse(message.payload);
    assert.deepEqual([message.topic, cap.capW, cap.policy], ['ecomap/cap', 12, 'external']);
    for (const payload of [-1, Number.NaN, 0]) {
      flow.send('cap', { topic: 'limit', payload, wrong: String(payload) });
      const caught = await flow.waitFor('caught', (other) => other['wrong'] === String(payload));
      assert.equal(caught.error?.code, 'INVALID_MESSAGE');
      assert.match(caught.error?.message ?? '', /positive number of watts/);
    }
    flow.send('cap', { topic: 'limit', payload: 'a lot', wrong: 'text' });
    assert.equal((await flow.waitFor('caught', (other) => other['wrong'] === 'text')).error?.code, 'INVALID_MESSAGE');
  });

  it('says that a number is of no use to another policy', async () => {
    const flow = await startFlow(modules, flowWith(byHand));
    flow.send('cap', { topic: 'limit', payload: 12 });
    const caught = await flow.waitFor('caught');
    assert.match(caught.error?.message ?? '', /the policy is linear: choose the policy external/);
  });

  it('lets accuracy vary: the highest cap, with the allowance and what is expected of the grid', async () => {
    const flow = await startFlow(modules, flowWith({ policy: 'quality', allowancePt: '1.5' }));
    flow.send('cap', carbon(400));
    const cap = capSchema.parse((await flow.waitFor('out')).payload);
    assert.deepEqual([cap.policy, cap.capW === cap.maximumW], ['quality', true]);
    assert.deepEqual([cap.quality?.allowancePt, cap.quality?.intensityGPerKwh], [1.5, 400]);
    assert.match(cap.reason, /accuracy may give up 1\.5 points in the mean of a day/);
  });

  it('follows the operating point of a plan that is wired back, and says nothing to one that asks for nothing new', async () => {
    const flow = await startFlow(modules, flowWith({ policy: 'quality' }));
    flow.send('cap', carbon(400));
    const first = capSchema.parse((await flow.waitFor('out')).payload);
    assert.equal(first.quality?.outerW, undefined);
    const plan = {
      planId: 'p',
      createdAt: '2026-01-05T00:00:00Z',
      tenants: [],
      operatingPoint: { ...first.operatingPoint, name: 'clock 60 %', speed: 0.6 },
      capW: first.capW,
      powerW: { expected: 8, lower: 7, upper: 9 },
      powerSource: 'modelled',
      feasible: true,
      why: [],
      search: { estimator: 'test', candidates: 1, evaluated: 1, elapsedMs: 0 },
    };
    flow.send('cap', { topic: 'ecomap/plan', payload: plan, times: 1 });
    const message = await flow.waitFor('out', ({ times }) => times === 1);
    const cap = capSchema.parse(message.payload);
    assert.deepEqual([cap.operatingPoint.name, cap.quality?.outerW], ['clock 60 %', first.capW]);
    assert.match(cap.reason, /the plan asks for clock 60 %/);
    const answers = flow.received('out').length;
    flow.send('cap', { topic: 'ecomap/plan', payload: plan, times: 2 });
    await flow.waitFor('completed', ({ times }) => times === 2);
    assert.equal(flow.received('out').length, answers);
  });

  it('keeps to two levels, and to a budget', async () => {
    const flow = await startFlow(modules, flowWith({ ...byHand, policy: 'two-level' }));
    flow.send('cap', carbon(501));
    const low = capSchema.parse((await flow.waitFor('out')).payload);
    assert.deepEqual([low.policy, low.capW], ['two-level', low.minimumW]);
    await stopFlow();
    const other = await startFlow(modules, flowWith({ policy: 'budget', gramsPerDay: '100' }));
    other.send('cap', carbon(400));
    const cap = capSchema.parse((await other.waitFor('out')).payload);
    assert.equal(cap.policy, 'budget');
    assert.match(cap.reason, /100 g left of 100 g a day at 400 g\/kWh/);
  });

  it('only computes in a dry run', async () => {
    const flow = await startFlow(modules, flowWith({ ...byHand, actuator: 'none' }));
    flow.send('cap', carbon(500));
    const cap = capSchema.parse((await flow.waitFor('out')).payload);
    assert.deepEqual([cap.enforced, cap.operatingPoint.name], ['none', 'clock 100 %']);
  });

  it('holds the safe middle while the intensity is unknown', async () => {
    const flow = await startFlow(modules, flowWith(byHand));
    flow.send('cap', carbon(null));
    const cap = capSchema.parse((await flow.waitFor('out')).payload);
    assert.equal(cap.capW, (cap.minimumW + cap.maximumW) / 2);
    assert.match(cap.reason, /unknown.*safe middle/);
  });

  it('sends a message that is no carbon reading to Catch, and goes on', async () => {
    const flow = await startFlow(modules, flowWith(byHand));
    flow.send('cap', { topic: 'ecomap/carbon', payload: { ...reading(100), intensityGPerKwh: 'low' } });
    const wrong = await flow.waitFor('caught');
    assert.equal(wrong.error?.code, 'INVALID_MESSAGE');
    assert.match(wrong.error?.message ?? '', /intensityGPerKwh/);
    flow.send('cap', { topic: 'weather', payload: 1 });
    const other = await flow.waitFor('caught', (message) => message.topic === 'weather');
    assert.equal(other.error?.code, 'INVALID_MESSAGE');
    flow.send('cap', carbon(100));
    assert.ok(await flow.waitFor('out'));
  });

  it('tells Catch when the cap does not hold, and still sends it', async () => {
    const disobedient = [
      { id: 'host', type: 'ecomap-test-host', z: 'tab', device: 'device', obeys: false, wires: [[]] },
    ];
    const flow = await startFlow(modules, flowWith(byHand, disobedient));
    flow.send('cap', carbon(500));
    const cap = capSchema.parse((await flow.waitFor('out')).payload);
    assert.equal(cap.enforced, 'none');
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'CAP_NOT_ENFORCEABLE');
    const status = await flow.waitFor('statuses', (message) => message.status?.fill === 'yellow');
    assert.match(status.status?.text ?? '', /notHeld/);
  });

  for (const [what, settings, text, global] of [
    ['text for watts', { minimumW: 'low' }, /minimumW/, {}],
    ['NaN for watts', { maximumW: Number.NaN }, /maximumW/, {}],
    ['negative watts', { policy: 'fixed', fixedW: -3 }, /fixedW/, {}],
    ['a least power of nothing', { minimumW: '0' }, /least power must be above 0/, {}],
    ['a fixed cap without watts', { policy: 'fixed' }, /fixed cap needs/, {}],
    ['a budget without grams', { policy: 'budget' }, /budget needs/, {}],
    ['a budget of nothing', { policy: 'budget', gramsPerDay: '0' }, /gramsPerDay/, {}],
    ['accuracy below nothing', { policy: 'quality', allowancePt: -1 }, /allowancePt/, {}],
    ['crossed thresholds', { ...byHand, policy: 'two-level', cleanGPerKwh: 600 }, /dirty end above/, {}],
    ['crossed limits', { minimumW: 20, maximumW: 10 }, /above the most/, {}],
    ['crossed bounds', { ...byHand, cleanGPerKwh: 600 }, /dirty end above/, {}],
    ['no device', { device: '' }, /device/, {}],
    ['an unknown policy', { policy: 'lunar' }, /policy/, {}],
    ['crossed limits in settings.js', byHand, /settings\.js/, { ecomap: { power: { minimumW: 9, maximumW: 8 } } }],
    ['text in settings.js', byHand, /settings\.js/, { ecomap: { power: { maximumW: 'all' } } }],
  ] as const) {
    it(`refuses ${what} with INVALID_CONFIG`, async () => {
      const flow = await startFlow(modules, flowWith(settings), { settings: global });
      flow.send('cap', carbon(100));
      const { error } = await flow.waitFor('caught', (message) => message.topic === 'ecomap/carbon');
      assert.equal(error?.code, 'INVALID_CONFIG');
      assert.match(error?.message ?? '', text);
    });
  }
});
