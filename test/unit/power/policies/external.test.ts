import assert from 'node:assert/strict';
import { ExternalPolicy } from '../../../../src/power/policies/external';

const limits = { minimumW: 12, maximumW: 25 };
const surroundings = { meanPowerW: null, deviceRange: { minimumW: 10, maximumW: 30 } };

describe('external power cap', () => {
  it('takes the safe middle of the device until a number comes, and again when none has come for too long', () => {
    const policy = new ExternalPolicy({ staleAfterS: 60 });
    const open = { minimumW: 0, maximumW: Infinity };
    assert.equal(policy.decide(null, open, 0, surroundings).capW, 20);
    policy.tell(14, 1000);
    assert.equal(policy.decide(null, open, 61_000, surroundings).capW, 14);
    const stale = policy.decide(null, open, 61_001, surroundings);
    assert.equal(stale.capW, 20);
    assert.match(stale.reason, /the last message, 14\.0 W, came 60 s ago, longer than 60 s: safe middle of 20\.0 W/);
  });

  it('keeps to the stated limits and says so', () => {
    const policy = new ExternalPolicy({ staleAfterS: 60 });
    policy.tell(50, 0);
    const { capW, reason } = policy.decide(null, limits, 0, surroundings);
    assert.equal(capW, 25);
    assert.match(reason, /50\.0 W asked for by message, held at the highest allowed cap of 25\.0 W/);
    policy.tell(1, 0);
    assert.equal(policy.decide(null, limits, 0, surroundings).capW, 12);
  });
});
