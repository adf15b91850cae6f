import assert from 'node:assert/strict';
import { lawMeter } from '../../../../src/power/meters/law-meter';
import { MachineActivity, parseBusySeconds } from '../../../../src/power/meters/machine-activity';
import { MeterReader } from '../../../../src/power/meters/meter';
import { FakeHost, ManualClock, twoCoreMachine } from '../fakes';
import { MachineTree } from './machine-tree';

describe('the CPU time of the whole machine', () => {
  it('is what was neither idle, waiting nor stolen', () => {
    const text = 'cpu  1000 200 300 99999 500 10 20 7777 50 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 1';
    assert.equal(parseBusySeconds(text), 15.3);
    for (const other of ['', 'cpu0 1 2 3 4 5 6 7', 'cpu  a b c']) assert.equal(parseBusySeconds(other), null);
  });

  it('is read in the background and told; without the file nothing is told', async () => {
    const tree = new MachineTree();
    const told: number[] = [];
    const activity = new MachineActivity(tree.files, (busySeconds) => told.push(busySeconds), false);
    await activity.read();
    assert.deepEqual(told, []);
    tree.put('/proc/stat', 'cpu  100 0 0 0 0 0 0 0 0 0');
    await activity.read();
    tree.put('/proc/stat', 'cpu  250 0 0 0 0 0 0 0 0 0');
    await Promise.all([activity.read(), activity.read()]);
    assert.deepEqual(told, [1, 2.5]);
    await activity.close();
    tree.remove();
  });
});

describe('the model with other programs on the machine', () => {
  // 10 W idle, 10 W for each of two busy cores.
  function make() {
    const clock = new ManualClock();
    const description = twoCoreMachine();
    const [full] = description.operatingPoints;
    assert.ok(full);
    const meter = lawMeter(description, full, clock, true);
    const host = new FakeHost('cpu0');
    meter.add(host);
    meter.seeMachine(1000);
    return { clock, meter, host, reader: new MeterReader(meter) };
  }

  const near = (actual: number | null, expected: number): void =>
    assert.ok(actual !== null && Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

  it('adds what others use, a second later, and leaves our share as it is', () => {
    const { clock, meter, host, reader } = make();
    clock.passS(10);
    host.cpuS = 5;
    meter.seeMachine(1008); // five of ours, three of others
    clock.passS(10);
    const { totalJ, idleJ } = reader.readEnergy();
    near(totalJ, 200 + 50 + 30);
    near(idleJ, 200);
    assert.match(meter.method, /and of other programs/);
  });

  it('spreads what others used over the time, so that the power does not jump', () => {
    const { clock, meter, reader } = make();
    let machineS = 1000;
    const readings: (number | null)[] = [];
    for (let second = 0; second < 10; second += 1) {
      for (let step = 0; step < 4; step += 1) {
        clock.passS(0.25);
        if (step === 3) meter.seeMachine((machineS += 0.5));
        readings.push(reader.readPower().powerW);
      }
    }
    // After the first second it is 10 W idle and half a core of others throughout.
    for (const powerW of readings.slice(4)) near(powerW, 15);
  });

  it('takes nothing of ours for that of others when a host tells its CPU time late', () => {
    const { clock, meter, host, reader } = make();
    let machineS = 1000;
    for (let second = 1; second <= 20; second += 1) {
      clock.passS(1);
      machineS += 1;
      if (second % 2 === 0) host.cpuS = second;
      meter.seeMachine(machineS);
    }
    clock.passS(1);
    const { totalJ } = reader.readEnergy();
    // One second of ours was not yet told when it was first missed; it is never taken again.
    near(totalJ, 21 * 10 + 20 * 10 + 1 * 10);
  });

  it('begins anew when the count of the machine falls', () => {
    const { clock, meter, reader } = make();
    clock.passS(1);
    meter.seeMachine(3);
    clock.passS(1);
    meter.seeMachine(4);
    clock.passS(1);
    near(reader.readEnergy().totalJ, 30 + 10);
  });

  it('says nothing of others where it is not told of the machine', () => {
    const description = twoCoreMachine();
    const [full] = description.operatingPoints;
    assert.ok(full);
    assert.doesNotMatch(lawMeter(description, full, new ManualClock()).method, /other programs/);
  });
});
