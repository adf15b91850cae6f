import assert from 'node:assert/strict';
import { createDevice } from '../../../src/power/device';
import { effectiveRange, PowerCap, type PowerCapOptions } from '../../../src/power/power-cap';
import { capSchema } from '../../../src/signals/cap';
import type { OperatingPoint } from '../../../src/signals/device';
import { isEcomapError } from '../../../src/signals/errors';
import type { Plan } from '../../../src/signals/plan';
import { FakeHost, ManualClock, reading, twoCoreMachine, withoutGroups } from './fakes';

const bounds = { lowGPerKwh: 100, highGPerKwh: 500 };

function makeCap(options: Partial<PowerCapOptions> = {}) {
  const clock = new ManualClock();
  const device = createDevice(twoCoreMachine(), { clock, ...withoutGroups });
  const powerCap = new PowerCap({ device, policy: { kind: 'linear', bounds }, clock, leastDwellS: 0, ...options });
  return { clock, device, powerCap };
}

const planAt = (operatingPoint: OperatingPoint, expectedW: number): Plan => ({
  planId: 'p',
  createdAt: '2025-01-01T00:00:00Z',
  tenants: [],
  operatingPoint,
  capW: null,
  powerW: { expected: expectedW, lower: expectedW, upper: expectedW },
  powerSource: 'modelled',
  feasible: true,
  why: [],
  search: { estimator: 'analytic', candidates: 1, evaluated: 1, elapsedMs: 0 },
});

const invalid = (error: unknown): boolean => isEcomapError(error) && error.code === 'INVALID_CONFIG';

describe('power cap', () => {
  it('turns a reading into a cap in force, as the message schema wants it', async () => {
    const { powerCap, device, clock } = makeCap();
    const host = new FakeHost('cpu0');
    await device.register(host);
    clock.passS(10);
    const cap = await powerCap.onCarbon(reading(300));
    assert.deepEqual(capSchema.parse(cap), cap);
    assert.equal(cap.capW, 22);
    assert.equal(cap.operatingPoint.speed, 0.6);
    assert.equal(cap.enforced, 'software');
    assert.equal(cap.power.powerW, 10);
    assert.deepEqual([cap.minimumW, cap.maximumW], [14, 30]);
    assert.equal(cap.carbon?.intensityGPerKwh, 300);
    assert.match(cap.reason, /50 % of the way.*hosts paced/);
    assert.equal(host.share, 0.6);
    assert.equal(powerCap.problem, null);
    await powerCap.release();
    assert.equal(host.share, 1);
  });

  it('follows the grid down at once and up after the dwell time', async () => {
    const { powerCap, clock } = makeCap({ leastDwellS: 60 });
    assert.equal((await powerCap.onCarbon(reading(300))).capW, 22);
    assert.equal((await powerCap.onCarbon(reading(500))).capW, 14);
    clock.passS(59);
    const held = await powerCap.onCarbon(reading(100));
    assert.equal(held.capW, 14);
    assert.match(held.reason, /highest cap, 30\.0 W; held at 14\.0 W: it may rise in 1 s/);
    clock.passS(1);
    assert.equal((await powerCap.tick()).capW, 30);
  });

  it('ignores changes under 2 % of the range unless told otherwise', async () => {
    const { powerCap } = makeCap();
    assert.equal((await powerCap.onCarbon(reading(300))).capW, 22);
    assert.equal((await powerCap.onCarbon(reading(304))).capW, 22);
    assert.equal((await powerCap.onCarbon(reading(320))).capW, 21.2);
  });

  it('falls to the safe middle when the intensity stays unknown', async () => {
    const { powerCap, clock } = makeCap({ policy: { kind: 'linear', bounds, holdUnknownS: 30 } });
    await powerCap.onCarbon(reading(500));
    assert.equal((await powerCap.onCarbon(reading(null))).capW, 14);
    clock.passS(30);
    const cap = await powerCap.tick();
    assert.equal(cap.capW, 22);
    assert.match(cap.reason, /unknown for 30 s: safe middle/);
  });

  it('warns of dearer inferences by the work on offer once a plan tells it, for as long as that is believed', async () => {
    const { powerCap, device, clock } = makeCap();
    const warned = async (): Promise<string | undefined> => (await powerCap.onCarbon(reading(500))).energyWarning?.load;
    assert.equal(await warned(), 'always busy');
    // A quota leaves the clocks as they are: the work on offer costs the same at any of them.
    const plan = planAt(device.operatingPointInForce(), 11);
    assert.equal(await powerCap.onPlan(plan), null, 'this policy leaves nothing to the planner');
    assert.equal(await warned(), undefined);
    clock.passS(3600);
    assert.equal(await warned(), 'always busy');
  });

  it('answers readings in order', async () => {
    const { powerCap } = makeCap();
    const caps = await Promise.all([100, 500, 300].map((intensity) => powerCap.onCarbon(reading(intensity))));
    assert.deepEqual(
      caps.map(({ capW, carbon }) => [capW, carbon?.intensityGPerKwh]),
      [
        [30, 100],
        [14, 500],
        [22, 300],
      ],
    );
  });

  it('takes a fixed cap at its word, also outside of what the device is modelled to draw', async () => {
    const high = await makeCap({ policy: { kind: 'fixed', capW: 500 } }).powerCap.tick();
    assert.deepEqual([high.capW, high.capUnreachable, high.maximumW], [500, false, 500]);
    const low = await makeCap({ policy: { kind: 'fixed', capW: 1 } }).powerCap.tick();
    assert.deepEqual([low.capW, low.capUnreachable, low.enforced], [1, true, 'none'], 'idle alone draws more');
    const limits = { minimumW: 12, maximumW: 20 };
    assert.equal((await makeCap({ policy: { kind: 'fixed', capW: 500 }, limits }).powerCap.tick()).capW, 20);
    assert.equal((await makeCap({ policy: { kind: 'fixed', capW: 1 }, limits }).powerCap.tick()).capW, 12);
  });

  it('keeps a fixed cap without any reading', async () => {
    const { powerCap } = makeCap({ policy: { kind: 'fixed', capW: 18 } });
    assert.equal(powerCap.canTick, true);
    const cap = await powerCap.tick();
    assert.deepEqual([cap.capW, cap.policy, cap.carbon], [18, 'fixed', null]);
    assert.equal((await powerCap.onCarbon(reading(500))).capW, 18);
  });

  it('says that another power cap is stricter, and gives way to it in its message', async () => {
    const { powerCap, device } = makeCap({ policy: { kind: 'fixed', capW: 25 } });
    const other = new PowerCap({ device, policy: { kind: 'fixed', capW: 18 } });
    assert.equal((await powerCap.tick()).capW, 25);
    await other.tick();
    const cap = await powerCap.tick();
    assert.deepEqual([cap.capW, cap.operatingPoint.speed], [18, 0.4]);
    assert.match(cap.reason, /fixed at 25\.0 W; another power cap holds this device at 18\.0 W/);
    await other.release();
    assert.equal((await powerCap.tick()).capW, 25);
  });

  it('knows a cap before the next reading when an earlier one is handed to it', async () => {
    const { powerCap } = makeCap({ reading: reading(500) });
    assert.equal(powerCap.canTick, true);
    assert.equal((await powerCap.tick()).capW, 14);
  });

  it('leaves the device to whoever capped it last', async () => {
    const { powerCap, device } = makeCap({ policy: { kind: 'fixed', capW: 18 } });
    const other = new PowerCap({ device, policy: { kind: 'fixed', capW: 21 } });
    await powerCap.tick();
    await other.tick();
    await powerCap.release();
    assert.equal(device.operatingPointInForce().speed, 0.5);
    await other.release();
    assert.equal(device.operatingPointInForce().speed, 1);
  });

  it('still tells the cap when it cannot be enforced, with the reason', async () => {
    const { powerCap, device } = makeCap();
    const host = new FakeHost('cpu1');
    host.claims = 1;
    await device.register(host);
    const cap = await powerCap.onCarbon(reading(300));
    assert.deepEqual([cap.capW, cap.enforced, cap.operatingPoint.speed], [22, 'none', 1]);
    assert.match(cap.reason, /told to work 60 %/);
    assert.equal(powerCap.problem?.code, 'CAP_NOT_ENFORCEABLE');
  });

  it('refuses settings that cannot be', () => {
    assert.throws(() => makeCap({ policy: { kind: 'fixed', capW: Number.NaN } }), invalid);
    assert.throws(() => makeCap({ policy: { kind: 'linear', bounds: { lowGPerKwh: 5, highGPerKwh: 5 } } }), invalid);
    assert.throws(() => makeCap({ limits: { minimumW: 20, maximumW: 10 } }), invalid);
    assert.throws(() => makeCap({ limits: { minimumW: Number.NaN, maximumW: 10 } }), invalid);
    assert.throws(() => makeCap({ hardLimits: { minimumW: 20, maximumW: 10 } }), invalid);
    assert.throws(() => makeCap({ limits: { minimumW: 0, maximumW: 0 } }), invalid);
    assert.throws(() => makeCap({ limits: { minimumW: 0, maximumW: 20 } }), invalid);
    assert.throws(() => makeCap({ actuator: 'simulated' }), invalid);
  });

  it('takes its range from the flow, else from the device, and never leaves that of settings.js', () => {
    const device = { capRange: { minimumW: 14, maximumW: 30 } };
    const unset = { minimumW: null, maximumW: null };
    const range = (limits = unset as PowerCapOptions['limits'], hard = unset as PowerCapOptions['limits']) => {
      const { minimumW, maximumW } = effectiveRange(device.capRange, limits, hard);
      return [minimumW, maximumW];
    };
    assert.deepEqual(range(), [14, 30]);
    assert.deepEqual(range({ minimumW: 5, maximumW: 50 }), [5, 50]);
    assert.deepEqual(range({ minimumW: null, maximumW: 12 }), [12, 12]);
    assert.deepEqual(range({ minimumW: 40, maximumW: null }), [40, 40]);
    assert.deepEqual(range({ minimumW: 5, maximumW: 50 }, { minimumW: 10, maximumW: 25 }), [10, 25]);
    assert.deepEqual(range(unset, { minimumW: null, maximumW: 20 }), [14, 20]);
    assert.deepEqual(range(unset, { minimumW: null, maximumW: 9 }), [9, 9]);
  });
});
