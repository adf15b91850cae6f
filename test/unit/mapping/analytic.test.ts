import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AnalyticEstimator } from '../../../src/mapping/estimator/analytic';
import type { Candidate, EstimationContext, Prediction, Work } from '../../../src/mapping/estimator/estimator';
import type { OperatingPoint } from '../../../src/signals/device';
import { Random } from '../../../src/simulation/random';
import { components, operatingPoint } from '../../support/planning-fixtures';

const estimator = new AnalyticEstimator();

function work(tenant: string, runMs: number, ratePerS: number, priority = 1, count = 2): Work {
  const cost = { p50Ms: runMs, p95Ms: runMs, cpuMs: runMs };
  return { tenant, variant: 'full', ratePerS, priority, costs: [Array.from({ length: count }, () => cost)] };
}

function predict(
  items: readonly Work[],
  mapping: readonly number[],
  speed = 1,
  limits: Pick<OperatingPoint, 'limits' | 'busyLimit'> = {},
): Prediction {
  const parts = components(2);
  const point = { ...operatingPoint(parts, speed), ...limits };
  const context: EstimationContext = { components: parts, operatingPoint: point, work: items };
  const [prediction] = estimator.estimate([mapping.map((at) => [at])], context);
  assert.ok(prediction);
  return prediction;
}

/** Mean and 95th percentile of the time in the system (ms) of each item at one component: highest priority first, never interrupted. */
function simulate(items: readonly Work[], seconds: number): { meanMs: number; p95Ms: number }[] {
  const random = new Random(7);
  const arrivals = items
    .flatMap(({ ratePerS }, item) => {
      const times: { at: number; item: number }[] = [];
      for (let at = random.exponential(1 / ratePerS); at < seconds; at += random.exponential(1 / ratePerS)) {
        times.push({ at, item });
      }
      return times;
    })
    .sort((a, b) => a.at - b.at);
  const times = items.map((): number[] => []);
  const waiting: { at: number; item: number }[] = [];
  let now = 0;
  let next = 0;
  while (next < arrivals.length || waiting.length > 0) {
    while (next < arrivals.length && (arrivals[next]?.at ?? 0) <= now)
      waiting.push(arrivals[next++] ?? { at: 0, item: 0 });
    if (waiting.length === 0) {
      now = arrivals[next]?.at ?? now;
      continue;
    }
    waiting.sort((a, b) => (items[a.item]?.priority ?? 0) - (items[b.item]?.priority ?? 0) || a.at - b.at);
    const served = waiting.shift();
    if (served === undefined) break;
    now += (items[served.item]?.costs[0]?.[0]?.p50Ms ?? 0) / 1000;
    times[served.item]?.push((now - served.at) * 1000);
  }
  return times.map((all) => {
    all.sort((a, b) => a - b);
    return {
      meanMs: all.reduce((sum, time) => sum + time, 0) / all.length,
      p95Ms: all[Math.floor(all.length * 0.95)] ?? NaN,
    };
  });
}

describe('AnalyticEstimator', () => {
  it('agrees with a simulated queue: one tenant, several, and with priorities', () => {
    for (const items of [
      [work('a', 30, 20)],
      [work('a', 30, 10), work('b', 5, 60)],
      [work('a', 30, 8, 1), work('b', 10, 30, 2), work('c', 5, 40, 3)],
    ]) {
      const simulated = simulate(items, 2000);
      const predicted = predict(
        items,
        items.map(() => 0),
      ).latencyMs;
      simulated.forEach(({ meanMs, p95Ms }, item) => {
        const { expected, upper } = predicted[item] ?? { expected: NaN, upper: NaN };
        assert.ok(Math.abs(expected / meanMs - 1) < 0.1, `item ${item}: predicted ${expected}, simulated ${meanMs}`);
        assert.ok(upper >= p95Ms, `item ${item}: upper bound ${upper}, simulated p95 ${p95Ms}`);
        assert.ok(upper <= 3 * p95Ms, `item ${item}: upper bound ${upper} is far above p95 ${p95Ms}`);
      });
    }
  });

  it('stretches the work by the speed of the operating point', () => {
    const full = predict([work('a', 30, 0)], [0]);
    const half = predict([work('a', 30, 0)], [0], 0.5);
    assert.equal(full.latencyMs[0]?.expected, 30);
    assert.equal(half.latencyMs[0]?.expected, 60);
    assert.equal(half.latencyMs[0]?.lower, 30);
    assert.equal(predict([work('a', 30, 10)], [0], 0.5).load[0], 0.6);
  });

  it('reckons with the longest run of another tenant in the upper bound, and with nobody elsewhere', () => {
    const heavy = work('b', 100, 1);
    const alone = predict([work('a', 5, 1), heavy], [0, 1]).latencyMs[0];
    const beside = predict([work('a', 5, 1), heavy], [0, 0]).latencyMs[0];
    assert.ok(alone && beside);
    assert.ok(beside.upper - alone.upper >= 100);
    assert.ok(alone.upper < 10);
  });

  it('follows the power law of the operating point: idle, busy shares, never above full load', () => {
    assert.deepEqual(predict([work('a', 30, 0)], [0]).powerW, { expected: 5, lower: 5, upper: 5 });
    assert.equal(predict([work('a', 30, 10), work('b', 10, 10)], [0, 1]).powerW.expected, 5 + 6 * 0.3 + 6 * 0.1);
    const overloaded = predict([work('a', 30, 1000)], [0], 0.5);
    assert.equal(overloaded.powerW.expected, 5 + 6 * 0.5);
    assert.ok(overloaded.powerW.upper <= 5 + 12 * 0.5);
  });

  it('takes a slower clock for what it is: every run is slower, and components may compute all the time', () => {
    const slow = predict([work('a', 30, 10)], [0], 0.5, { limits: 'clock' });
    assert.equal(slow.latencyMs[0]?.lower, 60, 'no run gets past a slower clock');
    assert.ok(Math.abs(slow.powerW.expected - (5 + 6 * 0.6)) < 1e-9, 'the work takes twice as long');
    assert.equal(predict([work('a', 30, 1000)], [0], 0.5, { limits: 'clock' }).powerW.expected, 5 + 6);
    const both = predict([work('a', 30, 1000)], [0], 0.4, { limits: 'clock', busyLimit: 0.8 });
    assert.equal(both.powerW.expected, 5 + 6 * 0.8);
    assert.equal(both.latencyMs[0]?.lower, 60, 'the clock runs at half speed, pauses take the rest');
  });

  it('leaves the latency unknown where nothing was measured, and expects full load from it', () => {
    const unknown: Work = { tenant: 'a', variant: 'full', ratePerS: 1, priority: 1, costs: [[null, null]] };
    const prediction = predict([unknown, work('b', 10, 1)], [0, 1]);
    assert.equal(prediction.latencyMs[0], null);
    assert.ok(prediction.latencyMs[1]);
    assert.equal(prediction.powerW.upper, 17);
  });

  it('stays finite and ordered for every load, and never gets better by more work', () => {
    const item = fc.record({
      runMs: fc.double({ min: 0.1, max: 500, noNaN: true }),
      ratePerS: fc.double({ min: 0, max: 10_000, noNaN: true }),
      priority: fc.integer({ min: 1, max: 3 }),
      at: fc.integer({ min: 0, max: 1 }),
    });
    fc.assert(
      fc.property(
        fc.array(item, { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (drawn, speed) => {
          const items = drawn.map(({ runMs, ratePerS, priority }, index) =>
            work(`t${index}`, runMs, ratePerS, priority),
          );
          const mapping = drawn.map(({ at }) => at);
          const { latencyMs, powerW, load } = predict(items, mapping, speed);
          for (const interval of [powerW, ...latencyMs]) {
            assert.ok(interval);
            assert.ok(Number.isFinite(interval.upper));
            assert.ok(interval.lower <= interval.expected + 1e-9 && interval.expected <= interval.upper + 1e-9);
          }
          const more = predict(
            items.map((one, index) => (index === 0 ? { ...one, ratePerS: one.ratePerS * 2 + 1 } : one)),
            mapping,
            speed,
          );
          latencyMs.forEach((interval, index) => {
            assert.ok((more.latencyMs[index]?.expected ?? 0) >= (interval?.expected ?? 0) - 1e-6);
          });
          load.forEach((share, at) => assert.ok((more.load[at] ?? 0) >= share - 1e-12));
          assert.ok(more.powerW.expected >= powerW.expected - 1e-9);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('answers a batch in order, one prediction per candidate', () => {
    const parts = components(2);
    const context = {
      components: parts,
      operatingPoint: operatingPoint(parts),
      work: [work('a', 10, 1), work('b', 20, 1)],
    };
    const batch: Candidate[] = [
      [[0], [0]],
      [[0], [1]],
      [[1], [1]],
    ];
    const predictions = estimator.estimate(batch, context);
    assert.equal(predictions.length, 3);
    batch.forEach((candidate, index) =>
      assert.deepEqual(predictions[index], estimator.estimate([candidate], context)[0]),
    );
  });

  describe('with work that takes longer than its profile says', () => {
    const items = [work('a', 30, 6, 1), work('b', 10, 20, 2), work('c', 5, 30, 2)];
    const parts = components(2);
    const context = (of: readonly Work[]): EstimationContext => ({
      ...{ components: parts, operatingPoint: operatingPoint(parts, 0.9), work: of },
    });
    const candidates: Candidate[] = [
      [[0], [0], [0]],
      [[0], [1], [0]],
    ];
    const longer = (item: Work, factor: number): Work => ({
      ...item,
      costs: item.costs.map((stage) =>
        stage.map((cost) => cost && { p50Ms: factor * cost.p50Ms, p95Ms: factor * cost.p95Ms, cpuMs: cost.cpuMs }),
      ),
    });

    it('predicts latencies and loads as with longer profiles, each work by its own factor in each candidate', () => {
      const factors = [
        [2, 2, 2],
        [1, 1.5, 3],
      ];
      const stretched = estimator.estimate(candidates, context(items), (row, item) => ({
        by: factors[row]?.[item] ?? NaN,
        most: 1.25,
      }));
      candidates.forEach((candidate, row) => {
        const profiled = items.map((item, at) => longer(item, factors[row]?.[at] ?? NaN));
        const [expected] = estimator.estimate([candidate], context(profiled));
        stretched[row]?.latencyMs.forEach((interval, item) => {
          const other = expected?.latencyMs[item];
          assert.ok(Math.abs((interval?.expected ?? 0) / (other?.expected ?? 1) - 1) < 1e-9);
          assert.ok(Math.abs((interval?.upper ?? 0) / (other?.upper ?? 1) - 1) < 1e-9);
        });
        stretched[row]?.load.forEach((load, at) => assert.ok(Math.abs(load - (expected?.load[at] ?? NaN)) < 1e-9));
      });
    });

    it('keeps lower latencies and power as profiled, and says the same as ever without', () => {
      const plain = estimator.estimate(candidates, context(items));
      const asEver = estimator.estimate(candidates, context(items), () => ({ by: 1, most: 1.25 }));
      assert.deepEqual(asEver, plain);
      const [twice] = estimator.estimate(candidates, context(items), () => ({ by: 2, most: 1.25 }));
      assert.deepEqual(twice?.powerW, plain[0]?.powerW);
      assert.deepEqual(
        twice?.latencyMs.map((interval) => interval?.lower),
        plain[0]?.latencyMs.map((interval) => interval?.lower),
      );
    });

    it('takes slow answers as far off as it is told', () => {
      const upper = (most: number): number =>
        estimator.estimate(candidates, context(items), () => ({ by: 2, most }))[0]?.latencyMs[1]?.upper ?? NaN;
      assert.ok(Math.abs(upper(1.5) / upper(1.2) - 1.25) < 1e-9);
    });
  });
});
