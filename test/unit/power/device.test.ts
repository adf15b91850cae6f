import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createDevice, type Device } from '../../../src/power/device';
import { fullLoadW } from '../../../src/signals/device';
import { isEcomapError } from '../../../src/signals/errors';
import { simulatedDevice } from '../../../src/simulation/devices';
import { FakeHost, ManualClock, twoCoreMachine, withoutGroups } from './fakes';
import { GroupTree } from './group-tree';

function makeDevice(): { device: Device; clock: ManualClock } {
  const clock = new ManualClock();
  return { device: createDevice(twoCoreMachine(), { clock, ...withoutGroups }), clock };
}

describe('device', () => {
  it('offers the range in which a cap makes a difference', () => {
    assert.deepEqual(makeDevice().device.capRange, { minimumW: 14, maximumW: 30 });
  });

  it('puts the fastest operating point under the cap into force and paces its hosts to it', async () => {
    const { device } = makeDevice();
    const host = new FakeHost('cpu0');
    await device.register(host);
    assert.deepEqual(host.asked, [], 'no cap, no pacing');
    const applied = await device.applyCap(21);
    assert.equal(applied.operatingPoint.speed, 0.5);
    assert.equal(applied.enforced, 'software');
    assert.equal(applied.capUnreachable, false);
    assert.equal(applied.problem, null);
    assert.equal(device.operatingPointInForce(), applied.operatingPoint);
    assert.equal(host.share, 0.5);
    await device.close();
    assert.equal(host.share, 1);
    assert.equal(device.operatingPointInForce().speed, 1);
  });

  it('never lets a point above the cap into force if one fits', async () => {
    const { device } = makeDevice();
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 14, max: 60, noNaN: true }), async (capW) => {
        const { operatingPoint, enforced } = await device.applyCap(capW);
        assert.ok(fullLoadW(operatingPoint) <= capW);
        assert.equal(enforced, 'software');
      }),
    );
  });

  it('says that nobody holds a cap which even the lowest point can exceed', async () => {
    const { device } = makeDevice();
    const low = await device.applyCap(12);
    assert.deepEqual([low.operatingPoint.speed, low.enforced, low.capUnreachable], [0.2, 'none', false]);
    assert.match(low.how, /lowest operating point.*14\.0 W/);
    const impossible = await device.applyCap(9);
    assert.deepEqual(
      [impossible.operatingPoint.speed, impossible.enforced, impossible.capUnreachable],
      [0.2, 'none', true],
    );
  });

  it('brings a host that comes later under the point in force at once, and lets go of one that leaves', async () => {
    const { device } = makeDevice();
    await device.applyCap(16);
    const late = new FakeHost('cpu1');
    const leave = await device.register(late);
    assert.deepEqual(late.asked, [0.3]);
    leave();
    leave();
    await device.applyCap(30);
    assert.deepEqual(late.asked, [0.3]);
    await assert.rejects(device.register(new FakeHost('gpu')), /component "gpu", this device has cpu0, cpu1/);
  });

  it('carries out only the last of the caps that wait for each other, and answers all', async () => {
    const { device } = makeDevice();
    const host = new FakeHost('cpu0');
    await device.register(host);
    const answers = await Promise.all([30, 15, 18, 21, 25].map((capW) => device.applyCap(capW)));
    assert.deepEqual(host.asked, [0.6]);
    assert.deepEqual(
      answers.map(({ capW, operatingPoint }) => [capW, operatingPoint.speed]),
      answers.map(() => [25, 0.6]),
    );
  });

  it('is released only by the holder of the cap', async () => {
    const { device } = makeDevice();
    const first = {};
    const second = {};
    await device.applyCap(15, { holder: first });
    await device.applyCap(21, { holder: second });
    await device.releaseCap(first);
    assert.equal(device.operatingPointInForce().speed, 0.5);
    await device.releaseCap(second);
    assert.equal(device.operatingPointInForce().speed, 1);
  });

  it('holds the strictest cap of several holders, whoever asks last', async () => {
    const { device } = makeDevice();
    const host = new FakeHost('cpu0');
    await device.register(host);
    const [strict, generous] = [{}, {}];
    const answers = await Promise.all([
      device.applyCap(30, { holder: generous }),
      device.applyCap(15, { holder: strict }),
      device.applyCap(25, { holder: generous }),
    ]);
    assert.deepEqual(
      answers.map(({ capW, operatingPoint }) => [capW, operatingPoint.speed]),
      answers.map(() => [15, 0.2]),
    );
    assert.equal((await device.applyCap(28, { holder: generous })).operatingPoint.speed, 0.2);
    assert.equal((await device.applyCap(18, { holder: strict })).capW, 18);
    await device.releaseCap(strict);
    assert.equal(host.share, 0.8);
    await device.releaseCap(generous);
    assert.equal(host.share, 1);
  });

  for (const [what, machine] of [
    ['this machine', twoCoreMachine()],
    ['a simulated device', simulatedDevice('laptop', twoCoreMachine())],
  ] as const) {
    it(`leaves no host of ${what} slow when the very first cap fails on another host`, async () => {
      const device = createDevice(machine, { clock: new ManualClock(), ...withoutGroups });
      const obedient = new FakeHost('cpu0');
      const broken = new FakeHost('cpu1');
      broken.failure = new Error('channel closed');
      await device.register(obedient);
      await device.register(broken);
      const failed = await device.applyCap(device.capRange.minimumW);
      assert.equal(failed.problem?.code, 'CAP_NOT_ENFORCEABLE');
      assert.deepEqual([failed.operatingPoint.speed, obedient.share], [1, 1]);
    });
  }

  it('keeps caps and releases in the order in which they were asked for', async () => {
    const { device } = makeDevice();
    const holder = {};
    const capped = device.applyCap(15, { holder });
    const released = device.releaseCap(holder);
    const again = device.applyCap(21, { holder });
    await Promise.all([capped, released, again]);
    assert.equal((await capped).operatingPoint.speed, 0.2);
    assert.equal(device.operatingPointInForce().speed, 0.5);
  });

  it('tells what stood in the way, runs at full speed then, and tries again with the next cap', async () => {
    const { device } = makeDevice();
    const host = new FakeHost('cpu0');
    host.claims = 1;
    await device.register(host);
    const failed = await device.applyCap(21);
    assert.equal(failed.enforced, 'none');
    assert.equal(failed.problem?.code, 'CAP_NOT_ENFORCEABLE');
    assert.equal(failed.operatingPoint.speed, 1);
    assert.ok(
      (await device.report()).findings.some(({ level, text }) => level === 'problem' && /says 100 %/.test(text)),
    );
    host.claims = null;
    const applied = await device.applyCap(21);
    assert.deepEqual([applied.enforced, applied.problem], ['software', null]);
    assert.ok(!(await device.report()).findings.some(({ level }) => level === 'problem'));
  });

  it('lets a host serve that could not be capped, and says so', async () => {
    const { device } = makeDevice();
    await device.applyCap(21);
    const host = new FakeHost('cpu0');
    host.failure = new Error('channel closed');
    await device.register(host);
    assert.ok(
      (await device.report()).findings.some(({ level, text }) => level === 'problem' && /channel closed/.test(text)),
    );
  });

  it('only computes in a dry run', async () => {
    const { device } = makeDevice();
    const host = new FakeHost('cpu0');
    await device.register(host);
    const dry = await device.applyCap(15, { actuator: 'none' });
    assert.deepEqual([dry.enforced, dry.operatingPoint.speed, host.asked], ['none', 1, []]);
    assert.match(dry.how, /dry run/);
  });

  it('refuses watts that are none and an actuator that it does not have', () => {
    const { device } = makeDevice();
    for (const capW of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => device.applyCap(capW),
        (error) => isEcomapError(error) && error.code === 'INVALID_CONFIG',
      );
    }
    assert.throws(() => device.applyCap(10, { actuator: 'simulated' }), /needs a simulated device/);
  });

  it('gives each reader of energy its own place', async () => {
    const { device, clock } = makeDevice();
    const host = new FakeHost('cpu0');
    await device.register(host);
    const slow = device.openReader();
    const fast = device.openReader();
    for (let second = 0; second < 10; second += 1) {
      clock.passS(1);
      host.cpuS += 0.5;
      assert.equal(fast.readPower().powerW, 15);
      device.readEnergy();
    }
    assert.deepEqual(slow.readEnergy().totalJ, 150);
    assert.deepEqual(slow.readPower().powerW, 15);
    assert.equal(device.readPower().powerW, 15);
  });

  it('uses CPU quotas where it may, and leaves no group behind when it is closed', async () => {
    const tree = new GroupTree('v1');
    try {
      const device = createDevice(twoCoreMachine(), tree.options());
      const host = new FakeHost('cpu0', 1001);
      await device.register(host);
      const { how, enforced } = await device.applyCap(21);
      assert.deepEqual([how, enforced], ['CPU quota (cgroup v1, 20 ms period)', 'software']);
      assert.equal(tree.coresOf('ecomap-77-cpu0'), 0.5);
      assert.ok((await device.report()).findings.some(({ text }) => /written and read back/.test(text)));
      await device.close();
      await device.close();
      assert.deepEqual(tree.groupNames, []);
      assert.equal((await device.applyCap(21)).problem?.code, 'CAP_NOT_ENFORCEABLE');
      assert.deepEqual(tree.groupNames, []);
    } finally {
      tree.remove();
    }
  });
});
