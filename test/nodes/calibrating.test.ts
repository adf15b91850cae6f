import assert from 'node:assert/strict';
import { z } from 'zod';
import deviceNode from '../../nodes/device/device';
import type { CalibrationOfDevice } from '../../nodes/device/calibration-routes';
import { Calibrating } from '../../nodes/mapping-estimator/calibrating';
import type { CalibrationOffers } from '../../nodes/shared/calibration-offers';
import { defineNode } from '../../src/node-red/defineNode';
import { calibrationStatusSchema, type CalibrationStatus } from '../../src/signals/calibration';
import { parseControlMessage } from '../../src/signals/message';
import { helper, startFlow, stopFlow, watchers, type CaughtMessage } from '../support/node-helper';
import { calibrationSummary, ScriptedCalibration } from '../support/scripted-calibration';

const statusOf = (message: CaughtMessage): CalibrationStatus => calibrationStatusSchema.parse(message.payload);

/** Timers that run out when the test says so. */
class ManualTimers {
  readonly #pending: { readonly delayMs: number; readonly action: () => void }[] = [];

  readonly after = (delayMs: number, action: () => void): (() => void) => {
    const timer = { delayMs, action };
    this.#pending.push(timer);
    return () => {
      const at = this.#pending.indexOf(timer);
      if (at >= 0) this.#pending.splice(at, 1);
    };
  };

  /** What is being waited for, ms. */
  get pendingMs(): number[] {
    return this.#pending.map(({ delayMs }) => delayMs);
  }

  runOut(): void {
    for (const { action } of this.#pending.splice(0)) action();
  }
}

describe('the calibration of a device', () => {
  let scripted: Map<string, ScriptedCalibration>;
  /** In the place of the clock, where a test wants to be independent of it. */
  let timers: ManualTimers | null = null;

  /** Stands for a mapping-estimator: all of it that has to do with calibration. */
  const estimator = defineNode({
    type: 'ecomap-mapping-estimator',
    config: z.object({ device: z.string() }),
    start(node) {
      const calibration = scripted.get(node.id);
      assert.ok(calibration);
      const calibrating = new Calibrating({
        node: timers === null ? node : { ...node, after: timers.after },
        offers: node.resource<CalibrationOffers>(node.config.device, 'calibrations'),
        offer: { by: node.label, tenants: ['inspect', 'gauge'], samples: 160, calibration },
      });
      return {
        input(message) {
          if (message.topic === 'plan') {
            return calibrating.showPlanning({ fill: 'green', shape: 'dot', key: 'status.plan' });
          }
          const { payload } = parseControlMessage(message, ['calibrate']);
          return calibrating.onMessage(payload, message);
        },
        close: () => calibrating.close(),
      };
    },
  });

  const flowOf = (ids: readonly string[] = ['one']): object[] => [
    { id: 'device', type: 'ecomap-device', hardware: 'laptop' },
    ...ids.map((id) => ({
      id,
      type: 'ecomap-mapping-estimator',
      z: 'tab',
      name: `planner ${id}`,
      device: 'device',
      wires: [['plans'], [], ['told']],
    })),
    { id: 'plans', type: 'helper', z: 'tab', wires: [] },
    { id: 'told', type: 'helper', z: 'tab', wires: [] },
    ...watchers(ids),
  ];
  const start = (ids?: readonly string[]) => startFlow([deviceNode, estimator], flowOf(ids));
  const url = '/ecomap/device/device/calibration';
  const look = async (): Promise<CalibrationOfDevice> => (await helper.request().get(url)).body as CalibrationOfDevice;
  const press = async (body: unknown) => helper.request().post(url).set('content-type', 'application/json').send(body);

  beforeEach(() => {
    timers = null;
    scripted = new Map(['one', 'two'].map((id) => [id, new ScriptedCalibration()]));
  });
  afterEach(stopFlow);

  const one = (): ScriptedCalibration => {
    const calibration = scripted.get('one');
    assert.ok(calibration);
    return calibration;
  };

  it('starts by a message, tells how it gets on at most once a second, and is done when it has ended', async () => {
    const clock = new ManualTimers();
    timers = clock;
    const flow = await start();
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start', samples: 80 }, shift: 'night' });
    const first = await flow.waitFor('told');
    assert.equal(first.topic, 'ecomap/calibration');
    assert.equal(first.shift, 'night');
    assert.equal(statusOf(first).phase, 'measuring');
    assert.deepEqual(one().asked, ['start 80']);
    for (let done = 1; done <= 45; done += 1) one().become({ done, secondsLeft: 170 });
    // Messages arrive in the order in which they were sent: had there been one of less than 45, it would be there.
    assert.deepEqual(clock.pendingMs, [1000]);
    clock.runOut();
    const later = await flow.waitFor('told', (message) => statusOf(message).done === 45);
    assert.equal(flow.received('told').length, 2, 'more than one a second');
    assert.equal(statusOf(later).secondsLeft, 170);
    assert.deepEqual(flow.received('completed'), []);
    one().become({ phase: 'training', done: 3, total: 20, secondsLeft: 2 });
    assert.deepEqual(clock.pendingMs, [1000]);
    one().become({ phase: 'done', secondsLeft: null, summary: calibrationSummary() });
    assert.deepEqual(clock.pendingMs, [], 'what was overtaken by the end is still told');
    const last = await flow.waitFor('told', (message) => statusOf(message).phase === 'done');
    assert.equal(statusOf(last).summary?.after.latencyMapePct, 7.2);
    assert.equal(last.shift, 'night');
    assert.equal(flow.received('told').length, 3, 'what was overtaken by the end is told before it');
    await flow.waitFor('completed');
    // Another message goes the same way: what was still to come of the first one would come before it.
    flow.send('one', { topic: 'plan' });
    await flow.waitFor('completed', (message) => message.topic === 'plan');
    assert.equal(flow.received('completed').length, 2);
    assert.equal(flow.received('told').length, 3);
    assert.deepEqual(flow.received('plans'), []);
    assert.deepEqual(flow.received('caught'), []);
  });

  it('tells at once again when nothing was told for a second', async () => {
    const clock = new ManualTimers();
    timers = clock;
    const flow = await start();
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start' } });
    await flow.waitFor('told');
    clock.runOut();
    assert.deepEqual(clock.pendingMs, []);
    one().become({ done: 7 });
    await flow.waitFor('told', (message) => statusOf(message).done === 7);
    assert.equal(flow.received('told').length, 2);
    one().cancel();
    await flow.waitFor('completed');
  });

  it('comes before planning in the status of the node, and gives way to it afterwards', async () => {
    const flow = await start();
    flow.send('one', { topic: 'plan' });
    await flow.waitFor('statuses', ({ status }) => status?.text === 'status.plan');
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start' } });
    flow.send('one', { topic: 'plan' });
    const { status } = await flow.waitFor('statuses', (message) => message.status?.fill === 'blue');
    assert.deepEqual([status?.shape, status?.text], ['ring', 'status.calibration.measuring']);
    assert.deepEqual(one().asked, ['start undefined'], 'the setting of the node is its own affair');
    one().become({ phase: 'done', summary: calibrationSummary({ kept: false, reason: 'it was no better' }) });
    await flow.waitFor('statuses', () => flow.received('statuses').at(-1)?.status?.text === 'status.plan');
  });

  it('is cancelled by a message; both messages are done', async () => {
    const flow = await start();
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start' } });
    await flow.waitFor('told');
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'cancel' } });
    const last = await flow.waitFor('told', (message) => statusOf(message).phase === 'cancelled');
    assert.notEqual(last.payload, one().status(), 'who gets the message could change the status');
    await flow.waitFor('completed', () => flow.received('completed').length === 2);
    assert.deepEqual(flow.received('caught'), []);
  });

  it('reports a failure to Catch, once, with the message that started it or without', async () => {
    const flow = await start();
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start' }, shift: 'night' });
    await flow.waitFor('told');
    one().become({ phase: 'failed', code: 'HOST_CRASHED', text: 'the process that measures ended twice' });
    const caught = await flow.waitFor('caught');
    assert.deepEqual([caught.error?.code, caught.shift], ['HOST_CRASHED', 'night']);
    await flow.waitFor('statuses', ({ status }) => status?.text === 'status.calibrationFailed');
    assert.equal((await press({ action: 'start' })).status, 200);
    one().become({ phase: 'failed', code: 'a code of another time', text: 'it did not work' });
    const other = await flow.waitFor('caught', ({ error }) => error?.message === 'it did not work');
    assert.equal(other.error?.code, 'INTERNAL_ERROR');
    // Failed again before it could do anything.
    one().become({ phase: 'failed', code: 'RUNTIME_UNAVAILABLE', text: 'there is nothing to train with' });
    await flow.waitFor('caught', ({ error }) => error?.code === 'RUNTIME_UNAVAILABLE');
    assert.equal(flow.received('caught').length, 3);
    assert.deepEqual(flow.received('completed'), []);
  });

  it('says nothing of what an earlier run has left until it is asked', async () => {
    const flow = await start();
    one().become({ phase: 'interrupted', done: 45, total: 160, text: '45 of 160 co-locations are measured' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(flow.received('told'), []);
    assert.equal((await look()).status?.phase, 'interrupted');
  });

  it('is not done with a message to start before it has begun', async () => {
    const flow = await start();
    const calibration = one();
    const asked = new Promise<void>((resolve) => (calibration.start = () => resolve()));
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start' } });
    await asked;
    calibration.become({ phase: 'interrupted', done: 45, total: 160 });
    calibration.become({ phase: 'profiling', total: 12 });
    const first = await flow.waitFor('told');
    assert.equal(statusOf(first).phase, 'profiling');
    assert.deepEqual(flow.received('completed'), []);
    calibration.cancel();
    await flow.waitFor('completed');
  });

  it('refuses what it does not understand', async () => {
    const flow = await start();
    for (const payload of [{ action: 'stop' }, { action: 'start', samples: 3 }, 'start', null]) {
      flow.send('one', { topic: 'ecomap/calibrate', payload });
    }
    await flow.waitFor('caught', () => flow.received('caught').length === 4);
    assert.ok(flow.received('caught').every(({ error }) => error?.code === 'INVALID_MESSAGE'));
    assert.deepEqual(one().asked, []);
  });

  it('ends with the node, and leaves nothing behind', async () => {
    const flow = await start();
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start' } });
    await flow.waitFor('told');
    assert.ok(one().listeners > 0);
    await stopFlow();
    assert.equal(one().listeners, 0);
  });

  it('is shown, started and cancelled by the form of the device', async () => {
    await start();
    const idle = await look();
    assert.deepEqual(idle.offer, { by: 'planner one', tenants: ['inspect', 'gauge'], samples: 160 });
    assert.equal(idle.status?.phase, 'idle');
    const started = await press({ action: 'start' });
    assert.equal((started.body as CalibrationOfDevice).status?.phase, 'measuring');
    one().become({ done: 12 });
    assert.equal((await look()).status?.done, 12);
    assert.equal(((await press({ action: 'cancel' })).body as CalibrationOfDevice).status?.phase, 'cancelled');
    assert.deepEqual(one().asked, ['start undefined', 'cancel']);
    const refused = await press({ action: 'explode' });
    assert.deepEqual([refused.status, (refused.body as { code: string }).code], [400, 'INVALID_MESSAGE']);
  });

  it('says when nobody offers it, and when the device is not deployed', async () => {
    await start([]);
    assert.deepEqual(await look(), { deployed: true, offer: null, status: null });
    const refused = await press({ action: 'start' });
    assert.equal(refused.status, 400);
    assert.match((refused.body as { message: string }).message, /no mapping-estimator uses this device/);
    const missing = await helper.request().get('/ecomap/device/nobody/calibration');
    assert.deepEqual(missing.body, { deployed: false, offer: null, status: null });
  });

  it('runs once at a time on a device, and the form shows the one that runs', async () => {
    const flow = await start(['one', 'two']);
    assert.equal((await look()).offer?.by, 'planner one');
    flow.send('two', { topic: 'ecomap/calibrate', payload: { action: 'start' } });
    await flow.waitFor('told');
    assert.equal((await look()).offer?.by, 'planner two');
    flow.send('one', { topic: 'ecomap/calibrate', payload: { action: 'start' } });
    const { error } = await flow.waitFor('caught');
    assert.equal(error?.code, 'INVALID_MESSAGE');
    assert.match(error?.message ?? '', /"planner two" is calibrating this device already/);
    assert.deepEqual(one().asked, []);
  });
});

describe('the routes of a calibration', () => {
  it('need permissions: to look is to read, to start and to cancel is to write', async () => {
    const { calibrationRoutes } = await import('../../nodes/device/calibration-routes');
    assert.deepEqual(
      calibrationRoutes.map(({ method, permission }) => `${method} ${permission}`),
      ['get ecomap-device.read', 'post ecomap-device.write'],
    );
  });
});
