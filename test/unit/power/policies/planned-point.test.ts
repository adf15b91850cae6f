import assert from 'node:assert/strict';
import { PlannedPoint } from '../../../../src/power/policies/planned-point';
import type { OperatingPoint } from '../../../../src/signals/device';
import type { Plan } from '../../../../src/signals/plan';

const point = (name: string, speed: number, fullW: number): OperatingPoint => ({
  name,
  speed,
  idleW: 5,
  activeW: { gpu: fullW - 5 },
  limits: 'clock',
});
const points = [point('fast', 1, 30), point('middle', 0.6, 15), point('slow', 0.3, 10)];

function planAt(name: string, upperW = 9): Plan {
  const operatingPoint = points.find((one) => one.name === name) ?? point(name, 1, 50);
  return {
    planId: 'p',
    createdAt: '2026-01-05T00:00:00Z',
    tenants: [],
    operatingPoint,
    capW: 30,
    powerW: { expected: 8, lower: 7, upper: upperW },
    powerSource: 'modelled',
    feasible: true,
    why: [],
    search: { estimator: 'test', candidates: 1, evaluated: 1, elapsedMs: 0 },
  };
}

describe('the operating point that plans ask for', () => {
  it('rises at once, falls only after plans have wanted it for a minute', () => {
    const planned = new PlannedPoint();
    assert.deepEqual(planned.within(30), { capW: 30, reason: null, follows: false });
    assert.equal(planned.take(planAt('middle'), points, false, 0), true);
    assert.equal(planned.within(30).capW, 15);
    assert.match(planned.within(30).reason ?? '', /the plan asks for middle, 15\.0 W/);
    assert.equal(planned.take(planAt('slow'), points, false, 1000), false);
    assert.equal(planned.take(planAt('middle'), points, false, 30_000), false);
    assert.equal(planned.take(planAt('slow'), points, false, 40_000), false);
    assert.equal(planned.take(planAt('slow'), points, false, 99_000), false);
    assert.equal(planned.take(planAt('slow'), points, false, 100_000), true);
    assert.equal(planned.take(planAt('fast'), points, false, 101_000), true);
    assert.equal(planned.within(30).capW, 30);
  });

  it('never leaves the outer limit, and does not follow a point that the device does not have', () => {
    const planned = new PlannedPoint();
    planned.take(planAt('fast'), points, false, 0);
    assert.deepEqual(planned.within(20), { capW: 20, reason: null, follows: true });
    assert.equal(planned.take(planAt('elsewhere'), points, false, 0), false);
  });

  it('asks a device that measures for the power of the plan, with some room', () => {
    const planned = new PlannedPoint();
    planned.take(planAt('slow'), points, true, 0);
    assert.ok(Math.abs(planned.within(30).capW - 9.45) < 1e-9);
  });

  it('follows the power of plans that stay at one point: up at once, down after a minute, small changes not at all', () => {
    const planned = new PlannedPoint();
    const take = (upperW: number, nowMs: number, measured = true) =>
      planned.take(planAt('slow', upperW), points, measured, nowMs, 0.5);
    const capW = () => Number(planned.within(30).capW.toFixed(2));
    // Nothing was measured yet: the power of the point at full load.
    assert.deepEqual([take(4, 0, false), capW()], [true, 10]);
    assert.deepEqual([take(4, 1000), take(4, 60_999), capW()], [false, false, 10]);
    assert.deepEqual([take(4, 61_000), capW()], [true, 4.2]);
    assert.deepEqual([take(8, 62_000), capW()], [true, 8.4]);
    assert.deepEqual([take(8.4, 63_000), take(7.6, 200_000), capW()], [false, false, 8.4]);
    // Less, but not for a whole minute.
    assert.deepEqual([take(5, 201_000), take(8, 230_000), take(5, 262_000), capW()], [false, false, false, 8.4]);
  });

  it('does not hold back power that a slower point needs under more load', () => {
    const planned = new PlannedPoint();
    planned.take(planAt('middle', 6), points, true, 0);
    assert.equal(planned.take(planAt('slow', 9), points, true, 1000, 0.5), true);
  });
});
