import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importedFigures, importedFrontier, prepared } from '../../../bench/ecomap/imported/run';
import { weekOf } from '../../../bench/ecomap/zones';
import { parseProfileFile } from '../../../src/mapping/imported-profiles/profile-file';
import type { CarbonPoint } from '../../../src/carbon/provider';

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 1);

/** A grid that swings by the sun every day, the same each day. */
function grid(swing: number) {
  const points = Array.from({ length: 24 * 24 }, (_, hour): CarbonPoint => ({
    validFromMs: startMs + hour * hourMs,
    validToMs: startMs + (hour + 1) * hourMs,
    intensityGPerKwh: 300 + swing * Math.cos((2 * Math.PI * hour) / 24),
    quality: 'measured',
  }));
  const actual = Float64Array.from(points, ({ intensityGPerKwh }) => intensityGPerKwh ?? 0);
  const trace = { name: 'sun', basis: 'unknown', signal: 'average' as const, startMs, points, actual };
  return [prepared(weekOf(trace, 20, 2))];
}

const file = parseProfileFile(
  readFileSync(join(__dirname, '../../../bench/ecomap/imported/agx-orin-segmentation.csv'), 'utf8'),
  'agx-orin-segmentation.csv',
);
const options = { accuracyLosses: [0.005, 0.02], mostLatencyMs: 100, leastAccuracy: 0.4, ratePerS: null };

describe('a device and a family of which only a table is known', function () {
  this.timeout(60_000);

  it('saves nearly what the oracle does, and more than a static mix, where the grid swings', () => {
    const { points, references } = importedFrontier(file, grid(150), options);
    assert.deepEqual(Object.keys(references), ['segmentation']);
    const figures = importedFigures(points);
    assert.ok(Number(figures['importedProfileOracleSharePct']) > 90, JSON.stringify(figures));
    assert.ok(Number(figures['oursVsBestConstantPct']) < 0, JSON.stringify(figures));
    const at = (policy: string) => points.find((point) => point.policy === policy)?.carbonPct ?? 0;
    assert.ok(at('ours') >= at('oracle'), 'nothing beats the oracle');
    assert.ok(at('ours') < at('quality by carbon alone'));
  });

  it('gains nothing from the time where the grid is flat', () => {
    const { points } = importedFrontier(file, grid(0), options);
    for (const loss of options.accuracyLosses) {
      const at = (policy: string) =>
        points.find((point) => point.policy === policy && point.accuracyLoss === loss)?.carbonPct ?? 0;
      assert.ok(Math.abs(at('oracle') - at('static mixing')) < 0.01);
      assert.ok(at('ours') >= at('oracle') - 0.01);
    }
  });

  it('charges idle power where a rate is told', () => {
    const { points } = importedFrontier(file, grid(150), { ...options, ratePerS: 1 });
    const saved = (some: typeof points) => some.find(({ policy }) => policy === 'oracle')?.carbonPct ?? 0;
    const { points: without } = importedFrontier(file, grid(150), options);
    assert.ok(saved(points) > saved(without), 'idle power dilutes the saving');
  });

  it('says so when no variant meets the limits', () => {
    assert.throws(() => importedFrontier(file, grid(150), { ...options, mostLatencyMs: 1 }), /no variant/);
  });
});
