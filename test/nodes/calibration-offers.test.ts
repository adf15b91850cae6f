import assert from 'node:assert/strict';
import { CalibrationOffers } from '../../nodes/shared/calibration-offers';
import { ScriptedCalibration } from '../support/scripted-calibration';

describe('the calibrations on offer at a device', () => {
  it('tell everybody who measures on the device when one of them begins and ends', () => {
    const offers = new CalibrationOffers();
    const offerOf = (calibration: ScriptedCalibration) => ({ by: 'planner', tenants: [], samples: 160, calibration });
    const [one, two] = [new ScriptedCalibration(), new ScriptedCalibration()];
    const told: boolean[] = [];
    const stop = offers.watch(() => told.push(offers.isUnderWay));
    offers.announce(offerOf(one));
    const withdraw = offers.announce(offerOf(two));
    assert.equal(offers.isUnderWay, false);
    one.start();
    one.become({ done: 3 });
    one.become({ phase: 'training' });
    assert.deepEqual(told, [true]);
    one.become({ phase: 'done' });
    assert.deepEqual(told, [true, false]);
    two.start();
    // Its node is deployed anew.
    withdraw();
    assert.deepEqual(told, [true, false, true, false]);
    assert.equal(two.listeners, 0);
    stop();
    one.start();
    assert.equal(told.length, 4);
  });

  it('all use what one of them has learned, at once and without a redeploy', () => {
    const offers = new CalibrationOffers();
    const calibrations = [new ScriptedCalibration(), new ScriptedCalibration(), new ScriptedCalibration()] as const;
    const [one, two, gone] = calibrations;
    offers.announce({ by: 'one', tenants: [], samples: 160, calibration: one });
    offers.announce({ by: 'two', tenants: [], samples: 160, calibration: two });
    offers.announce({ by: 'gone', tenants: [], samples: 160, calibration: gone })();
    const caughtUp = (): number[] =>
      calibrations.map(({ asked }) => asked.filter((what) => what === 'catch up').length);
    one.start();
    one.become({ phase: 'training' });
    assert.deepEqual(caughtUp(), [0, 0, 0]);
    one.become({ phase: 'done' });
    assert.deepEqual(caughtUp(), [0, 1, 0]);
    for (const phase of ['failed', 'cancelled', 'interrupted'] as const) {
      two.start();
      two.become({ phase });
    }
    assert.deepEqual(caughtUp(), [0, 1, 0]);
    two.start();
    two.become({ phase: 'done' });
    assert.deepEqual(caughtUp(), [1, 1, 0]);
  });
});
