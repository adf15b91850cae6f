import assert from 'node:assert/strict';
import fc from 'fast-check';
import { forecastHours, type HourForecast } from '../../../../src/carbon/forecast/own-forecast';
import { hourMs } from '../../../../src/carbon/provider';
import { monday, pointsFrom, shape, windyGrid } from './support';

const valuesOf = (forecast: readonly HourForecast[] | null): number[] =>
  (forecast ?? []).map(({ intensityGPerKwh }) => intensityGPerKwh);
const near = (actual: number | undefined, expected: number, within: number): void =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) <= within, `${actual} is not ${expected}`);

describe('own forecast', () => {
  it('repeats a grid that repeats, and is sure of it', () => {
    const history = pointsFrom(Array.from({ length: 28 * 24 }, (_, hour) => shape(hour)));
    const forecast = forecastHours(history, 96) ?? [];
    assert.equal(forecast.length, 96);
    forecast.forEach(({ hourMs: at, intensityGPerKwh, lowerGPerKwh, upperGPerKwh }, ahead) => {
      assert.equal(at, monday + (28 * 24 + ahead) * hourMs);
      near(intensityGPerKwh, shape(ahead), 1e-9);
      assert.ok((upperGPerKwh ?? 999) - (lowerGPerKwh ?? 0) < 1e-9);
    });
  });

  it('tells weekends from working days', () => {
    // Four weeks from a Monday on: 300 on working days, 200 on weekends. The forecast begins on the fifth Monday.
    const day = (index: number): number => (index % 7 >= 5 ? 200 : 300);
    const history = pointsFrom(Array.from({ length: 26 * 24 }, (_, hour) => day(Math.floor(hour / 24))));
    const values = valuesOf(forecastHours(history, 96));
    const saturday = values.slice(4, 20);
    const mondayAfter = values.slice(52, 68);
    assert.equal(new Date(monday + 26 * 24 * hourMs).getUTCDay(), 6);
    const mean = (list: number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
    assert.ok(mean(mondayAfter) > mean(saturday) + 10, `${mean(saturday)} then ${mean(mondayAfter)}`);
  });

  it('carries a departure on and lets it fade', () => {
    const usual = windyGrid(28, 7);
    const lifted = usual.map((value, hour) => (hour >= 28 * 24 - 6 ? value + 60 : value));
    const without = valuesOf(forecastHours(pointsFrom(usual), 96));
    const lift = valuesOf(forecastHours(pointsFrom(lifted), 96)).map((value, ahead) => value - (without[ahead] ?? 0));
    assert.ok((lift[0] ?? 0) > 30, `first ${lift[0]}`);
    assert.ok((lift[24] ?? 0) < (lift[0] ?? 0), 'after a day less is left');
    assert.ok(Math.abs(lift[90] ?? 99) < 25, `last ${lift[90]}`);
  });

  it('expects of the second day what the first one was, from its first hour on', () => {
    const day = Array.from({ length: 24 }, (_, hour) => shape(hour));
    valuesOf(forecastHours(pointsFrom(day), 24)).forEach((value, ahead) => near(value, shape(ahead), 1e-9));
    // An hour that lies a little lower lowers those after it a little, and nothing more.
    const later = valuesOf(forecastHours(pointsFrom([...day, shape(0) - 10]), 23));
    later.forEach((value, ahead) => {
      const lower = shape(ahead + 1) - value;
      assert.ok(lower > 0 && lower < 10, `${lower} in hour ${ahead + 1}`);
    });
  });

  it('bounds what comes about as often as it says, on a grid it has not seen', () => {
    let inside = 0;
    let hours = 0;
    for (let seed = 1; seed <= 30; seed += 1) {
      const grid = windyGrid(32, seed);
      const forecast = forecastHours(pointsFrom(grid.slice(0, 28 * 24)), 96) ?? [];
      forecast.forEach(({ lowerGPerKwh, upperGPerKwh }, ahead) => {
        const actual = grid[28 * 24 + ahead] ?? Number.NaN;
        assert.ok(lowerGPerKwh !== null && upperGPerKwh !== null);
        hours += 1;
        if (lowerGPerKwh <= actual && actual <= upperGPerKwh) inside += 1;
      });
    }
    assert.ok(inside / hours > 0.84 && inside / hours < 0.97, `${inside / hours}`);
  });

  it('is less sure of later hours', () => {
    const forecast = forecastHours(pointsFrom(windyGrid(28, 3)), 96) ?? [];
    const width = (ahead: number): number =>
      (forecast[ahead]?.upperGPerKwh ?? 0) - (forecast[ahead]?.lowerGPerKwh ?? 0);
    assert.ok(width(0) > 0 && width(0) < width(24), `${width(0)} then ${width(24)}`);
  });

  it('is less sure where the hour of the day is hard', () => {
    // Calm nights, restless afternoons.
    const noise = windyGrid(29, 11).map((value, hour) => value - shape(hour));
    const grid = noise.map((value, hour) => 300 + (hour % 24 >= 12 && hour % 24 < 18 ? 3 : 0.2) * value);
    const forecast = forecastHours(pointsFrom(grid.slice(0, 28 * 24)), 24) ?? [];
    const width = (ahead: number): number =>
      (forecast[ahead]?.upperGPerKwh ?? 0) - (forecast[ahead]?.lowerGPerKwh ?? 0);
    assert.ok(width(14) > 2 * width(4), `${width(4)} at night, ${width(14)} in the afternoon`);
  });

  it('states no bounds from a week, and no forecast from less than a day', () => {
    const week = forecastHours(pointsFrom(windyGrid(7, 1)), 24) ?? [];
    assert.equal(week.length, 24);
    assert.ok(week.every(({ lowerGPerKwh, upperGPerKwh }) => lowerGPerKwh === null && upperGPerKwh === null));
    assert.equal(forecastHours(pointsFrom(new Array<number>(23).fill(300)), 24), null);
    assert.equal(forecastHours([], 24), null);
  });

  it('averages within the hour', () => {
    const quarters = pointsFrom(
      Array.from({ length: 24 * 4 }, (_, index) => (index % 4) * 100),
      monday,
      hourMs / 4,
    );
    assert.deepEqual(valuesOf(forecastHours(quarters, 3)).map(Math.round), [150, 150, 150]);
  });

  it('begins its hours where the provider begins them', () => {
    // India: hourly values from half past to half past (UTC).
    const half = hourMs / 2;
    const history = pointsFrom(
      Array.from({ length: 96 }, (_, hour) => shape(hour)),
      monday + half,
    );
    const forecast = forecastHours(history, 24) ?? [];
    assert.equal(forecast[0]?.hourMs, monday + half + 96 * hourMs);
    valuesOf(forecast).forEach((value, ahead) => near(value, shape(ahead), 1e-9));
  });

  it('learns nothing from a gap, and does not lose its place', () => {
    const grid = Array.from({ length: 28 * 24 }, (_, hour) => shape(hour));
    const history = pointsFrom(grid).filter((_, hour) => hour < 400 || hour > 430);
    valuesOf(forecastHours(history, 48)).forEach((value, ahead) => near(value, shape(ahead), 1e-6));
  });

  it('looks back no more than 28 days', () => {
    const recent = windyGrid(28, 5);
    const before = pointsFrom(windyGrid(10, 6), monday - 10 * 24 * hourMs);
    const with_ = forecastHours([...before, ...pointsFrom(recent)], 24);
    assert.deepEqual(with_, forecastHours(pointsFrom(recent), 24));
  });

  it('knows no time zone: whatever the machine is set to, the same hours get the same values', () => {
    const history = pointsFrom(windyGrid(28, 9), Date.parse('2026-03-01T00:00:00Z'));
    const zone = process.env.TZ;
    try {
      const forecasts = ['UTC', 'America/Chicago', 'Europe/Berlin', 'Asia/Kolkata', 'Pacific/Auckland'].map((name) => {
        process.env.TZ = name;
        return forecastHours(history, 96);
      });
      for (const forecast of forecasts) assert.deepEqual(forecast, forecasts[0]);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  const grids = fc.array(fc.double({ min: 0, max: 1500, noNaN: true }), { minLength: 24, maxLength: 300 });

  it('is never negative, unknown or outside its own bounds, whatever the grid did', () => {
    const holes = fc.array(fc.boolean(), { minLength: 300, maxLength: 300 });
    fc.assert(
      fc.property(grids, holes, (values, known) => {
        const history = pointsFrom(values).filter((_, hour) => known[hour] ?? true);
        for (const { intensityGPerKwh, lowerGPerKwh, upperGPerKwh } of forecastHours(history, 110) ?? []) {
          assert.ok(intensityGPerKwh >= 0 && intensityGPerKwh <= 1500, String(intensityGPerKwh));
          assert.equal(lowerGPerKwh === null, upperGPerKwh === null);
          if (lowerGPerKwh === null || upperGPerKwh === null) continue;
          assert.ok(0 <= lowerGPerKwh && lowerGPerKwh <= intensityGPerKwh);
          assert.ok(intensityGPerKwh <= upperGPerKwh && upperGPerKwh <= 1500);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('does not depend on which week it is, nor on the unit', () => {
    const low = grids.map((values) => values.map((value) => value / 3));
    fc.assert(
      fc.property(low, fc.integer({ min: -500, max: 500 }), (values, weeks) => {
        const here = valuesOf(forecastHours(pointsFrom(values), 48));
        const there = valuesOf(forecastHours(pointsFrom(values, monday + weeks * 7 * 24 * hourMs), 48));
        assert.deepEqual(there, here);
        const halved = valuesOf(forecastHours(pointsFrom(values.map((value) => value / 2)), 48));
        halved.forEach((value, ahead) => near(2 * value, here[ahead] ?? Number.NaN, 1e-6));
      }),
      { numRuns: 40, seed: 2 },
    );
  });
});
