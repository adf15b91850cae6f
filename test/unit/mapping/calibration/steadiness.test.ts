import assert from 'node:assert/strict';
import type { CalibrationRecord } from '../../../../src/mapping/calibration/sample-records';
import { judge } from '../../../../src/mapping/calibration/steadiness';

const at = '2026-11-21T20:00:00.000Z';
const anchor = (slowness: number, point = 'full'): CalibrationRecord => ({
  kind: 'anchor',
  at,
  point,
  lnLatency: Math.log(0.02 * slowness),
});
const sample = (planned: number): CalibrationRecord => ({
  kind: 'sample',
  at,
  planned,
  sample: null,
  powerSource: 'modelled',
});

describe('steadiness of a device while it is measured', () => {
  it('takes everything between anchors that agree', () => {
    const { good, setAside, isAway } = judge([anchor(1), sample(0), sample(1), anchor(1.08), sample(2), anchor(0.97)]);
    assert.deepEqual([...good.keys()], [0, 1, 2]);
    assert.deepEqual([setAside, isAway], [[], false]);
  });

  it('sets aside what lies beside an anchor that is more than 10 % away, on both of its sides', () => {
    const throttled = [anchor(1), sample(0), anchor(1), sample(1), anchor(1.3), sample(2)];
    assert.deepEqual([...judge(throttled).good.keys()], [0]);
    assert.deepEqual(judge(throttled).setAside, [1, 2]);
    assert.equal(judge(throttled).isAway, true);
    const recovered = judge([...throttled, anchor(1.02), sample(3), sample(1), anchor(1)]);
    assert.deepEqual([...recovered.good.keys()].sort(), [0, 1, 3]);
    assert.deepEqual(recovered.setAside, [2]);
    assert.equal(recovered.isAway, false);
  });

  it('takes the speed that the device mostly had, not the one that it began with', () => {
    const warm = [anchor(0.8), sample(0), anchor(1), sample(1), anchor(1.01), sample(2), anchor(0.99)];
    assert.deepEqual(judge(warm).setAside, [0]);
  });

  it('does not compare operating points', () => {
    const changed = [anchor(1), sample(0), anchor(2, 'half'), sample(1), anchor(2, 'half')];
    assert.deepEqual([...judge(changed).good.keys()], [0, 1]);
  });
});
