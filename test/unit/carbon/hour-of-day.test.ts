import assert from 'node:assert/strict';
import fc from 'fast-check';
import { forecastHourOfDay } from '../../../src/carbon/forecast/hour-of-day';
import { hourMs, type KnownCarbonPoint } from '../../../src/carbon/provider';

const start = Date.parse('2026-01-05T00:00:00Z');
const points = (values: readonly number[], stepMs = hourMs): KnownCarbonPoint[] =>
  values.map((intensityGPerKwh, index) => ({
    validFromMs: start + index * stepMs,
    validToMs: start + (index + 1) * stepMs,
    intensityGPerKwh,
    quality: 'measured',
  }));
const shape = (hour: number): number => 300 + 100 * Math.sin((2 * Math.PI * hour) / 24);

describe('hour-of-day forecast', () => {
  it('repeats a grid that repeats', () => {
    const history = points(Array.from({ length: 96 }, (_, hour) => shape(hour)));
    const forecast = forecastHourOfDay(history, 24) ?? [];
    assert.equal(forecast.length, 24);
    forecast.forEach(({ hourMs: at, intensityGPerKwh }, index) => {
      assert.equal(at, start + (96 + index) * hourMs);
      assert.ok(Math.abs(intensityGPerKwh - shape(index)) < 1e-9);
    });
  });

  it('follows the formula: profile of weighted days plus a departure that decays', () => {
    // Day one at 100, day two at 200, its last hour at 260.
    const history = points([...new Array<number>(24).fill(100), ...new Array<number>(23).fill(200), 260]);
    const [first, second] = forecastHourOfDay(history, 2) ?? [];
    // Seen from 23:00 of day two, all of day two is less than a day ago; so is 23:00 of day one exactly one day ago.
    const profile = (0.8 * 100 + 200) / 1.8;
    const departure = 260 - (0.8 * 100 + 260) / 1.8;
    assert.ok(Math.abs((first?.intensityGPerKwh ?? NaN) - (profile + departure * 0.97)) < 1e-9);
    assert.ok(Math.abs((second?.intensityGPerKwh ?? NaN) - (profile + departure * 0.97 ** 2)) < 1e-9);
  });

  it('averages within the hour', () => {
    const quarters = points(
      Array.from({ length: 24 * 4 }, (_, index) => (index % 4) * 100),
      hourMs / 4,
    );
    assert.deepEqual(
      forecastHourOfDay(quarters, 3)?.map(({ intensityGPerKwh }) => Math.round(intensityGPerKwh)),
      [150, 150, 150],
    );
  });

  it('makes none from less than a day', () => {
    assert.equal(forecastHourOfDay(points(new Array<number>(23).fill(300)), 24), null);
    assert.equal(forecastHourOfDay([], 24), null);
  });

  it('is never negative or unknown, whatever the grid did', () => {
    const history = fc.array(fc.double({ min: 0, max: 1500, noNaN: true }), { minLength: 24, maxLength: 200 });
    fc.assert(
      fc.property(history, (values) => {
        for (const { intensityGPerKwh } of forecastHourOfDay(points(values), 48) ?? []) {
          assert.ok(intensityGPerKwh >= 0 && Number.isFinite(intensityGPerKwh));
        }
      }),
      { numRuns: 50 },
    );
  });
});
