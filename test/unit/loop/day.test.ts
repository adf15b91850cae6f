import assert from 'node:assert/strict';
import { CapPeriods } from '../../../src/loop/cap-periods';
import { DayClock } from '../../../src/loop/day-clock';

describe('the clock of a day that is played fast', () => {
  it('stands still until the day begins, then runs as fast as the day is short', () => {
    let nowMs = 5_000;
    const day = new DayClock(24, () => nowMs);
    const madeMs = day.epochMs();
    nowMs += 3_000;
    assert.equal(day.monotonicMs(), 0);
    assert.equal(day.epochMs(), madeMs);
    day.begin();
    nowMs += 1_000;
    assert.equal(day.monotonicMs(), 3_600_000);
    assert.equal(day.epochMs(), madeMs + 1_000);
    day.begin();
    assert.equal(day.elapsedMs, 1_000);
  });
});

describe('control periods under a cap', () => {
  it('counts those whose mean power is above the mean cap by more than 2 %', () => {
    const periods = new CapPeriods();
    periods.holds(10, 0);
    periods.ends(10.1, 1_000);
    periods.ends(10.3, 2_000);
    assert.deepEqual(periods.figures, { periods: 2, above: 1, meanCapW: 10 });
  });

  it('weighs a cap that changes within a period by time', () => {
    const periods = new CapPeriods();
    periods.holds(20, 0);
    periods.holds(10, 750);
    periods.ends(17.6, 1_000);
    periods.ends(10.3, 2_000);
    assert.deepEqual(periods.figures, { periods: 2, above: 1, meanCapW: 13.75 });
  });

  it('counts no period of unknown power, or before there is a cap', () => {
    const periods = new CapPeriods();
    periods.ends(50, 1_000);
    periods.holds(10, 1_000);
    periods.ends(null, 2_000);
    assert.deepEqual(periods.figures, { periods: 0, above: 0, meanCapW: 10 });
  });

  it('forgets what was before the day', () => {
    const periods = new CapPeriods();
    periods.holds(10, 0);
    periods.ends(30, 1_000);
    periods.restart(5_000);
    periods.ends(9, 6_000);
    assert.deepEqual(periods.figures, { periods: 1, above: 0, meanCapW: 10 });
  });
});
