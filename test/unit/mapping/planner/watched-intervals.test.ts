import assert from 'node:assert/strict';
import { CoLocationEstimator } from '../../../../src/mapping/estimator/learned/co-location-estimator';
import { CoLocationFeatures } from '../../../../src/mapping/estimator/learned/features';
import type { NetworkRuns } from '../../../../src/mapping/estimator/learned/network-runs';
import { PreparedCoLocation } from '../../../../src/mapping/estimator/learned/prepared-co-location';
import { WatchedIntervals } from '../../../../src/mapping/planner/watched-intervals';
import type { CoLocationSample } from '../../../../src/signals/co-location';
import { fewSamples } from '../../../support/co-location-fixtures';

/** Says that the analytic model behind the network is right. */
const agreeing: NetworkRuns = {
  run: (_, mask, batch) => Promise.resolve({ latency: new Float32Array(mask.length), power: new Float32Array(batch) }),
};
const margin = Math.log(1.1);
const latency = { alpha: 0.1, cuts: [], halfWidths: [0.2], counts: [50] };

describe('intervals in service', () => {
  let samples: CoLocationSample[];

  /** Latencies as predicted, and power that is off by this factor. */
  const measured = async (sample: CoLocationSample, latencyRatio: number, powerRatio: number) => {
    const features = new CoLocationFeatures(new PreparedCoLocation(sample));
    const { latencyS, powerW } = await new CoLocationEstimator(agreeing).predict(features, [sample.mapping]);
    return {
      ...sample,
      latencyS: [...latencyS].map((seconds) => seconds * latencyRatio),
      powerW: (powerW[0] ?? Number.NaN) * powerRatio,
    };
  };
  const service = async (
    watched: WatchedIntervals,
    { latencyRatio = 1, powerRatio = 1, powerCounts = true },
  ): Promise<{ refreshed: number; last: Awaited<ReturnType<WatchedIntervals['observe']>> }> => {
    let refreshed = 0;
    let last = null;
    for (let round = 0; round < 60; round += 1) {
      const sample = samples[round % samples.length];
      assert.ok(sample);
      last = await watched.observe(await measured(sample, latencyRatio, powerRatio), powerCounts);
      if (last?.refreshed === true) refreshed += 1;
    }
    return { refreshed, last };
  };

  before(() => {
    samples = fewSamples(2, 3);
  });

  it('stay while they hold, also where less power is drawn than was predicted', async () => {
    for (const powerRatio of [1, 1.09, 0.5]) {
      const watched = new WatchedIntervals(agreeing, { latency, lnPowerMargin: margin });
      const { refreshed, last } = await service(watched, { powerRatio });
      assert.equal(refreshed, 0);
      assert.deepEqual(watched.intervals, { latency, lnPowerMargin: margin });
      assert.equal(last?.coverage.holds, true);
    }
  });

  it('are made anew for power that lies above its bound, and leave latencies as they are', async () => {
    const watched = new WatchedIntervals(agreeing, { latency, lnPowerMargin: margin });
    const { refreshed } = await service(watched, { powerRatio: 1.4 });
    assert.equal(refreshed, 1);
    assert.deepEqual(watched.intervals.latency, latency);
    assert.ok(Math.abs((watched.intervals.lnPowerMargin ?? 0) - Math.log(1.4)) < 1e-6);
  });

  it('are made anew for latencies that lie outside, and leave the bound of power as it is', async () => {
    const watched = new WatchedIntervals(agreeing, { latency, lnPowerMargin: margin });
    const { refreshed } = await service(watched, { latencyRatio: 1.6 });
    assert.ok(refreshed > 0);
    assert.ok((watched.intervals.latency?.halfWidths[0] ?? 0) > 0.4);
    assert.equal(watched.intervals.lnPowerMargin, margin);
  });

  it('learn nothing from power that is known in another way, or that the law of the device predicts', async () => {
    const other = new WatchedIntervals(agreeing, { latency, lnPowerMargin: margin });
    assert.equal((await service(other, { powerRatio: 1.4, powerCounts: false })).refreshed, 0);
    assert.equal(other.intervals.lnPowerMargin, margin);
    const lawful = new WatchedIntervals(agreeing, { latency, lnPowerMargin: null });
    assert.equal((await service(lawful, { powerRatio: 1.4 })).refreshed, 0);
    assert.equal(lawful.intervals.lnPowerMargin, null);
  });
});
