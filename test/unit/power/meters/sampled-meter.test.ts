import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MeterReader } from '../../../../src/power/meters/meter';
import { SampledMeter } from '../../../../src/power/meters/sampled-meter';
import type { PowerSample, PowerSensor } from '../../../../src/power/meters/sensor';
import { atTheWall } from '../../../../src/power/meters/wall-factor';
import type { OperatingPoint } from '../../../../src/signals/device';
import { isEcomapError } from '../../../../src/signals/errors';
import { ManualClock } from '../fakes';

/** A sensor that says what it is told to. */
class FakeSensor implements PowerSensor {
  readonly name = 'fake';
  readonly scope = 'module';
  readonly accuracy = 0.05;
  readonly method = 'a fake';
  readonly intervalMs = 200;
  powerW: number | null = 10;
  energyJ: number | null = null;
  asked = 0;
  closed = 0;
  wait: Promise<void> = Promise.resolve();
  failure: Error | null = null;

  constructor(private readonly clock: ManualClock) {}

  async sample(): Promise<PowerSample> {
    this.asked += 1;
    await this.wait;
    if (this.failure !== null) throw this.failure;
    return { atMs: this.clock.monotonicMs(), powerW: this.powerW, energyJ: this.energyJ, rails: [] };
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}

const point: OperatingPoint = { name: 'full', speed: 1, idleW: 4, activeW: {} };

function make(options: { readonly source?: 'simulated' } = {}) {
  const clock = new ManualClock();
  const sensor = new FakeSensor(clock);
  const meter = new SampledMeter({ sensor, clock, initialPoint: point, ...options });
  return { clock, sensor, meter };
}

const near = (actual: number | null, expected: number): void =>
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= 1e-9 * Math.max(1, expected),
    `${actual} is not ${expected}`,
  );

describe('a meter that samples a sensor', () => {
  it('integrates trapezoids between readings, and the idle watts of the law over the same time', async () => {
    const { clock, sensor, meter } = make();
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(0.2);
    sensor.powerW = 20;
    await meter.ask();
    near(reader.readPower().powerW, 15);
    clock.passS(0.2);
    await meter.ask();
    const energy = reader.readEnergy();
    near(energy.totalJ, 3 + 4);
    near(energy.idleJ, 1.6);
    assert.equal(energy.source, 'measured');
    assert.equal(energy.method, 'measured: a fake');
    assert.equal(meter.scope, 'module');
    assert.equal(meter.latest()?.powerW, 20);
  });

  it('charges idle at the watts of the operating point of the time', async () => {
    const { clock, meter } = make();
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(0.1);
    meter.changePoint({ ...point, idleW: 2 });
    assert.equal(meter.idleW(), 2);
    clock.passS(0.3);
    await meter.ask();
    near(reader.readEnergy().idleJ, 0.4 + 0.6);
  });

  it('never charges more for idling than was measured', async () => {
    const { clock, sensor, meter } = make();
    sensor.powerW = 3;
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(1);
    await meter.ask();
    const { totalJ, idleJ } = reader.readEnergy();
    near(totalJ, 3);
    near(idleJ, 3);
  });

  it('takes a long silence for unknown, not for nothing, and goes on afterwards', async () => {
    const { clock, meter } = make();
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(60);
    await meter.ask();
    assert.deepEqual(meter.count(), { timeMs: 61_000, totalJ: 0, idleJ: 0, unknownMs: 60_000 });
    assert.equal(reader.readEnergy().totalJ, null);
    clock.passS(1);
    await meter.ask();
    near(reader.readEnergy().totalJ, 10);
  });

  it('says unknown while the sensor is silent, without waiting for it', async () => {
    const { clock, meter } = make();
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(0.2);
    await meter.ask();
    near(reader.readPower().powerW, 10);
    clock.passS(5);
    assert.equal(reader.readPower().powerW, null);
    assert.equal(meter.latest(), null);
    clock.passS(0.1);
    await meter.ask();
    clock.passS(0.2);
    await meter.ask();
    assert.equal(meter.count().unknownMs, 5100);
  });

  it('bridges a reading that failed, but not several seconds of them', async () => {
    const { clock, sensor, meter } = make();
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(0.2);
    sensor.powerW = null;
    await meter.ask();
    clock.passS(0.2);
    sensor.powerW = 10;
    await meter.ask();
    near(reader.readEnergy().totalJ, 4);
    sensor.powerW = null;
    for (let asked = 0; asked < 20; asked += 1) {
      clock.passS(0.2);
      await meter.ask();
    }
    assert.equal(reader.readEnergy().totalJ, null);
  });

  it('uses the counter of a sensor that counts, over longer gaps too', async () => {
    const { clock, sensor, meter } = make();
    sensor.energyJ = 100;
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(30);
    sensor.energyJ = 400;
    await meter.ask();
    near(reader.readEnergy().totalJ, 300);
    // Without a count in between it may have started anew.
    sensor.energyJ = null;
    sensor.powerW = null;
    clock.passS(0.2);
    await meter.ask();
    sensor.energyJ = 410;
    clock.passS(0.2);
    await meter.ask();
    assert.equal(reader.readEnergy().totalJ, null);
    // A machine that slept.
    clock.passS(3600);
    sensor.energyJ = 500;
    await meter.ask();
    assert.equal(reader.readEnergy().totalJ, null);
  });

  it('does not let a counter that falls make negative energy', async () => {
    const { clock, sensor, meter } = make();
    sensor.energyJ = 100;
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(1);
    sensor.energyJ = 10;
    await meter.ask();
    assert.equal(reader.readEnergy().totalJ, null);
    clock.passS(1);
    sensor.energyJ = 15;
    await meter.ask();
    near(reader.readEnergy().totalJ, 5);
  });

  it('survives a clock that jumps back, and measures on from there', async () => {
    const { clock, meter } = make();
    clock.passS(100);
    await meter.ask();
    const reader = new MeterReader(meter);
    clock.passS(-50);
    await meter.ask();
    const jumped = reader.readEnergy();
    assert.ok(jumped.totalJ === null || jumped.totalJ === 0);
    clock.passS(1);
    await meter.ask();
    near(reader.readEnergy().totalJ, 10);
  });

  it('never counts backwards and accounts for all time, whatever the clock and the sensor do', async () => {
    const step = fc.record({
      seconds: fc.double({ min: -5, max: 5, noNaN: true }),
      powerW: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }),
      energyJ: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: null }),
      look: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { clock, sensor, meter } = make();
        let before = meter.count();
        for (const { seconds, powerW, energyJ, look } of steps) {
          clock.passS(seconds);
          Object.assign(sensor, { powerW, energyJ });
          if (look) meter.count();
          await meter.ask();
          const now = meter.count();
          for (const key of ['timeMs', 'totalJ', 'idleJ', 'unknownMs'] as const)
            assert.ok(now[key] >= before[key], key);
          assert.ok(now.idleJ <= now.totalJ + 1e-9);
          // What is counted has a time of its own.
          if (now.totalJ > before.totalJ) assert.ok(now.timeMs > before.timeMs || energyJ !== null);
          before = now;
        }
      }),
    );
  });

  it('is exact for any course of power on a steady clock', async () => {
    const powers = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 2, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(powers, async (course) => {
        const { clock, sensor, meter } = make();
        let expectedJ = 0;
        const readers: MeterReader[] = [];
        for (const [index, powerW] of course.entries()) {
          sensor.powerW = powerW;
          await meter.ask();
          if (index === 0) readers.push(new MeterReader(meter));
          else expectedJ += ((powerW + (course[index - 1] ?? 0)) / 2) * 0.2;
          clock.passS(0.2);
        }
        const { totalJ } = readers[0]?.readEnergy() ?? { totalJ: null };
        assert.ok(totalJ !== null && Math.abs(totalJ - expectedJ) < 1e-6);
      }),
    );
  });

  it('asks once at a time, and takes the same reading only once', async () => {
    const { clock, sensor, meter } = make();
    await meter.ask();
    let release: () => void = () => undefined;
    sensor.wait = new Promise((resolve) => (release = resolve));
    clock.passS(0.2);
    const asks = [meter.ask(), meter.ask(), meter.ask()];
    release();
    await Promise.all(asks);
    assert.equal(sensor.asked, 2);
    await meter.ask();
    near(meter.count().totalJ, 2);
  });

  it('takes a sensor that throws for one that is silent', async () => {
    const { clock, sensor, meter } = make();
    sensor.failure = new Error('broken');
    await meter.ask();
    clock.passS(10);
    assert.equal(meter.count().unknownMs, 10_000);
  });

  it('waits for the last answer before it closes the sensor, and asks no more', async () => {
    const { sensor, meter } = make();
    let release: () => void = () => undefined;
    sensor.wait = new Promise((resolve) => (release = resolve));
    meter.start();
    const closing = meter.close();
    assert.equal(sensor.closed, 0);
    release();
    await closing;
    await meter.close();
    assert.equal(sensor.closed, 1);
    meter.start();
    assert.equal(sensor.asked, 1);
  });

  it('says simulated of the sensor of a simulated device', () => {
    assert.equal(make({ source: 'simulated' }).meter.source, 'simulated');
  });
});

describe('the factor from module to wall', () => {
  it('scales the total and says so', async () => {
    const sensor = new FakeSensor(new ManualClock());
    const wall = atTheWall(sensor, 1.25);
    assert.equal(wall.scope, 'wall');
    assert.match(wall.method, /a fake, x 1.25/);
    assert.equal((await wall.sample()).powerW, 12.5);
    sensor.powerW = null;
    assert.equal((await wall.sample()).powerW, null);
    await wall.close();
    assert.equal(sensor.closed, 1);
  });

  it('is refused when it cannot be', () => {
    const sensor = new FakeSensor(new ManualClock());
    for (const factor of [0, 0.9, 3.1, -1, NaN, Infinity])
      assert.throws(
        () => atTheWall(sensor, factor),
        (error) => isEcomapError(error) && error.code === 'INVALID_CONFIG',
      );
  });
});
