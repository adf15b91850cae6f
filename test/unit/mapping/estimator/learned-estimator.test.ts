import assert from 'node:assert/strict';
import { AnalyticEstimator } from '../../../../src/mapping/estimator/analytic';
import { LearnedEstimator } from '../../../../src/mapping/estimator/learned/learned-estimator';
import type { NetworkRuns } from '../../../../src/mapping/estimator/learned/network-runs';
import type { EstimationContext, Work } from '../../../../src/mapping/estimator/estimator';
import { components, operatingPoint } from '../../../support/planning-fixtures';

/** Says that the analytic model is right, or off by a factor. */
const network = (lnLatency = 0, lnPower = 0): NetworkRuns => ({
  run: (_features, mask, batch) =>
    Promise.resolve({
      latency: mask.map((present) => present * lnLatency),
      power: new Float32Array(batch).fill(lnPower),
    }),
});

const parts = components(2);
const work = (ratePerS: number, more: Partial<Work> = {}): Work => ({
  tenant: 't',
  variant: 'full',
  ratePerS,
  priority: 1,
  costs: [parts.map(() => ({ p50Ms: 20, p95Ms: 24, cpuMs: 20 }))],
  operations: [{ gigaflop: 0.5, gigabytes: 0.02, transferS: 0 }],
  ...more,
});
const context = (items: readonly Work[]): EstimationContext => ({
  components: parts,
  operatingPoint: operatingPoint(parts),
  work: items,
});

describe('the learned estimator in the planner', () => {
  it('takes a tenant that runs alone for what its profile says, and its own waiting', async () => {
    const [rare] = await new LearnedEstimator(network()).estimate([[[0]]], context([work(0.01)]));
    // A quarter of a millisecond is the request's own.
    assert.ok(Math.abs((rare?.latencyMs[0]?.expected ?? 0) - 20.25) < 0.01);
    const [busy] = await new LearnedEstimator(network()).estimate([[[0]]], context([work(25)]));
    // Pollaczek and Khinchine: 20.25 ms and 0.506 * 20.25 / (2 * 0.494) ms of waiting.
    const share = 25 * 0.02025;
    const latencyMs = 20.25 + (share * 20.25) / (2 * (1 - share));
    assert.ok(Math.abs((busy?.latencyMs[0]?.expected ?? 0) - latencyMs) < 0.01);
    assert.ok(Math.abs((busy?.load[0] ?? 0) - 0.5) < 1e-9 && busy?.load[1] === 0);
    assert.ok((busy?.powerW.expected ?? 0) > (rare?.powerW.expected ?? 0));
    assert.ok(Math.abs((busy?.powerW.expected ?? 0) - (5 + 6 * 0.5)) < 0.01);
  });

  it('sees tenants apart as faster than together', async () => {
    const items = [work(15), work(15)];
    const [together, apart] = await new LearnedEstimator(network()).estimate(
      [
        [[0], [0]],
        [[0], [1]],
      ],
      context(items),
    );
    assert.ok((together?.latencyMs[0]?.expected ?? 0) > 1.1 * (apart?.latencyMs[0]?.expected ?? 0));
  });

  it('stretches intervals by what calibration found, by slowdown', async () => {
    const bins = { alpha: 0.1, cuts: [0.5], halfWidths: [0.1, 0.4], counts: [50, 50] };
    const width = async (lnLatency: number): Promise<number> => {
      const estimator = new LearnedEstimator(network(lnLatency), { latency: bins, lnPowerMargin: 0.05 });
      const [prediction] = await estimator.estimate([[[0]]], context([work(0.01)]));
      const { expected = 0, lower = 1 } = prediction?.latencyMs[0] ?? {};
      return Math.log(expected / lower);
    };
    assert.ok(Math.abs((await width(0)) - 0.1) < 0.01);
    assert.ok(Math.abs((await width(1)) - 0.4) < 0.01);
    const [known] = await new LearnedEstimator(network(), { latency: bins, lnPowerMargin: 0.05 }).estimate(
      [[[0]]],
      context([work(10)]),
    );
    const { expected = 0, upper = 0 } = known?.powerW ?? {};
    assert.ok(Math.abs(Math.log(upper / expected) - 0.05) < 1e-6);
  });

  it('allows for slow answers as calibration saw them, by slowdown', async () => {
    const bins = { alpha: 0.1, cuts: [], halfWidths: [0.1], counts: [50] };
    const tail = { alpha: 0.1, cuts: [0.5], halfWidths: [0.9, 0.05], counts: [50, 50] };
    const upper = async (lnLatency: number, more: object): Promise<number> => {
      const estimator = new LearnedEstimator(network(lnLatency), { latency: bins, lnPowerMargin: 0.05, ...more });
      const [prediction] = await estimator.estimate([[[0]]], context([work(0.01)]));
      return Math.log((prediction?.latencyMs[0]?.upper ?? 0) / 20.25) - lnLatency;
    };
    // Without: the half width, and slow runs of the profile.
    assert.ok(Math.abs((await upper(0, {})) - 0.1 - Math.log(1.2)) < 0.01);
    assert.ok(Math.abs((await upper(0, { tail })) - 0.9) < 0.01);
    assert.ok(Math.abs((await upper(1, { tail })) - 0.1 - Math.log(1.2)) < 0.01, 'never less than without');
  });

  describe('once it is calibrated', () => {
    const bins = { alpha: 0.1, cuts: [], halfWidths: [0.1], counts: [50] };
    const predict = async (rates: readonly number[], mapping: readonly number[], lnLatency = 0) => {
      const estimator = new LearnedEstimator(network(lnLatency), { latency: bins, lnPowerMargin: 0.05 });
      const items = rates.map((ratePerS) => work(ratePerS));
      const [prediction] = await estimator.estimate([mapping.map((at) => [at])], context(items));
      return prediction ?? assert.fail();
    };
    /** A run of 20 ms and what handing it over takes, s. */
    const runS = 0.02025;

    it('counts the requests of all tenants that wait at once, although nothing slows them down', async () => {
      const { latencyMs, load } = await predict([5, 5, 5, 5], [0, 0, 0, 0]);
      const together = 20 * runS;
      const waitS = (together * runS) / 2 / (1 - together);
      const slowestWaitS = Math.max((waitS / together) * Math.log(together / 0.05), waitS + runS);
      assert.equal(latencyMs.length, 4);
      for (const interval of latencyMs) {
        assert.ok(Math.abs((interval?.expected ?? 0) - 1000 * (runS + waitS)) < 0.01);
        assert.ok(Math.abs((interval?.upper ?? 0) - 1000 * Math.exp(0.1) * (1.2 * runS + slowestWaitS)) < 0.01);
        assert.ok((interval?.lower ?? 99) <= (interval?.expected ?? 0));
      }
      assert.ok(Math.abs((load[0] ?? 0) - together) < 1e-9);
      const [alone] = (await predict([5], [0])).latencyMs;
      const [apart] = (await predict([5, 5, 5, 5], [0, 1, 1, 1])).latencyMs;
      for (const other of [alone, apart]) {
        assert.ok((latencyMs[0]?.upper ?? 0) > 1.3 * (other?.upper ?? 0));
        assert.ok((latencyMs[0]?.expected ?? 0) > 1.2 * (other?.expected ?? 0));
      }
    });

    it('counts what a busy tenant makes of its own queue where that is more', async () => {
      const { latencyMs } = await predict([15, 15], [0, 0]);
      const items = context([work(15), work(15)]);
      const stretched = () => ({ by: runS / 0.02, most: Math.exp(0.1) });
      const [queued] = new AnalyticEstimator().estimate([[[0], [0]]], items, stretched);
      assert.ok((latencyMs[0]?.upper ?? 0) > (queued?.latencyMs[0]?.upper ?? 0) + 1);
      assert.ok(Math.abs((latencyMs[0]?.expected ?? 0) - (queued?.latencyMs[0]?.expected ?? 99)) < 0.01);
    });

    it('stretches the runs of all by what company costs beyond queueing, and loads with them', async () => {
      const { latencyMs, load } = await predict([10, 10], [0, 0], Math.log(1.5));
      const longerS = 1.5 * runS;
      const together = 20 * longerS;
      const waitS = (together * longerS) / 2 / (1 - together);
      assert.ok(Math.abs((latencyMs[0]?.expected ?? 0) - 1000 * (longerS + waitS)) < 0.05);
      assert.ok(Math.abs((load[0] ?? 0) - together) < 1e-6);
    });

    it('never expects runs shorter than their profiles, however well the network thinks of them', async () => {
      const { latencyMs, load } = await predict([15, 15], [0, 0], -3);
      const queued = new AnalyticEstimator().estimate([[[0], [0]]], context([work(15), work(15)]), () => ({
        by: 1,
        most: Math.exp(0.1),
      }))[0];
      assert.equal(latencyMs[0]?.expected, queued?.latencyMs[0]?.expected);
      assert.equal(latencyMs[0]?.upper, queued?.latencyMs[0]?.upper);
      assert.deepEqual(load, queued?.load);
      assert.ok((latencyMs[0]?.upper ?? 0) > 24 * Math.exp(0.1));
    });
  });

  it('is under a quota never less careful than the analytic estimator, whatever was learned; with clocks alone it may be', async () => {
    const bins = { alpha: 0.1, cuts: [], halfWidths: [0.01], counts: [50] };
    const estimator = new LearnedEstimator(network(-1), { latency: bins, lnPowerMargin: 0.01 });
    const upperAt = async (more: object): Promise<{ learned: number; analytic: number }> => {
      const point = { ...operatingPoint(parts), speed: 0.4, ...more };
      const around = { ...context([work(8), work(8)]), operatingPoint: point };
      const together = [[[0], [0]]];
      const [learned] = await estimator.estimate(together, around);
      const [analytic] = new AnalyticEstimator().estimate(together, around);
      return { learned: learned?.latencyMs[0]?.upper ?? 0, analytic: analytic?.latencyMs[0]?.upper ?? 0 };
    };
    const quota = await upperAt({});
    assert.equal(quota.learned, quota.analytic);
    const clock = await upperAt({ limits: 'clock' });
    assert.ok(clock.learned < clock.analytic);
  });

  it("goes by the device's own law of power until the power was measured with what ran", async () => {
    const items = context([work(25)]);
    const [byLaw] = await new LearnedEstimator(network(0, 3)).estimate([[[0]]], items);
    assert.deepEqual(byLaw?.powerW, new AnalyticEstimator().estimate([[[0]]], items)[0]?.powerW);
    const measured = { latency: null, lnPowerMargin: 0.05 };
    const [learned] = await new LearnedEstimator(network(0, 0.2), measured).estimate([[[0]]], items);
    assert.ok((learned?.powerW.expected ?? 0) > 1.1 * (byLaw?.powerW.expected ?? 0));
  });

  it('never promises more power than full load, nor less than idle', async () => {
    const [prediction] = await new LearnedEstimator(network(0, 3), {
      latency: null,
      lnPowerMargin: 0.14,
    }).estimate([[[0]]], context([work(40)]));
    assert.equal(prediction?.powerW.upper, 17);
    assert.ok((prediction?.powerW.expected ?? 99) <= 17 && (prediction?.powerW.lower ?? 0) >= 5);
  });

  it('knows nothing where nobody has counted operations, or a cost is missing', async () => {
    const estimator = new LearnedEstimator(network());
    const uncounted = context([work(10, { operations: undefined })]);
    assert.equal(estimator.covers(uncounted), false);
    assert.equal(estimator.covers(context([work(10)])), true);
    const [without] = await estimator.estimate([[[0]]], uncounted);
    assert.deepEqual(without?.latencyMs, [null]);
    assert.equal(without?.powerW.upper, 17);
    const partial = context([work(10, { costs: [[{ p50Ms: 20, p95Ms: 24, cpuMs: 20 }, null]] })]);
    const [here, there] = await estimator.estimate([[[0]], [[1]]], partial);
    assert.ok(here?.latencyMs[0] !== null);
    assert.deepEqual(there?.latencyMs, [null]);
  });

  it('is at ease with no tenant and with a tenant that asks for nothing', async () => {
    const [nobody] = await new LearnedEstimator(network()).estimate([[]], context([]));
    assert.deepEqual(nobody?.latencyMs, []);
    assert.equal(nobody?.powerW.expected, 5);
    const [idle] = await new LearnedEstimator(network()).estimate([[[0]]], context([work(0)]));
    assert.ok(Math.abs((idle?.latencyMs[0]?.expected ?? 0) - 20.25) < 0.01);
    assert.equal(idle?.powerW.expected, 5);
  });
});
