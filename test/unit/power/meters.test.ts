import assert from 'node:assert/strict';
import fc from 'fast-check';
import { lawMeter } from '../../../src/power/meters/law-meter';
import { MeterReader } from '../../../src/power/meters/meter';
import { FakeHost, ManualClock, twoCoreMachine } from './fakes';

function makeMeter() {
  const clock = new ManualClock();
  const description = twoCoreMachine();
  const [full, , , half] = description.operatingPoints;
  assert.ok(full && half);
  return { clock, meter: lawMeter(description, full, clock), full, half };
}

const near = (actual: number | null, expected: number): void => {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= 1e-9 * Math.max(1, expected),
    `${actual} is not ${expected}`,
  );
};

describe('activity meter', () => {
  it('is idle power while nothing computes, and adds the active watts in proportion to CPU time', () => {
    const { clock, meter } = makeMeter();
    const host = new FakeHost('cpu0');
    host.cpuS = 100; // used before it was announced: nobody's
    meter.add(host);
    const reader = new MeterReader(meter);
    clock.passS(10);
    assert.deepEqual(reader.readPower(), { powerW: 10, source: 'modelled', scope: 'wall' });
    clock.passS(10);
    host.cpuS += 5; // half of the time; the component adds 10 W while it computes
    near(reader.readPower().powerW, 15);
    const energy = reader.readEnergy();
    near(energy.totalJ, 10 * 10 + 10 * 15);
    near(energy.idleJ, 200);
    assert.match(energy.method, /modelled: idle \+ active watts.*two plug readings/);
  });

  it('counts energy as the sum of power times time, for any course of activity and any number of readers', () => {
    const step = fc.record({
      seconds: fc.double({ min: 0.001, max: 60, noNaN: true }),
      busy0: fc.double({ min: 0, max: 1, noNaN: true }),
      busy1: fc.double({ min: 0, max: 1, noNaN: true }),
      half: fc.boolean(),
      disturb: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const { clock, meter, full, half } = makeMeter();
        const hosts = [new FakeHost('cpu0'), new FakeHost('cpu1')] as const;
        hosts.forEach((host) => meter.add(host));
        const power = new MeterReader(meter);
        const energy = new MeterReader(meter);
        const other = new MeterReader(meter);
        let integralJ = 0;
        for (const { seconds, busy0, busy1, half: atHalf, disturb } of steps) {
          meter.changePoint(atHalf ? half : full);
          clock.passS(seconds / 2);
          if (disturb) {
            other.readPower();
            other.readEnergy();
          }
          clock.passS(seconds / 2);
          hosts[0].cpuS += busy0 * seconds;
          hosts[1].cpuS += busy1 * seconds;
          const { powerW } = power.readPower();
          assert.ok(powerW !== null);
          integralJ += powerW * seconds;
        }
        const { totalJ } = energy.readEnergy();
        assert.ok(totalJ !== null && Math.abs(totalJ - integralJ) <= 1e-6 * integralJ);
      }),
    );
  });

  it('charges what ran before a change of the operating point at the old one', () => {
    const clock = new ManualClock();
    const description = twoCoreMachine();
    const [full] = description.operatingPoints;
    assert.ok(full);
    const meter = lawMeter(description, full, clock);
    const reader = new MeterReader(meter);
    clock.passS(1);
    meter.changePoint({ ...full, idleW: 2 });
    clock.passS(1);
    near(reader.readEnergy().totalJ, 12);
  });

  it('knows nothing about a time in which nobody looked for too long, and says null', () => {
    const { clock, meter } = makeMeter();
    const reader = new MeterReader(meter);
    clock.passS(3600);
    assert.equal(reader.readPower().powerW, null);
    assert.equal(reader.readEnergy().totalJ, null);
    assert.equal(reader.readEnergy().totalJ, 0);
    clock.passS(1);
    near(reader.readEnergy().totalJ, 10);
    near(reader.readPower().powerW, 10);
  });

  it('has no mean power before time has passed', () => {
    const reader = new MeterReader(makeMeter().meter);
    assert.equal(reader.readPower().powerW, null);
  });

  it('takes a counter that fell for that of a new process, and forgets a host that is gone', () => {
    const { clock, meter } = makeMeter();
    const host = new FakeHost('cpu1');
    meter.add(host);
    const reader = new MeterReader(meter);
    host.cpuS = 5;
    clock.passS(10);
    near(reader.readEnergy().totalJ, 100 + 50);
    host.cpuS = 2;
    clock.passS(10);
    near(reader.readEnergy().totalJ, 100 + 20);
    meter.remove(host);
    host.cpuS = 9;
    clock.passS(10);
    near(reader.readEnergy().totalJ, 100);
  });

  it('tags the watts of a simulated device as simulated', () => {
    const description = { ...twoCoreMachine(), simulated: true };
    const [full] = description.operatingPoints;
    assert.ok(full);
    assert.equal(lawMeter(description, full, new ManualClock()).source, 'simulated');
  });
});
