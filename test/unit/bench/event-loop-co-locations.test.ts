import assert from 'node:assert/strict';
import { parseCoLocations } from '../../../bench/event-loop/co-locations';
import { calibrateSchema } from '../../../src/signals/calibration';

describe('the co-locations of the event loop benchmark', () => {
  const isTaken = (samples: number): boolean => calibrateSchema.safeParse({ action: 'start', samples }).success;

  it('are as many as a calibration takes', () => {
    for (const text of ['40', '60', '1000']) {
      assert.equal(parseCoLocations(text), Number(text));
      assert.ok(isTaken(Number(text)));
    }
  });

  it('are refused at once, with what to give, where the message to calibrate would be refused', () => {
    for (const text of ['39', '0', '-60', '1001', '60.5', '', 'many']) {
      assert.throws(() => parseCoLocations(text), /--calibrate .*whole number of co-locations from 40 to 1000/);
      assert.ok(text === '' || !isTaken(Number(text)));
    }
  });
});
