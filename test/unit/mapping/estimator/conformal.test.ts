import assert from 'node:assert/strict';
import {
  conformalBins,
  conformalQuantile,
  halfWidthAt,
  powerMargin,
  type Residual,
} from '../../../../src/mapping/estimator/intervals/conformal';
import { CoverageWatch } from '../../../../src/mapping/estimator/intervals/coverage-watch';
import { Random } from '../../../../src/simulation/random';

/** Errors that grow with the slowdown. */
function residuals(count: number, random: Random, factor = 1): Residual[] {
  return Array.from({ length: count }, () => {
    const lnSlowdown = random.uniform(0, 2);
    return { lnSlowdown, lnError: random.normal(0, factor * (0.03 + 0.1 * lnSlowdown)) };
  });
}

const share = (list: readonly boolean[]): number => list.filter(Boolean).length / list.length;

describe('conformal intervals', () => {
  it('cover as often as they promise, in every bin of slowdown', () => {
    const random = new Random(1);
    const bins = conformalBins(residuals(2000, random));
    assert.ok(bins !== null && bins.halfWidths.length === 4);
    const tests = residuals(20_000, random).map((residual) => ({
      bin: bins.cuts.filter((cut) => residual.lnSlowdown > cut).length,
      within: Math.abs(residual.lnError) <= halfWidthAt(bins, residual.lnSlowdown),
    }));
    for (let bin = 0; bin < 4; bin += 1) {
      const covered = share(tests.filter((test) => test.bin === bin).map(({ within }) => within));
      assert.ok(covered > 0.86 && covered < 0.94, `bin ${bin}: ${covered}`);
    }
    assert.ok((bins.halfWidths[3] ?? 0) > 2 * (bins.halfWidths[0] ?? 0));
  });

  it('hold for few measurements too, on average over many calibrations', () => {
    const random = new Random(2);
    const covered = Array.from({ length: 400 }, () => {
      const bins = conformalBins(residuals(30, random));
      assert.ok(bins !== null);
      return residuals(20, random).map(({ lnError, lnSlowdown }) => Math.abs(lnError) <= halfWidthAt(bins, lnSlowdown));
    }).flat();
    assert.ok(share(covered) >= 0.89, `${share(covered)}`);
  });

  it('take the k-th smallest score, and nothing where there are too few', () => {
    const scores = [3, 1, 2, 9, 5, 4, 8, 7, 6];
    assert.equal(conformalQuantile(scores, 0.1), 9);
    assert.equal(conformalQuantile([...scores, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19], 0.1), 18);
    assert.equal(conformalQuantile(scores.slice(1), 0.1), null);
    assert.equal(conformalQuantile([], 0.1), null);
    assert.equal(conformalBins(residuals(8, new Random(3))), null);
    assert.equal(powerMargin(scores.slice(1)), null);
  });

  it('join bins that have too little of their own', () => {
    const few = residuals(200, new Random(4)).filter(({ lnSlowdown }) => lnSlowdown < 0.5 || lnSlowdown > 1.9);
    const bins = conformalBins(few);
    assert.ok(bins !== null && bins.halfWidths.every(Number.isFinite));
    assert.equal(
      bins.counts.reduce((sum, count) => sum + count, 0),
      few.length,
    );
    assert.ok(bins.counts.every((count) => count >= 9));
  });

  it('listen to weights', () => {
    const scores = Array.from({ length: 100 }, (_, index) => index);
    const recent = scores.map((score) => (score < 50 ? 1 : 0.01));
    const even = conformalQuantile(scores, 0.1) ?? Number.NaN;
    assert.equal(even, 90);
    assert.ok((conformalQuantile(scores, 0.1, recent) ?? Number.NaN) < 50);
  });

  it('bound power from above only', () => {
    const random = new Random(5);
    const margin = powerMargin(Array.from({ length: 500 }, () => random.normal(-0.1, 0.02)));
    assert.ok(margin !== null && margin < 0, 'a model that says too much needs no margin');
  });
});

describe('the watch over coverage', () => {
  const bins = conformalBins(residuals(500, new Random(6)));
  assert.ok(bins !== null);

  it('is content while intervals hold', () => {
    const watch = new CoverageWatch(bins);
    const random = new Random(7);
    for (const residual of residuals(1000, random)) assert.equal(watch.observe(residual), null);
    const { coverage, holds } = watch.status();
    assert.ok(holds && coverage !== null && coverage > 0.84);
  });

  it('makes them anew when the device has changed, and is content again', () => {
    const watch = new CoverageWatch(bins);
    const random = new Random(8);
    const refreshed = residuals(400, random, 3).filter((residual) => watch.observe(residual) !== null);
    assert.ok(refreshed.length >= 1);
    assert.ok((watch.bins.halfWidths.at(-1) ?? 0) > 1.5 * (bins.halfWidths.at(-1) ?? 0));
    const later = residuals(2000, random, 3).map(
      ({ lnError, lnSlowdown }) => Math.abs(lnError) <= halfWidthAt(watch.bins, lnSlowdown),
    );
    assert.ok(share(later) > 0.8, `${share(later)}`);
  });

  it('knows nothing before the first measurement', () => {
    assert.deepEqual(new CoverageWatch(bins).status(), { coverage: null, measured: 0, holds: true });
  });
});
