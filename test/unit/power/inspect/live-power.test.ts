import assert from 'node:assert/strict';
import { LivePower } from '../../../../src/power/inspect/live-power';
import type { PowerSample, PowerSensor } from '../../../../src/power/meters/sensor';
import { thisMachine } from '../../../../src/power/machine/machine';
import { ManualClock } from '../fakes';

/** Gives the samples in turn, and the last one for ever. */
class ScriptedSensor implements PowerSensor {
  readonly name = 'scripted';
  readonly scope = 'module';
  readonly accuracy = 0.05;
  readonly method = 'a script';
  readonly intervalMs = 100;
  samples = 0;
  closed = 0;

  constructor(private readonly script: readonly Partial<PowerSample>[]) {}

  sample(): Promise<PowerSample> {
    const now = this.script[Math.min(this.samples, this.script.length - 1)];
    this.samples += 1;
    return Promise.resolve({ atMs: 0, powerW: null, energyJ: null, rails: [], ...now });
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}

function liveWith(sensor: ScriptedSensor) {
  const clock = new ManualClock();
  let opened = 0;
  const live = new LivePower(
    thisMachine,
    () => {
      opened += 1;
      return Promise.resolve({ sensors: [sensor], findings: [] });
    },
    clock,
  );
  return { live, clock, opened: () => opened };
}

describe('the live power of a dialog', () => {
  it('is sampled anew for every question, and once for those who ask together', async () => {
    const sensor = new ScriptedSensor([{ powerW: 5 }, { powerW: 7 }]);
    const { live, clock, opened } = liveWith(sensor);
    const [one, other] = await Promise.all([live.read(), live.read()]);
    assert.deepEqual([one[0]?.powerW, other[0]?.powerW, sensor.samples], [5, 5, 1]);
    assert.equal(one[0]?.source, 'measured');
    clock.passS(1);
    assert.equal((await live.read())[0]?.powerW, 7);
    assert.equal(opened(), 1);
    await live.close();
    assert.equal(sensor.closed, 1);
  });

  it('of a sensor that counts energy is the mean since the last question', async () => {
    const { live, clock } = liveWith(
      new ScriptedSensor([
        { atMs: 0, energyJ: 100 },
        { atMs: 2000, energyJ: 130 },
      ]),
    );
    assert.equal((await live.read())[0]?.powerW, null);
    clock.passS(2);
    assert.equal((await live.read())[0]?.powerW, 15);
    await live.close();
  });

  it('opens the sensors again after they were closed, and forgets the old samples', async () => {
    const sensor = new ScriptedSensor([{ atMs: 0, energyJ: 100 }]);
    const { live, clock, opened } = liveWith(sensor);
    await live.read();
    await live.close();
    await live.close();
    clock.passS(1);
    assert.equal((await live.read())[0]?.powerW, null);
    assert.equal(opened(), 2);
    await live.close();
  });

  it('tries again after the sensors could not be opened', async () => {
    const clock = new ManualClock();
    let tries = 0;
    const live = new LivePower(
      thisMachine,
      () => {
        tries += 1;
        return tries === 1 ? Promise.reject(new Error('not now')) : Promise.resolve({ sensors: [], findings: [] });
      },
      clock,
    );
    await assert.rejects(live.read(), /not now/);
    clock.passS(1);
    assert.deepEqual(await live.read(), []);
    await live.close();
  });
});
