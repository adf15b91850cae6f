import assert from 'node:assert/strict';
import fc from 'fast-check';
import { openRapl } from '../../../../src/power/meters/sensors/rapl';
import { WrappingCounter } from '../../../../src/power/meters/sensors/wrapping-counter';
import { ManualClock } from '../fakes';
import { MachineTree } from './machine-tree';

const powercap = '/sys/class/powercap';

describe('RAPL', () => {
  let tree: MachineTree;
  let clock: ManualClock;
  beforeEach(() => {
    tree = new MachineTree();
    clock = new ManualClock();
  });
  afterEach(() => {
    tree.remove();
  });

  function putZone(zone: string, name: string, microjoules: number, rangeUj = 262_143_328_850): void {
    tree.put(`${powercap}/${zone}/name`, name);
    tree.put(`${powercap}/${zone}/max_energy_range_uj`, rangeUj);
    tree.put(`${powercap}/${zone}/energy_uj`, microjoules);
  }

  const set = (zone: string, microjoules: number): void => tree.put(`${powercap}/${zone}/energy_uj`, microjoules);

  async function open() {
    const { sensor } = await openRapl(tree.files, clock);
    assert.ok(sensor);
    return sensor;
  }

  it('adds up the packages and only shows their parts; the same counters by another way are not counted twice', async () => {
    putZone('intel-rapl:0', 'package-0', 1_000_000);
    putZone('intel-rapl:0:0', 'core', 500_000);
    putZone('intel-rapl:1', 'package-1', 7_000_000);
    putZone('intel-rapl-mmio:0', 'package-0', 1_000_000);
    tree.put(`${powercap}/intel-rapl/enabled`, 1);
    const sensor = await open();
    const first = await sensor.sample();
    assert.equal(first.energyJ, 0);
    assert.equal(first.powerW, null); // one reading of a counter is no power
    clock.passS(2);
    set('intel-rapl:0', 21_000_000);
    set('intel-rapl:0:0', 10_500_000);
    set('intel-rapl:1', 17_000_000);
    const second = await sensor.sample();
    assert.equal(second.energyJ, 30);
    assert.equal(second.powerW, 15);
    assert.deepEqual(
      second.rails.map(({ name, powerW, inTotal }) => [name, powerW, inTotal]),
      [
        ['package-0', 10, true],
        ['package-0/core', 5, false],
        ['package-1', 5, true],
      ],
    );
    assert.equal(sensor.scope, 'package');
    assert.equal(sensor.method, 'RAPL, sum of 2 processor packages');
  });

  it('goes on when the counter starts again from zero', async () => {
    putZone('intel-rapl:0', 'package-0', 65_530_000_000, 65_532_610_987);
    const sensor = await open();
    await sensor.sample();
    clock.passS(1);
    set('intel-rapl:0', 7_389_013);
    const { energyJ, powerW } = await sensor.sample();
    assert.ok(energyJ !== null && Math.abs(energyJ - 10) < 1e-6);
    assert.ok(powerW !== null && Math.abs(powerW - 10) < 1e-6);
  });

  it('knows nothing of the time in which a counter was reset', async () => {
    putZone('intel-rapl:0', 'package-0', 200_000_000_000);
    const sensor = await open();
    await sensor.sample();
    clock.passS(1);
    set('intel-rapl:0', 1_000_000); // as a wrap it would be 62 kJ in a second
    const reset = await sensor.sample();
    assert.deepEqual([reset.energyJ, reset.powerW], [null, null]);
    clock.passS(1);
    set('intel-rapl:0', 11_000_000);
    assert.equal((await sensor.sample()).powerW, 10);
  });

  it('has no total while one package cannot be read', async () => {
    putZone('intel-rapl:0', 'package-0', 0);
    putZone('intel-rapl:1', 'package-1', 0);
    const sensor = await open();
    await sensor.sample();
    clock.passS(1);
    tree.troubles.set(`${powercap}/intel-rapl:1/energy_uj`, 'failed');
    const { energyJ, powerW, rails } = await sensor.sample();
    assert.deepEqual([energyJ, powerW], [null, null]);
    assert.equal(rails[1]?.problem, 'could not be read');
  });

  it('is denied when any counter is, rather than a part of the whole', async () => {
    putZone('intel-rapl:0', 'package-0', 0);
    putZone('intel-rapl:1', 'package-1', 0);
    tree.troubles.set(`${powercap}/intel-rapl:1/energy_uj`, 'denied');
    assert.deepEqual(await openRapl(tree.files, clock), { sensor: null, denied: true, found: true });
  });

  it('is not there without zones', async () => {
    assert.deepEqual(await openRapl(tree.files, clock), { sensor: null, denied: false, found: false });
  });

  for (const [psysUj, scope, text] of [
    [9_000_000, 'module', 'takes the counter of the platform where it counts more than the processor'],
    [1_000_000, 'package', 'does not believe a platform counter that counts less than the processor'],
    [0, 'package', 'does not believe a platform counter that stands still'],
  ] as const) {
    it(text, async () => {
      putZone('intel-rapl:0', 'package-0', 0);
      putZone('intel-rapl:1', 'psys', 0);
      const sensor = await open();
      let asked = 0;
      tree.changing.set(`${powercap}/intel-rapl:0/energy_uj`, () => {
        clock.passS(0.5);
        return String((asked += 1) * 4_000_000);
      });
      tree.changing.set(`${powercap}/intel-rapl:1/energy_uj`, () => String(asked * psysUj));
      assert.equal(await sensor.prove(1), true);
      assert.equal(sensor.scope, scope);
    });
  }

  it('is not proven by counters that stand still', async () => {
    putZone('intel-rapl:0', 'package-0', 5);
    const sensor = await open();
    tree.changing.set(`${powercap}/intel-rapl:0/energy_uj`, () => {
      clock.passS(0.5);
      return '5';
    });
    assert.equal(await sensor.prove(1), false);
  });
});

describe('a counter that wraps around', () => {
  it('counts what was counted, for any steps below its range', () => {
    const steps = fc.array(fc.record({ joules: fc.integer({ min: 0, max: 900 }) }), { maxLength: 50 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 1000 }), (course, start) => {
        const counter = new WrappingCounter(1000, 2000);
        let truthJ = 0;
        counter.take(start % 1000, 0);
        course.forEach(({ joules }, index) => {
          truthJ += joules;
          counter.take((start + truthJ) % 1000, (index + 1) * 1000);
        });
        assert.equal(counter.totalJ, truthJ);
      }),
    );
  });

  it('gives no power when the clock stood still or went back, and no negative energy', () => {
    const counter = new WrappingCounter(1000, 2000);
    for (const [valueJ, atMs] of [
      [10, 1000],
      [12, 1000],
      [14, 500],
    ] as const) {
      assert.equal(counter.take(valueJ, atMs), true);
      assert.equal(counter.powerW, null);
    }
    assert.equal(counter.totalJ, 4);
  });

  it('has no power over so short a time that only its own steps would be seen', () => {
    const counter = new WrappingCounter(1000, 2000);
    counter.take(0, 0);
    counter.take(1, 100);
    assert.equal(counter.powerW, 10);
    counter.take(1.5, 101);
    assert.equal(counter.powerW, 10);
    counter.take(2, 200);
    assert.equal(counter.powerW, 10);
  });
});
