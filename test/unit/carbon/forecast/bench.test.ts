import assert from 'node:assert/strict';
import { holtWinters, hourOfDay, persistence, seasonal, type Forecaster } from '../../../../bench/forecast/baselines';
import { Scores } from '../../../../bench/forecast/scores';
import { shape } from './support';

const days = (count: number): Float64Array => Float64Array.from({ length: count * 24 }, (_, hour) => shape(hour));

describe('forecast benchmark', () => {
  it('has baselines that do what their names say', () => {
    const history = Float64Array.from({ length: 200 }, (_, hour) => hour);
    assert.deepEqual([...persistence(history, 2)], [199, 199]);
    assert.deepEqual([...seasonal(24)(history, 26)].slice(22), [198, 199, 176, 177]);
    assert.deepEqual([...seasonal(168)(history, 2)], [32, 33]);
    history[176] = Number.NaN;
    assert.equal(seasonal(24)(history, 1)[0], 152, 'a missing hour is looked up a season earlier');
  });

  it('has baselines that know a grid that repeats', () => {
    const seasons: Forecaster[] = [seasonal(24), seasonal(168), holtWinters, hourOfDay];
    for (const forecaster of seasons) {
      forecaster(days(28), 96).forEach((value, ahead) => assert.ok(Math.abs(value - shape(ahead)) < 1e-6));
    }
  });

  it('scores a perfect forecast, one that is off by a tenth, and one that is upside down', () => {
    const actual = days(4);
    const scoresOf = (forecast: Float64Array): Scores => {
      const scores = new Scores();
      scores.add(forecast, actual);
      return scores;
    };
    const perfect = scoresOf(actual);
    assert.deepEqual([perfect.nmae24Pct, perfect.nmae96Pct, perfect.best8ShareKeptPct], [0, 0, 100]);
    const off = scoresOf(actual.map((value) => 1.1 * value));
    assert.ok(Math.abs(off.nmae24Pct - 10) < 1e-9 && Math.abs(off.best8ShareKeptPct - 100) < 1e-9);
    assert.ok(scoresOf(actual.map((value) => -value)).best8ShareKeptPct < -90);
  });

  it('leaves hours without a value out', () => {
    const actual = days(4);
    actual[30] = Number.NaN;
    const scores = new Scores();
    scores.add(days(4), actual);
    assert.equal(scores.nmae96Pct, 0);
    for (const value of [100, Number.NaN, 300]) scores.addInterval(50, 150, value);
    assert.equal(scores.coveragePct, 50);
  });
});
