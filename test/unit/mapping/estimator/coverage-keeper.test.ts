import assert from 'node:assert/strict';
import { CoverageKeeper } from '../../../../src/mapping/estimator/intervals/coverage-keeper';
import { Random } from '../../../../src/simulation/random';

const intervals = {
  latency: { alpha: 0.1, cuts: [0.5], halfWidths: [0.1, 0.3], counts: [50, 50] },
  lnPowerMargin: 0.05,
};

/** Measured values around predictions, so far away as the spread says. */
function feed(keeper: CoverageKeeper, count: number, spread: number, lnSlowdown = 0.2): string[] {
  const random = new Random(3);
  return Array.from({ length: count }, () =>
    keeper.observeLatency({ predicted: 20, measured: 20 * Math.exp(random.uniform(-spread, spread)) }, lnSlowdown),
  ).flatMap((refreshed) => (refreshed === null ? [] : [refreshed.text]));
}

describe('keeper of coverage', () => {
  it('leaves intervals alone that hold, whichever bin is asked', () => {
    const keeper = new CoverageKeeper(intervals);
    assert.deepEqual(feed(keeper, 300, 0.11), []);
    assert.deepEqual(feed(keeper, 300, 0.32, 0.9), []);
    assert.deepEqual(keeper.intervals, intervals);
    const { latency } = keeper.status();
    assert.ok(latency?.holds && (latency.coverage ?? 0) > 0.85);
  });

  it('makes them anew when the workload has drifted, says so, and they hold again', () => {
    const keeper = new CoverageKeeper(intervals);
    const texts = feed(keeper, 60, 0.4);
    assert.equal(texts.length, 1);
    assert.match(
      texts[0] ?? '',
      /^Of the last \d+ measured latencies only about \d+ % lay within their 90 % interval: .* made anew/,
    );
    const width = keeper.intervals.latency?.halfWidths[0] ?? 0;
    assert.ok(width > 0.3 && width <= 0.4, `${width}`);
    assert.equal(keeper.intervals.lnPowerMargin, 0.05);
    assert.deepEqual(feed(keeper, 200, 0.38), []);
  });

  it('minds only power above its bound', () => {
    const keeper = new CoverageKeeper(intervals);
    for (let index = 0; index < 100; index += 1) {
      assert.equal(keeper.observePower({ predicted: 10, measured: 8 }), null);
    }
    let refreshed = null;
    for (let index = 0; index < 60 && refreshed === null; index += 1) {
      refreshed = keeper.observePower({ predicted: 10, measured: 12 });
    }
    assert.match(refreshed?.text ?? '', /power readings/);
    assert.ok(Math.abs((keeper.intervals.lnPowerMargin ?? 0) - Math.log(1.2)) < 1e-9);
  });

  it('has nothing to keep where nothing was calibrated, and takes no nonsense', () => {
    const none = new CoverageKeeper({ latency: null, lnPowerMargin: null });
    assert.deepEqual(feed(none, 100, 2), []);
    assert.deepEqual(none.status(), { latency: null, power: null });
    const keeper = new CoverageKeeper(intervals);
    for (const measured of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(keeper.observeLatency({ predicted: 5, measured }, 0.1), null);
      assert.equal(keeper.observePower({ predicted: 0, measured }), null);
    }
    assert.equal(keeper.status().latency?.measured, 0);
  });
});
