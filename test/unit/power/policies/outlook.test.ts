import assert from 'node:assert/strict';
import { GridTime } from '../../../../src/power/policies/grid-time';
import { GridOutlook } from '../../../../src/power/policies/outlook';
import { reading } from '../fakes';

const hourMs = 3_600_000;
const beginMs = Date.UTC(2026, 0, 5);
const time = (hour: number): string => new Date(beginMs + hour * hourMs).toISOString();
const forecastOf = (from: number, hours: number, value: (hour: number) => number) =>
  Array.from({ length: hours }, (_, at) => ({
    validFrom: time(from + at),
    validTo: time(from + at + 1),
    intensityGPerKwh: value(from + at),
  }));

function learnt(hours: number, actual: (hour: number) => number, forecast: ((hour: number) => number) | null) {
  const outlook = new GridOutlook();
  for (let hour = 0; hour <= hours; hour += 1) {
    const ahead = forecast === null ? [] : forecastOf(hour, 48, forecast);
    const now = reading(actual(hour), { validFrom: time(hour), validTo: time(hour + 1), forecast: ahead });
    outlook.learn(now, beginMs + hour * hourMs);
  }
  const { points, from } = outlook.ahead(beginMs + hours * hourMs, 24 * hourMs);
  return {
    from,
    at: (hour: number) => points.find(({ validFrom }) => validFrom === time(hours + hour))?.intensityGPerKwh,
  };
}

const day = (hour: number): number => 300 + 100 * Math.sin((hour / 24) * 2 * Math.PI);
const near = (actual: number | undefined, expected: number, within = 5): void =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= within, `${actual}, expected ${expected}`);

describe('outlook of the grid', () => {
  it('takes the forecast that comes with the reading', () => {
    const { at, from } = learnt(3, day, day);
    assert.equal(from, 'forecast');
    near(at(6), day(9), 0.01);
  });

  it('corrects the level of a forecast that is off by a factor', () => {
    near(learnt(3, day, (hour) => 3 * day(hour)).at(6), day(9), 8);
    near(learnt(3, day, (hour) => day(hour) / 3).at(6), day(9), 8);
  });

  it('does not correct a forecast that was made from the readings themselves', () => {
    const outlook = new GridOutlook();
    // Each hour comes out higher than the forecast of an hour before, which has taken that into account by itself.
    for (let hour = 0; hour <= 5; hour += 1) {
      const forecast = forecastOf(hour + 1, 24, (at) => 100 + 50 * hour + at);
      const fields = { validFrom: time(hour), validTo: time(hour + 1), forecast, forecastBy: 'own' as const };
      outlook.learn(reading(150 + 50 * hour, fields), beginMs + hour * hourMs);
    }
    const { points, from } = outlook.ahead(beginMs + 5 * hourMs, 6 * hourMs);
    assert.equal(from, 'forecast');
    near(points.find(({ validFrom }) => validFrom === time(8))?.intensityGPerKwh, 100 + 50 * 5 + 8, 0.01);
  });

  it('takes a reading to hold until its interval ends, where the forecast begins after it', () => {
    const outlook = new GridOutlook();
    for (let hour = 0; hour <= 2; hour += 1) {
      const forecast = forecastOf(hour + 1, 24, () => 500);
      outlook.learn(
        reading(100 + 100 * hour, { validFrom: time(hour), validTo: time(hour + 1), forecast }),
        beginMs + hour * hourMs,
      );
    }
    const { points } = outlook.ahead(beginMs + 2 * hourMs, 2 * hourMs);
    assert.deepEqual(
      points.slice(0, 2).map(({ intensityGPerKwh }) => intensityGPerKwh),
      [300, 300],
    );
  });

  it('goes by the day before where there is no forecast, or where it has been clearly better', () => {
    const without = learnt(30, day, null);
    assert.equal(without.from, 'day before');
    near(without.at(6), day(36), 0.01);
    const wrong = learnt(40, day, (hour) => 600 - day(hour));
    assert.equal(wrong.from, 'day before');
    near(wrong.at(6), day(46), 0.01);
  });

  it('expects the mean of what was seen before a day is over', () => {
    const { at, from } = learnt(5, (hour) => 100 + 10 * hour, null);
    assert.equal(from, 'readings');
    near(at(3), 125, 0.01);
  });

  it('knows nothing from nothing, and stands in for a reading that knows nothing', () => {
    const outlook = new GridOutlook();
    outlook.learn(reading(null), beginMs);
    assert.equal(outlook.intensityNow(beginMs), null);
    assert.deepEqual(outlook.ahead(beginMs, hourMs), { points: [], from: 'nothing' });
    outlook.learn(reading(200, { validFrom: time(0) }), beginMs);
    outlook.learn(reading(null, { validFrom: time(1) }), beginMs + hourMs);
    assert.equal(outlook.intensityNow(beginMs + hourMs), 200);
  });

  it('forgets one grid for another', () => {
    const outlook = new GridOutlook();
    outlook.learn(reading(200), beginMs);
    outlook.learn(reading(null, { zone: 'DE' }), beginMs);
    assert.equal(outlook.intensityNow(beginMs), null);
  });
});

describe('time of the grid', () => {
  it('is that of the newest reading and goes on with the clock', () => {
    const grid = new GridTime();
    assert.equal(grid.at(reading(1, { validFrom: time(0) }), 0), beginMs);
    assert.equal(grid.at(reading(1, { validFrom: time(0) }), 600_000), beginMs + 600_000);
    assert.equal(grid.at(reading(1, { validFrom: time(1) }), 601_000), beginMs + hourMs);
    // Restated late: not back in time.
    assert.equal(grid.at(reading(1, { validFrom: time(0.5) }), 602_000), beginMs + hourMs + 1000);
    // A recording that begins anew.
    assert.equal(grid.at(reading(1, { validFrom: time(-24) }), 603_000), beginMs - 24 * hourMs);
  });
});
