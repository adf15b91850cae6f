import assert from 'node:assert/strict';
import { TwoLevelPolicy } from '../../../../src/power/policies/two-level';
import { reading } from '../fakes';

const range = { minimumW: 10, maximumW: 30 };
const thresholds = { lowGPerKwh: 200, highGPerKwh: 400 };

describe('two-level power cap', () => {
  it('goes high below the clean threshold, low above the dirty one, and stays in between', () => {
    const policy = new TwoLevelPolicy({ thresholds, holdUnknownS: 60 });
    const caps = [300, 199, 300, 400, 401, 300, 201, 199].map((g) => policy.decide(reading(g), range, 0).capW);
    assert.deepEqual(caps, [20, 30, 30, 30, 10, 10, 10, 30]);
  });

  it('says why', () => {
    const policy = new TwoLevelPolicy({ thresholds, holdUnknownS: 60 });
    const reasons = [300, 150, 300, 500].map((g) => policy.decide(reading(g), range, 0).reason);
    assert.match(reasons[0] ?? '', /between 200 and 400 g\/kWh.*safe middle of 20\.0 W/);
    assert.match(reasons[1] ?? '', /cleaner than 200 g\/kWh \(set by hand\): highest cap, 30\.0 W/);
    assert.match(reasons[2] ?? '', /the highest cap stays, 30\.0 W/);
    assert.match(reasons[3] ?? '', /dirtier than 400 g\/kWh.*lowest cap, 10\.0 W/);
  });

  it('takes the thirds of the trailing week as thresholds, and the safe middle while nothing is known', () => {
    const policy = new TwoLevelPolicy({ thresholds: null, holdUnknownS: 60 });
    assert.equal(policy.decide(reading(300), range, 0).capW, 20);
    const trailingBounds = { lowGPerKwh: 100, highGPerKwh: 400 };
    assert.equal(policy.decide(reading(199, { trailingBounds }), range, 0).capW, 30);
    assert.equal(policy.decide(reading(299, { trailingBounds }), range, 0).capW, 30);
    assert.equal(policy.decide(reading(301, { trailingBounds }), range, 0).capW, 10);
  });

  it('holds the last cap while the intensity is unknown, then takes the safe middle', () => {
    const policy = new TwoLevelPolicy({ thresholds, holdUnknownS: 60 });
    policy.decide(reading(500), range, 0);
    assert.equal(policy.decide(reading(null), range, 1000).capW, 10);
    assert.equal(policy.decide(reading(900, { suspect: true }), range, 30_000).capW, 10);
    assert.equal(policy.decide(reading(null), range, 62_000).capW, 20);
    assert.equal(policy.decide(reading(300), range, 63_000).capW, 10);
  });
});
