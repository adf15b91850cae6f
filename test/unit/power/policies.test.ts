import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CarbonBoundsLearner } from '../../../src/power/policies/carbon-bounds';
import { FixedPolicy } from '../../../src/power/policies/fixed';
import { linearCapW, LinearPolicy } from '../../../src/power/policies/linear';
import { Steadiness } from '../../../src/power/policies/steadiness';
import { reading } from './fakes';

const range = { minimumW: 10, maximumW: 30 };
const bounds = { lowGPerKwh: 100, highGPerKwh: 500 };
const hour = (n: number): string => new Date(Date.UTC(2025, 0, 1) + n * 3600_000).toISOString();

describe('linear power cap', () => {
  it('is the highest cap at the clean end, the lowest at the dirty end, and half-way between in the middle', () => {
    assert.equal(linearCapW(100, bounds, range), 30);
    assert.equal(linearCapW(500, bounds, range), 10);
    assert.equal(linearCapW(300, bounds, range), 20);
  });

  it('never rises with intensity and never leaves the range, whatever the bounds', () => {
    const finite = { noNaN: true, noDefaultInfinity: true };
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1500, ...finite }),
        fc.double({ min: 0, max: 1500, ...finite }),
        fc.double({ min: 0, max: 700, ...finite }),
        fc.double({ min: 1, max: 800, ...finite }),
        fc.double({ min: 0, max: 60, ...finite }),
        fc.double({ min: 0, max: 60, ...finite }),
        (a, b, lowGPerKwh, spread, minimumW, spanW) => {
          const own = { minimumW, maximumW: minimumW + spanW };
          const ends = { lowGPerKwh, highGPerKwh: lowGPerKwh + spread };
          const [cleaner, dirtier] = a < b ? [a, b] : [b, a];
          const high = linearCapW(cleaner, ends, own);
          const low = linearCapW(dirtier, ends, own);
          assert.ok(high >= low);
          assert.ok(low >= own.minimumW && high <= own.maximumW);
        },
      ),
    );
  });

  it('says in words what it did', () => {
    const policy = new LinearPolicy({ bounds, holdUnknownS: 60 });
    assert.match(policy.decide(reading(300), range, 0).reason, /300 g\/kWh in GB .*50 % .*set by hand.*20\.0 W/);
    assert.match(policy.decide(reading(90), range, 0).reason, /clean end.*highest cap, 30\.0 W/);
    assert.match(policy.decide(reading(900), range, 0).reason, /dirty end.*lowest cap, 10\.0 W/);
  });

  it('takes bounds set by hand before the trailing week, and that before what it learned', () => {
    const trailingBounds = { lowGPerKwh: 200, highGPerKwh: 400 };
    const byHand = new LinearPolicy({ bounds, holdUnknownS: 60 });
    assert.equal(byHand.decide(reading(200, { trailingBounds }), range, 0).capW, 25);
    const found = new LinearPolicy({ bounds: null, holdUnknownS: 60 });
    for (let n = 0; n < 10; n += 1) found.decide(reading(n * 100, { validFrom: hour(n) }), range, 0);
    assert.equal(found.decide(reading(200, { trailingBounds, validFrom: hour(10) }), range, 0).capW, 30);
    assert.match(found.decide(reading(200, { validFrom: hour(11) }), range, 0).reason, /readings seen so far/);
  });

  it('takes the safe middle while it does not know what is low and high, and says so', () => {
    const policy = new LinearPolicy({ bounds: null, holdUnknownS: 60 });
    const decision = policy.decide(reading(300), range, 0);
    assert.equal(decision.capW, 20);
    assert.match(decision.reason, /not yet known.*safe middle of 20\.0 W/);
  });

  it('holds the last cap while the intensity is unknown, then takes the safe middle', () => {
    const policy = new LinearPolicy({ bounds, holdUnknownS: 60 });
    assert.equal(policy.decide(reading(100), range, 0).capW, 30);
    const held = policy.decide(reading(null), range, 1_000);
    assert.equal(held.capW, 30);
    assert.match(held.reason, /unknown.*last cap of 30\.0 W stands/);
    assert.equal(policy.decide(reading(null), range, 60_999).capW, 30);
    const fallen = policy.decide(reading(null), range, 61_000);
    assert.equal(fallen.capW, 20);
    assert.match(fallen.reason, /unknown for 60 s: safe middle/);
    assert.equal(policy.decide(reading(500), range, 62_000).capW, 10);
    assert.equal(policy.decide(reading(null), range, 63_000).capW, 10, 'a known reading starts the hold anew');
  });

  it('does not act on a suspect reading', () => {
    const policy = new LinearPolicy({ bounds, holdUnknownS: 60 });
    policy.decide(reading(100), range, 0);
    const decision = policy.decide(reading(1400, { suspect: true }), range, 1);
    assert.equal(decision.capW, 30);
    assert.match(decision.reason, /suspect/);
  });
});

describe('carbon bounds', () => {
  it('learns the 5th and 95th percentile of the trailing week of reading time', () => {
    const learner = new CarbonBoundsLearner();
    for (let n = 0; n <= 100; n += 1) learner.learn(reading(n, { validFrom: hour(n) }));
    const found = learner.boundsFor(reading(50));
    assert.deepEqual([found?.lowGPerKwh, found?.highGPerKwh], [5, 95]);
    for (let n = 0; n <= 20; n += 1) learner.learn(reading(500 + n, { validFrom: hour(24 * 30 + n) }));
    const later = learner.boundsFor(reading(50));
    assert.deepEqual([later?.lowGPerKwh, later?.highGPerKwh], [501, 519], 'what is older than a week is forgotten');
  });

  it('counts a restated interval once, and never mixes zone, signal or basis', () => {
    const learner = new CarbonBoundsLearner();
    for (let n = 0; n < 6; n += 1) learner.learn(reading(100 + n, { validFrom: hour(0) }));
    assert.equal(learner.boundsFor(reading(100)), null, 'six readings of one interval are one reading');
    for (let n = 0; n < 6; n += 1) learner.learn(reading(100 + n, { validFrom: hour(n) }));
    assert.ok(learner.boundsFor(reading(100)));
    assert.equal(learner.boundsFor(reading(100, { signal: 'marginal' })), null);
    assert.equal(learner.boundsFor(reading(100, { basis: 'direct' })), null);
    assert.equal(learner.boundsFor(reading(100, { zone: 'DE' })), null);
  });
});

describe('fixed power cap', () => {
  it('keeps to its watts and to the limits', () => {
    assert.deepEqual(new FixedPolicy(20).decide(null, range), { capW: 20, reason: 'fixed at 20.0 W' });
    assert.equal(new FixedPolicy(99).decide(null, range).capW, 30);
    assert.match(new FixedPolicy(99).decide(null, range).reason, /highest allowed cap of 30\.0 W/);
    assert.equal(new FixedPolicy(1).decide(null, range).capW, 10);
  });
});

describe('steadiness of the cap', () => {
  it('moves down at once, up only after the dwell time', () => {
    const steadiness = new Steadiness({ leastChangeW: 1, leastDwellS: 60 });
    assert.equal(steadiness.take(20, 0).capW, 20);
    assert.equal(steadiness.take(10, 1_000).capW, 10);
    const held = steadiness.take(20, 2_000);
    assert.equal(held.capW, 10);
    assert.match(held.heldBecause ?? '', /may rise in 59 s/);
    assert.equal(steadiness.take(20, 61_000).capW, 20);
  });

  it('waits twice as long after each rise that was soon taken back, until one has lasted', () => {
    const steadiness = new Steadiness({ leastChangeW: 1, leastDwellS: 60 });
    // A grid that jumps every minute.
    const risesAtS: number[] = [];
    let before = steadiness.take(10, 0).capW;
    for (let s = 60; s <= 3600; s += 60) {
      const { capW, heldBecause } = steadiness.take((s / 60) % 2 === 1 ? 20 : 10, s * 1000);
      if (capW > before) risesAtS.push(s);
      if (heldBecause !== null && risesAtS.length > 1)
        assert.match(heldBecause, /may rise in \d+ s, for its last rise/);
      before = capW;
    }
    // Waits of 1, 2, 4, 8, 16 and 16 minutes, and what is left until the grid is clean again.
    assert.deepEqual(risesAtS, [60, 300, 660, 1260, 2340, 3420]);
    // A rise that lasts ends it.
    const from = 3600 + 960;
    assert.equal(steadiness.take(20, (from + 60) * 1000).capW, 20);
    assert.equal(steadiness.take(10, (from + 60 + 3600) * 1000).capW, 10);
    assert.equal(steadiness.take(20, (from + 60 + 3600 + 60) * 1000).capW, 20);
  });

  it('never moves while the wanted cap stays within the band, and always stands where it was wanted once', () => {
    const wanted = fc.double({ min: 10, max: 30, noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(wanted, fc.array(fc.double({ min: -0.49, max: 0.49, noNaN: true })), (start, noise) => {
        const steadiness = new Steadiness({ leastChangeW: 0.5, leastDwellS: 0 });
        steadiness.take(start, 0);
        for (const [index, change] of noise.entries()) {
          assert.equal(steadiness.take(start + change, (index + 1) * 1000).capW, start);
        }
      }),
    );
    fc.assert(
      fc.property(fc.array(wanted, { minLength: 1 }), (wishes) => {
        const steadiness = new Steadiness({ leastChangeW: 0.5, leastDwellS: 5 });
        let before: number | null = null;
        for (const [index, wish] of wishes.entries()) {
          const { capW, changed } = steadiness.take(wish, index * 1000);
          assert.equal(capW, changed ? wish : before);
          if (changed && before !== null) assert.ok(Math.abs(capW - before) >= 0.5);
          if (before !== null && wish <= before - 0.5) assert.equal(capW, wish, 'down at once');
          before = capW;
        }
      }),
    );
  });
});
