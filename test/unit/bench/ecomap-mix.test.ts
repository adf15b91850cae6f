import assert from 'node:assert/strict';
import { prepared } from '../../../bench/ecomap/imported/run';
import { seededMixes } from '../../../src/simulation/devices/workloads/mixes';
import { boardPoints } from '../../../src/simulation/devices/workloads/points';
import * as runs from '../../../bench/ecomap/run-mix';
import { weekOf } from '../../../bench/ecomap/zones';
import type { CarbonPoint } from '../../../src/carbon/provider';
import { DeviceModel } from '../../../src/simulation/devices';

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 1);
const settings = { allowancePt: 1, delayWeight: 0.05, mostReadings: 180 };

function sunnyDay(): runs.PreparedWeek {
  const points = Array.from({ length: 12 * 24 }, (_, hour): CarbonPoint => ({
    validFromMs: startMs + hour * hourMs,
    validToMs: startMs + (hour + 1) * hourMs,
    intensityGPerKwh: 300 + 150 * Math.cos((2 * Math.PI * hour) / 24),
    quality: 'measured',
  }));
  const actual = Float64Array.from(points, ({ intensityGPerKwh }) => intensityGPerKwh ?? 0);
  return prepared(weekOf({ name: 'sun', basis: 'unknown', signal: 'average', startMs, points, actual }, 10, 1));
}

describe('the policies of the benchmark over a day and one mix', function () {
  this.timeout(60_000);
  const model = new DeviceModel('agx-xavier');
  const points = boardPoints(model);
  const mixOf = (seed: number): runs.PreparedMix => {
    const [mix] = seededMixes(model, 1, seed);
    assert.ok(mix !== undefined);
    const ready = runs.prepareMix(model, points, mix, settings);
    assert.ok(ready !== null);
    return ready;
  };

  it('keep to what they may give up, and rank as they must', () => {
    const ready = mixOf(5000);
    const day = sunnyDay();
    const baseline = runs.constantScore(ready, day, ready.baselines.throughputOptimal());
    const ours = runs.ourScore(ready, day, 1);
    const published = runs.publishedScore(ready, day);
    assert.equal(baseline.accuracyLostPt, 0);
    assert.ok(ours.carbonG < published.carbonG && published.carbonG <= baseline.carbonG);
    assert.ok(ours.accuracyLostPt <= 1 && ours.accuracyLostPt > 0.5, String(ours.accuracyLostPt));
    assert.ok(ours.attainment >= 0.99, String(ours.attainment));
    const oracleG = runs.oracleG(ready, day, ours.accuracyLostPt, 'same');
    const constantG = runs.bestConstantG(ready, day, ours.accuracyLostPt, 'same');
    assert.ok(oracleG <= constantG && oracleG <= ours.carbonG * 1.001, `${oracleG} ${constantG} ${ours.carbonG}`);
    // Neither knows the true costs better than the one that counts grams alone.
    assert.ok(runs.oracleG(ready, day, 1, 'grams') <= oracleG * 1.001);
  });

  it('hold a cap by what was measured and by upper bounds', () => {
    const ready = mixOf(5001);
    const capped = runs.ourCappedScore(ready, sunnyDay(), 1);
    assert.ok((capped.capViolationShare ?? 1) <= 0.01, String(capped.capViolationShare));
  });

  it('say the same for the same seed', () => {
    const day = sunnyDay();
    assert.deepEqual(runs.ourScore(mixOf(5001), day, 1), runs.ourScore(mixOf(5001), day, 1));
    assert.deepEqual(runs.publishedScore(mixOf(5001), day), runs.publishedScore(mixOf(5001), day));
  });

  it('draw the same when the same tenants are drawn again, and others from another seed', () => {
    const names = (seed: number): string => JSON.stringify(seededMixes(model, 6, seed));
    assert.equal(names(1), names(1));
    assert.notEqual(names(1), names(2));
  });
});
