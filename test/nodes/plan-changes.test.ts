import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ChangeLog } from '../../nodes/mapping-estimator/change-log';
import mappingEstimator from '../../nodes/mapping-estimator/mapping-estimator';
import { PlanStatus } from '../../nodes/mapping-estimator/plan-status';
import powerCap from '../../nodes/power-cap/power-cap';
import { CalibrationOffers } from '../../nodes/shared/calibration-offers';
import variantSelector from '../../nodes/variant-selector/variant-selector';
import { ProfileStore } from '../../src/mapping/profiles/store';
import { defineNode } from '../../src/node-red/defineNode';
import { createDevice } from '../../src/power/device';
import type { Plan } from '../../src/signals/plan';
import type { Tenant } from '../../src/signals/tenant';
import { helper, startFlow, stopFlow, watchers, type CaughtMessage } from '../support/node-helper';
import { doublingModel, writeModel } from '../support/onnx-builder';
import { fourVariants, profile, tenant } from '../support/planning-fixtures';
import { reading, twoCoreMachine } from '../unit/power/fakes';

const offered = new Map<string, Tenant>();
const deviceNode = defineNode({
  type: 'ecomap-device',
  config: z.object({}),
  start(node) {
    // Simulated, so that nothing of this machine is set.
    const device = createDevice({ ...twoCoreMachine(), simulated: true });
    node.provide('device', device);
    node.provide('calibrations', new CalibrationOffers());
    return { close: () => device.close() };
  },
});
const tenantNode = defineNode({
  type: 'ecomap-tenant',
  config: z.object({ tenantName: z.string() }),
  start(node) {
    node.provide('tenant', { tenant: offered.get(node.config.tenantName), imported: null });
    return {};
  },
});

const planOf = (message: CaughtMessage): Plan => message.payload as Plan;
const essence = ({ tenants, operatingPoint, feasible }: Plan): string =>
  JSON.stringify([
    tenants.map(({ tenant: name, variant, stages }) => [name, variant, stages]),
    operatingPoint,
    feasible,
  ]);

describe('a day of plans in a flow', function () {
  this.timeout(30_000);
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-changes-'));
    offered.clear();
  });
  afterEach(async () => {
    await helper.setFlows([], 'full').catch(() => undefined);
    await stopFlow();
    await rm(directory, { recursive: true, force: true });
  });

  async function prepare(names: readonly string[], deviceFingerprint: string): Promise<void> {
    const store = new ProfileStore({
      directory: join(directory, 'ecomap', 'profiles'),
      warn: (text) => assert.fail(text),
    });
    await mkdir(directory, { recursive: true });
    let width = 0;
    for (const name of names) {
      const variants = [];
      for (const [variant, accuracy, runMs] of fourVariants) {
        const file = await writeModel(directory, `${name}-${variant}.onnx`, doublingModel([1, (width += 1)]));
        const componentClass = twoCoreMachine().components[0]?.componentClass ?? '';
        await store.save(profile(runMs, { modelSha256: file.sha256, deviceFingerprint, componentClass }));
        variants.push({ name: variant, accuracy, path: file.path, sha256: null });
      }
      offered.set(name, tenant(name, fourVariants, { variants, arrivalRatePerS: 8, latencyLimitMs: 300 }));
    }
  }

  it('says why with every plan that differs from the one before it, in the message, the status and the log', async () => {
    const names = ['inspect', 'gauge', 'vibration'];
    await prepare(names, twoCoreMachine().fingerprint);
    const slots = Object.fromEntries(names.map((name, index) => [`tenant${index + 1}`, `id-${name}`]));
    const flow = await startFlow(
      [deviceNode, tenantNode, powerCap, mappingEstimator, variantSelector],
      [
        { id: 'device', type: 'ecomap-device' },
        ...names.map((name) => ({ id: `id-${name}`, type: 'ecomap-tenant', tenantName: name })),
        {
          ...{ id: 'cap', type: 'ecomap-power-cap', z: 'tab', device: 'device', wires: [['estimator', 'caps']] },
          ...{ bounds: 'manual', cleanGPerKwh: '100', dirtyGPerKwh: '500', leastDwellS: 0 },
        },
        {
          ...{ id: 'estimator', type: 'ecomap-mapping-estimator', z: 'tab', device: 'device', selectorWaitMs: '2000' },
          ...{ estimator: 'analytic', ...slots, wires: [['plans'], ['selector']] },
        },
        {
          ...{ id: 'selector', type: 'ecomap-variant-selector', z: 'tab', upAfterS: '0.6', dwellS: '0', ...slots },
          wires: [['estimator']],
        },
        { id: 'plans', type: 'helper', z: 'tab', wires: [] },
        { id: 'caps', type: 'helper', z: 'tab', wires: [] },
        ...watchers(['estimator']),
      ],
      { settings: { userDir: directory } },
    );
    const beganMs = performance.now();
    await flow.waitFor('plans');
    // A day from clean to dirty and back, each hour in a moment; the last one again until everybody is back up.
    for (let hour = 0; hour <= 24; hour += 1) {
      const intensity = Math.round(300 - 200 * Math.cos((hour / 24) * 2 * Math.PI));
      const validFrom = new Date(Date.UTC(2026, 0, 5, hour)).toISOString();
      flow.send('cap', { topic: 'ecomap/carbon', payload: reading(intensity, { validFrom }), hour });
      await flow.waitFor('caps', (message) => message['hour'] === hour);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    const isUp = () => planOf(flow.received('plans').at(-1) ?? {}).tenants.every(({ variant }) => variant === 'full');
    for (let again = 0; again < 200 && !isUp(); again += 1) {
      flow.send('cap', { topic: 'ecomap/carbon', payload: reading(100), again });
      await flow.waitFor('caps', (message) => message['again'] === again);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }

    const plans = flow.received('plans').map(planOf);
    const changed = plans.filter((plan, at) => {
      const before = plans[at - 1];
      return before === undefined || essence(before) !== essence(plan);
    });
    for (const { change, why } of changed) {
      assert.ok(change !== undefined && why.includes(change.text), why.join('; '));
      assert.match(change.text, /\d|first plan/, 'figures, or that it is the first');
    }
    const causes = new Set(changed.map(({ change }) => change?.cause));
    for (const cause of ['start', 'cap', 'room'] as const) assert.ok(causes.has(cause), [...causes].join());
    const down = changed.find(({ change }) => /cap fell .* from full to /.test(change?.text ?? ''));
    assert.match(
      down?.change?.text ?? '',
      /the cap fell from [\d.]+ W to [\d.]+ W \(the grid is at \d+ g\/kWh\); .*\w+ from full to \w+ \([\d.]+ points of accuracy\): .*\d (ms|W|%)/,
    );
    assert.ok(changed.some(({ rejected }) => /does not run \w+: .*\d/.test(rejected?.[0]?.text ?? '')));
    assert.ok(isUp(), plans.at(-1)?.why.join('; '));
    assert.match(
      changed.at(-1)?.change?.text ?? '',
      /back up from \w+ to full: it has fitted for a while, with \d+ % of the nearest limit to spare/,
    );
    await flow.waitFor('statuses', ({ status }) => status?.text === 'status.plan');

    // What waits for its turn in the log is written at the latest when the node is closed.
    await helper.setFlows([], 'full');
    const logged = helper
      .log()
      .args.map(([entry]) => entry as { level: number; msg: string })
      .filter(({ msg }) => typeof msg === 'string' && msg.startsWith('Plan changed: '));
    const most = 2 + (performance.now() - beganMs) / 5000;
    assert.ok(logged.length > 0 && logged.length <= most, `${logged.length} lines`);
    for (const { change } of changed.slice(-3))
      assert.ok(
        logged.some(({ msg }) => msg.includes(change?.text ?? '?')),
        `${change?.text} was not logged`,
      );
  });
});

describe('the log of changes of plan', () => {
  it('has a line at once, then at most one in five seconds, and leaves out none of a few', () => {
    let nowMs = 0;
    const lines: string[] = [];
    const timers: { atMs: number; action: () => void }[] = [];
    const log = new ChangeLog({
      log: (text) => lines.push(text),
      clock: () => nowMs,
      after: (delayMs, action) => void timers.push({ atMs: nowMs + delayMs, action }),
    });
    log.say('one');
    assert.deepEqual(lines, ['Plan changed: one']);
    nowMs = 1000;
    log.say('two');
    log.say('three');
    assert.deepEqual([lines.length, timers.map(({ atMs }) => atMs)], [1, [5000]]);
    nowMs = 5000;
    timers[0]?.action();
    assert.equal(lines[1], 'Plan changed: two. Then: three');
    for (let number = 1; number <= 7; number += 1) log.say(`n${number}`);
    log.flush();
    assert.equal(lines[2], 'Plan changed: 2 times. Then: n3. Then: n4. Then: n5. Then: n6. Then: n7');
    log.flush();
    assert.equal(lines.length, 3);
  });
});

describe('the status of a plan', () => {
  it('names what the last change was made for, until the next one', () => {
    const shown: (string | number | undefined)[] = [];
    const status = new PlanStatus({
      show: ({ values }) => shown.push(values?.['cause']),
      warn: (text) => assert.fail(text),
      text: (key) => key,
    });
    const plan = (cause?: NonNullable<Plan['change']>['cause']): Plan => ({
      planId: 'p',
      createdAt: '2026-01-05T00:00:00Z',
      tenants: [],
      operatingPoint: { name: 'p', speed: 1, idleW: 5, activeW: {} },
      capW: 10,
      powerW: { expected: 8, lower: 7, upper: 9 },
      powerSource: 'modelled',
      feasible: true,
      why: [],
      ...(cause && { change: { cause, text: 'words' } }),
      search: { estimator: 'test', candidates: 1, evaluated: 1, elapsedMs: 0 },
    });
    for (const cause of ['start', 'cap', undefined, 'room', undefined] as const) status.onPlan(plan(cause));
    assert.deepEqual(shown, ['', ': cause.cap', ': cause.cap', ': cause.room', ': cause.room']);
  });
});
