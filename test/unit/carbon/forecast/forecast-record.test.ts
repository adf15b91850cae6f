import assert from 'node:assert/strict';
import {
  emptyForecastRecord,
  forecastRecordSchema,
  halfWidthOf,
  recordForecast,
} from '../../../../src/carbon/forecast/forecast-record';
import { hourMs, type CarbonPoint } from '../../../../src/carbon/provider';
import { monday, pointsFrom, seededUniform, shape } from './support';

const aheadOf = (atHour: number, error: (ahead: number) => number, hours = 24): CarbonPoint[] =>
  Array.from({ length: hours }, (_, ahead) => ({
    validFromMs: monday + (atHour + ahead) * hourMs,
    validToMs: monday + (atHour + ahead + 1) * hourMs,
    intensityGPerKwh: shape(atHour + ahead) + error(ahead),
    quality: 'forecast',
  }));

/** A provider asked each hour, whose forecast is off by `error`. */
function afterHours(hours: number, error: (ahead: number) => number): typeof emptyForecastRecord {
  let record = emptyForecastRecord;
  for (let hour = 1; hour <= hours; hour += 1) {
    const known = pointsFrom(Array.from({ length: hour }, (_, index) => shape(index)));
    record = recordForecast(record, monday + hour * hourMs, aheadOf(hour, error), known);
  }
  return record;
}

describe("record of a provider's forecasts", () => {
  it('states no bounds before it has seen ten forecasts come true, and then those of its errors', () => {
    const off = (ahead: number): number => 10 + ahead;
    assert.equal(halfWidthOf(afterHours(40, off), monday, monday), null);
    const record = afterHours(120, off);
    assert.equal(halfWidthOf(record, monday, monday), 10);
    assert.equal(halfWidthOf(record, monday, monday + 5 * hourMs), 15);
    assert.equal(halfWidthOf(record, monday, monday + 60 * hourMs), null, 'it never forecast as far');
  });

  it('holds nine of ten of what comes', () => {
    const uniform = seededUniform(8);
    const record = afterHours(30 * 24, () => 100 * (uniform() - 0.5));
    const width = halfWidthOf(record, monday, monday + 3 * hourMs) ?? Number.NaN;
    assert.ok(width > 38 && width < 50, `${width}`);
  });

  it('takes a forecast down every six hours only, and forgets what has come', () => {
    const record = afterHours(200, () => 1);
    assert.ok(record.noted.length <= 5, `${record.noted.length}`);
    assert.ok(record.noted.every(({ points }) => points.every(([, toMs]) => toMs > monday + 200 * hourMs)));
    assert.ok(record.errors.every((errors) => errors.length <= 84));
    assert.deepEqual(forecastRecordSchema.parse(JSON.parse(JSON.stringify(record))), record);
  });

  it('waits a day for a late value and then gives it up', () => {
    const first = recordForecast(
      emptyForecastRecord,
      monday,
      aheadOf(0, () => 5, 2),
      [],
    );
    const late = recordForecast(first, monday + 20 * hourMs, [], []);
    assert.equal(late.noted[0]?.points.length, 2);
    const seen = recordForecast(late, monday + 21 * hourMs, [], pointsFrom([shape(0)]));
    assert.deepEqual(seen.errors, [[5]]);
    assert.equal(recordForecast(late, monday + 27 * hourMs, [], []).noted.length, 0);
  });

  it('does not compare forecasts with forecasts', () => {
    const first = recordForecast(
      emptyForecastRecord,
      monday,
      aheadOf(0, () => 5, 2),
      [],
    );
    const forecast = pointsFrom([shape(0), shape(1)]).map((point) => ({ ...point, quality: 'forecast' as const }));
    assert.deepEqual(recordForecast(first, monday + 3 * hourMs, [], forecast).errors, []);
  });

  it('compares an hour with the mean of its quarters, once all are known', () => {
    const first = recordForecast(
      emptyForecastRecord,
      monday,
      aheadOf(0, () => 0, 1),
      [],
    );
    const quarters = pointsFrom([290, 310, 330, 350], monday, hourMs / 4);
    assert.deepEqual(recordForecast(first, monday + hourMs, [], quarters.slice(0, 3)).errors, []);
    assert.deepEqual(recordForecast(first, monday + hourMs, [], quarters).errors, [[20]]);
  });
});
