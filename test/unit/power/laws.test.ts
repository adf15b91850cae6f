import assert from 'node:assert/strict';
import type { HardwareState } from '../../../src/power/actuators/hardware-actuator';
import {
  describeEnergyWarning,
  energyPerWorkJ,
  energyWarningOf,
  loadOnOffer,
} from '../../../src/power/energy-per-inference';
import { powerLawOf } from '../../../src/power/laws/power-law';
import { fullLoadW, mostBusy, type Component, type OperatingPoint } from '../../../src/signals/device';
import type { Plan } from '../../../src/signals/plan';

const gpu: Component = { name: 'gpu', kind: 'gpu', cores: [], threads: 1, componentClass: 'gpu' };
const cpu: Component = { name: 'cpu-a', kind: 'cpu', cores: [0, 1, 2, 3], threads: 4, componentClass: 'cpu-4t' };
const figures = { idleW: 10, fullLoadW: 34 };

const state = (name: string, fields: Partial<HardwareState>): HardwareState => ({
  name,
  gpuMhz: null,
  cpuMhz: null,
  emcMhz: null,
  cores: null,
  gpuUnits: null,
  dlaMhz: null,
  powerLimitW: null,
  refusal: null,
  ...fields,
});

/** Power modes of an AGX Xavier with the clocks that they really give. */
const modes = [
  state('MAXN', { gpuMhz: 1377, cpuMhz: 2265.6, cores: 8, gpuUnits: 4 }),
  state('MODE_30W_ALL', { gpuMhz: 905.25, cpuMhz: 1200, cores: 8, gpuUnits: 4 }),
  state('MODE_15W', { gpuMhz: 675.75, cpuMhz: 1200, cores: 4, gpuUnits: 4 }),
  state('MODE_10W', { gpuMhz: 522.75, cpuMhz: 1200, cores: 2, gpuUnits: 2 }),
];

function xavierPoints(components: readonly Component[] = [gpu]): Record<string, OperatingPoint> {
  const law = powerLawOf({ board: 'Jetson AGX Xavier', components, figures, states: modes });
  return Object.fromEntries(modes.map((mode) => [mode.name, law.operatingPointOf(mode)]));
}

const point = (points: Record<string, OperatingPoint>, name: string): OperatingPoint => {
  const found = points[name];
  assert.ok(found, name);
  return found;
};

describe('power laws', () => {
  it('come within 10 % of what heavy networks draw on an AGX Xavier in each mode', () => {
    // Means over four networks, public measurement log: run watts of the module.
    for (const [name, measuredW] of [
      ['MODE_10W', 8.53],
      ['MODE_15W', 14.42],
      ['MODE_30W_ALL', 17.98],
      ['MAXN', 32.33],
    ] as const) {
      const watts = fullLoadW(point(xavierPoints(), name));
      assert.ok(Math.abs(watts / measuredW - 1) < 0.1, `${name}: ${watts} W, measured ${measuredW} W`);
    }
  });

  it('come within 10 % of the speed of DeepLabV3-ResNet101 relative to MAXN', () => {
    for (const [name, ms] of [
      ['MODE_10W', 1755],
      ['MODE_15W', 712],
      ['MODE_30W_ALL', 536],
    ] as const) {
      const { speed, limits } = point(xavierPoints(), name);
      assert.ok(Math.abs((speed * ms) / 371 - 1) < 0.1, `${name}: ${speed}, measured ${371 / ms}`);
      assert.equal(limits, 'clock');
    }
  });

  it('reckon with the cores that are on', () => {
    const points = xavierPoints([cpu]);
    const maxn = point(points, 'MAXN');
    assert.ok(Math.abs(fullLoadW(maxn) - (8.35 + 4 * 0.141 * 2.2656 ** 3.14)) < 0.01);
    assert.ok(point(points, 'MODE_10W').speed < 0.5 * point(points, 'MODE_15W').speed + 0.01, 'two of four cores');
  });

  it('know the order of the states of every Jetson, and what is only assumed', () => {
    for (const board of ['Jetson AGX Orin', 'Jetson Orin NX', 'Jetson Orin Nano', 'Jetson Xavier NX']) {
      const law = powerLawOf({ board, components: [gpu, cpu], figures, states: modes });
      const watts = modes.map((mode) => fullLoadW(law.operatingPointOf(mode)));
      assert.deepEqual(
        watts,
        watts.toSorted((a, b) => b - a),
        board,
      );
      assert.match(law.method, /^modelled/);
    }
    assert.equal(powerLawOf({ board: 'Jetson Orin Nano', components: [gpu], figures, states: modes }).accuracy, null);
  });

  it('takes the cube of the clock on a machine of which only idle and full load are known', () => {
    const states = [state('3.00 GHz', { cpuMhz: 3000 }), state('1.50 GHz', { cpuMhz: 1500 })];
    const law = powerLawOf({ board: 'Some PC', components: [cpu], figures, states });
    assert.equal(fullLoadW(law.operatingPointOf(state('3.00 GHz', { cpuMhz: 3000 }))), 34);
    const half = law.operatingPointOf(state('1.50 GHz', { cpuMhz: 1500 }));
    assert.deepEqual([half.speed, fullLoadW(half), mostBusy(half)], [0.5, 10 + 24 / 8, 1]);
  });

  it('takes a power limit for what it says', () => {
    const states = [40, 20, 5].map((watts) => state(`${watts} W`, { powerLimitW: watts }));
    const law = powerLawOf({ board: 'Some PC', components: [cpu], figures, states });
    assert.deepEqual(
      states.map((one) => fullLoadW(law.operatingPointOf(one))),
      [40, 20, 5],
    );
    const speeds = states.map((one) => law.operatingPointOf(one).speed);
    assert.deepEqual(
      speeds,
      speeds.toSorted((a, b) => b - a),
    );
  });
});

describe('energy per inference', () => {
  it('is recognised to rise under a lower cap: DeepLab-R101 at 10 W costs more than at 30 W', () => {
    const points = xavierPoints();
    const warning = energyWarningOf(point(points, 'MODE_10W'), Object.values(points));
    assert.ok(warning);
    assert.equal(warning.thriftierPoint, 'MODE_30W_ALL');
    // Measured: 15.1 J against 9.5 J.
    assert.ok(warning.increasePct > 40 && warning.increasePct < 70, String(warning.increasePct));
    assert.match(describeEnergyWarning(warning), /5\d % more energy than with a cap of 18\.\d W \(MODE_30W_ALL\)/);
    assert.ok(energyPerWorkJ(point(points, 'MAXN')) > energyPerWorkJ(point(points, 'MODE_30W_ALL')));
  });

  it('does not warn where the thriftiest point is in force, nor of points beyond the limits', () => {
    const points = xavierPoints();
    const all = Object.values(points);
    for (const name of ['MODE_30W_ALL', 'MAXN']) assert.equal(energyWarningOf(point(points, name), all), null);
    const limited = energyWarningOf(point(points, 'MODE_10W'), all, 15);
    assert.equal(limited?.thriftierPoint, 'MODE_15W');
    assert.equal(energyWarningOf(point(points, 'MODE_10W'), all, 9), null);
  });

  /** One component: watts idle, watts more while it computes, speed of its clock. */
  const clocked = (name: string, speed: number, idleW: number, gpuW: number): OperatingPoint => ({
    name,
    speed,
    idleW,
    activeW: { gpu: gpuW },
    limits: 'clock',
  });
  const fast = clocked('fast', 1, 10, 20);

  it('is compared under the load on offer where that is known: idle power is then drawn anyway', () => {
    // Without a pause 36 J against 30 J; work for a fifth of the time at full speed: 13.2 W against 14 W.
    const thrifty = clocked('thrifty', 0.5, 10, 8);
    assert.equal(energyWarningOf(thrifty, [fast, thrifty])?.load, 'always busy');
    assert.equal(energyWarningOf(thrifty, [fast, thrifty], Infinity, 0.2), null);
    // Without a pause 44 J against 30 J; for a fifth of the time 14.8 W against 14 W: nobody would raise a cap for it.
    const slow = clocked('slow', 0.5, 10, 12);
    assert.equal(energyWarningOf(slow, [fast, slow])?.load, 'always busy');
    assert.equal(energyWarningOf(slow, [fast, slow], Infinity, 0.2), null);
  });

  it('says that a race to idle wins, with the load that it holds for', () => {
    // 10 + 0.4 / 0.5 * 19 = 25.2 W against 10 + 0.4 * 20 = 18 W.
    const slow = clocked('slow', 0.5, 10, 19);
    const warning = energyWarningOf(slow, [fast, slow], Infinity, 0.4);
    assert.ok(warning);
    assert.ok(Math.abs(warning.increasePct - 40) < 1e-9, String(warning.increasePct));
    assert.deepEqual([warning.load, warning.loadShare, warning.thriftierPoint], ['on offer', 0.4, 'fast']);
    assert.match(describeEnergyWarning(warning), /work on offer \(40 % of full speed\).*about 40 % more energy/);
  });

  it('is compared without a pause where the point in force cannot do the work on offer, and not at all without work', () => {
    const slow = clocked('slow', 0.5, 10, 12);
    assert.equal(energyWarningOf(slow, [fast, slow], Infinity, 0.6)?.load, 'always busy');
    assert.equal(energyWarningOf(slow, [fast, slow], Infinity, 0), null);
    // Under a quota a component computes at full clock: the same work draws the same, whatever the quota is.
    const quota: OperatingPoint = { name: 'quota', speed: 0.5, idleW: 10, activeW: { gpu: 20 } };
    assert.equal(energyWarningOf(quota, [fast, quota])?.load, 'always busy');
    assert.equal(energyWarningOf(quota, [fast, quota], Infinity, 0.3), null);
  });

  describe('load on offer', () => {
    const planAt = (operatingPoint: OperatingPoint, expectedW: number, meetsLimit = true): Plan => ({
      planId: 'p',
      createdAt: '2026-11-02T10:00:00Z',
      tenants: [
        {
          tenant: 'inspect',
          variant: 'large',
          accuracy: 0.9,
          stages: [{ stage: 0, component: 'gpu', firstNode: 0 }],
          latencyMs: null,
          latencyLimitMs: 100,
          meetsLimit,
          energyJ: null,
          alwaysMax: { variant: 'large', accuracy: 0.9, energyJ: null },
        },
      ],
      operatingPoint,
      capW: null,
      powerW: { expected: expectedW, lower: expectedW, upper: expectedW },
      powerSource: 'modelled',
      feasible: meetsLimit,
      why: [],
      search: { estimator: 'analytic', candidates: 1, evaluated: 1, elapsedMs: 0 },
    });

    it('is what the power of a plan says, in work of full speed', () => {
      assert.equal(loadOnOffer(planAt(fast, 18)), 0.4);
      assert.equal(loadOnOffer(planAt(clocked('slow', 0.5, 10, 12), 16)), 0.25);
      assert.equal(loadOnOffer(planAt(fast, 9)), 0);
    });

    it('is unknown where more may be on offer than is done', () => {
      assert.equal(loadOnOffer(planAt(fast, 29.5)), null);
      assert.equal(loadOnOffer(planAt(fast, 18, false)), null);
      assert.equal(loadOnOffer(planAt({ ...fast, activeW: {} }, 18)), null);
    });
  });
});
