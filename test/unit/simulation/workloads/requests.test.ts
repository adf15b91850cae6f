import assert from 'node:assert/strict';
import { Random } from '../../../../src/simulation/random';
import {
  arrivalTimes,
  simulateHost,
  simulateUnit,
  type RequestStream,
  type StreamResult,
} from '../../../../src/simulation/devices/workloads/requests';

interface Open {
  readonly serviceS: number;
  readonly ratePerS: number;
  readonly seed?: number;
  readonly priority?: number;
  readonly queueLength?: number;
}

/** Requests at random times. */
function open({ serviceS, ratePerS, seed = 1, priority = 1, queueLength = Infinity }: Open): RequestStream {
  const next = arrivalTimes(ratePerS, new Random(1000 + seed), false);
  return { serviceS, priority, random: new Random(seed), asks: { next, queueLength } };
}

/** A client that waits for each answer, and pauses as long each time. */
const closed = (serviceS: number, pauseS = 0): RequestStream => ({
  ...{ serviceS, random: new Random(9) },
  asks: { pauseS: () => pauseS },
});

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function only(results: readonly StreamResult[]): StreamResult {
  assert.equal(results.length, 1);
  return results[0] ?? assert.fail();
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual / expected - 1) < tolerance, `${what}: ${actual} instead of ${expected}`);
}

describe('requests at a host that runs one at a time', () => {
  for (const load of [0.3, 0.7]) {
    it(`wait as the Pollaczek-Khinchine formula says at a load of ${load}`, () => {
      const serviceS = 0.01;
      const { latencyS, offered, refused } = only(simulateHost([open({ serviceS, ratePerS: load / serviceS })], 3000));
      const waitS = (load * serviceS) / (2 * (1 - load));
      near(mean(latencyS) - serviceS, waitS, 0.04, 'mean wait');
      assert.equal(refused, 0);
      assert.equal(offered, latencyS.length);
    });
  }

  it('wait by priority as Cobham says, and no run is interrupted', () => {
    const streams = [
      { serviceS: 0.02, ratePerS: 15, priority: 2, seed: 1 },
      { serviceS: 0.005, ratePerS: 80, priority: 1, seed: 2 },
    ] as const;
    const results = simulateHost(streams.map(open), 3000);
    const residualS = streams.reduce((sum, { serviceS, ratePerS }) => sum + (ratePerS * serviceS ** 2) / 2, 0);
    const [ofLow, ofHigh] = [0.3, 0.4];
    const [low, high] = results.map(({ latencyS }, at) => mean(latencyS) - (streams[at]?.serviceS ?? 0));
    near(high ?? 0, residualS / (1 - ofHigh), 0.04, 'wait of the higher priority');
    near(low ?? 0, residualS / ((1 - ofHigh) * (1 - ofHigh - ofLow)), 0.06, 'wait of the lower priority');
  });

  it('of the same priority are served as they come, whoever asks', () => {
    const streams = [
      { serviceS: 0.02, ratePerS: 15, seed: 1 },
      { serviceS: 0.005, ratePerS: 80, seed: 2 },
    ] as const;
    const residualS = streams.reduce((sum, { serviceS, ratePerS }) => sum + (ratePerS * serviceS ** 2) / 2, 0);
    simulateHost(streams.map(open), 3000).forEach(({ latencyS }, at) => {
      near(mean(latencyS) - (streams[at]?.serviceS ?? 0), residualS / 0.3, 0.06, `wait of ${at}`);
    });
  });

  it('never wait where one client asks alone, whose pauses count', () => {
    const busy = only(simulateHost([closed(0.01)], 20));
    near(mean(busy.latencyS), 0.01, 0.01, 'mean');
    assert.ok(Math.max(...busy.latencyS) < 0.01 * 1.11, 'only run times vary');
    near(busy.latencyS.length, 2000, 0.01, 'answers without a pause');
    near(only(simulateHost([closed(0.01, 0.03)], 40)).latencyS.length, 1000, 0.01, 'answers with pauses');
  });

  it('of two clients without a pause take turns: as many answers each, after the runs of both', () => {
    const [one, other] = simulateHost([closed(0.01), closed(0.03)], 40);
    assert.ok(one !== undefined && other !== undefined);
    assert.ok(Math.abs(one.latencyS.length - other.latencyS.length) <= 1);
    near(one.latencyS.length, 1000, 0.02, 'answers');
    for (const { latencyS } of [one, other]) near(mean(latencyS.slice(1)), 0.04, 0.01, 'latency');
  });

  it('are refused where too many wait, and none is lost', () => {
    const queueLength = 3;
    const { latencyS, offered, refused } = only(
      simulateHost([open({ serviceS: 0.01, ratePerS: 200, queueLength })], 100),
    );
    assert.equal(offered, latencyS.length + refused);
    near(offered, 20_000, 0.03, 'offered');
    near(latencyS.length, 10_000, 0.02, 'as many as can be are answered');
    const longestS = Math.max(...latencyS);
    // What was left of the run under way, two that wait, and its own.
    assert.ok(longestS > 0.035 && longestS < 0.04 * 1.06, `${longestS}`);
  });

  it('are refused by a host that lets none wait as Erlang says, whoever has it', () => {
    const streams = [1, 2].map((seed) => open({ serviceS: 0.02, ratePerS: 30, queueLength: 0, seed }));
    for (const { latencyS, offered, refused } of simulateHost(streams, 1000)) {
      assert.equal(offered, latencyS.length + refused);
      // Of a load of 1.2, one of 1.2 / 2.2.
      near(refused / offered, 1.2 / 2.2, 0.02, 'refused');
      near(mean(latencyS), 0.02, 0.01, 'nobody waits');
    }
  });

  it('that came in time are all answered, also after the end', () => {
    const { latencyS, offered } = only(simulateHost([open({ serviceS: 1, ratePerS: 100 })], 1));
    assert.ok(offered > 60);
    assert.equal(latencyS.length, offered);
  });

  it('are the same again for the same seeds, and others for others', () => {
    const play = (seed: number): StreamResult[] =>
      simulateHost([open({ serviceS: 0.01, ratePerS: 50, seed }), closed(0.02, 0.05)], 20);
    assert.deepEqual(play(3), play(3));
    assert.notDeepEqual(play(3), play(4));
  });
});

describe('requests at a unit that shares its time', () => {
  it('take s / (1 - load) where many share it', () => {
    const streams = Array.from({ length: 40 }, (_, seed) => open({ serviceS: 0.01, ratePerS: 60 / 40, seed }));
    const all = simulateUnit(streams, 1500).map(({ latencyS }) => latencyS);
    const answers = all.reduce((sum, { length }) => sum + length, 0);
    const sumS = all.reduce((sum, latencyS) => sum + mean(latencyS) * latencyS.length, 0);
    near(sumS / answers, 0.01 / 0.4, 0.05, 'mean');
  });

  it('of one network are served in order', () => {
    const { latencyS } = only(simulateUnit([open({ serviceS: 0.01, ratePerS: 70 })], 3000));
    near(mean(latencyS) - 0.01, (0.7 * 0.01) / 0.6, 0.04, 'mean wait');
  });

  it('of two clients without a pause take twice as long each, and long runs leave room for short ones', () => {
    const [short, long] = simulateUnit([closed(0.01), closed(0.03)], 60);
    near(mean(short?.latencyS ?? new Float64Array()), 0.02, 0.01, 'short');
    near(mean(long?.latencyS ?? new Float64Array()), 0.06, 0.01, 'long');
  });

  it('are refused where too many wait, and none is lost', () => {
    const { latencyS, offered, refused } = only(
      simulateUnit([open({ serviceS: 0.01, ratePerS: 200, queueLength: 3 })], 100),
    );
    assert.equal(offered, latencyS.length + refused);
    near(latencyS.length, 10_000, 0.02, 'answered');
  });
});

describe('times of requests', () => {
  const timesOf = (bursty: boolean, ratePerS: number, seconds: number): number[] => {
    const next = arrivalTimes(ratePerS, new Random(5), bursty);
    const times: number[] = [];
    for (let at = next(); at < seconds; at = next()) times.push(at);
    return times;
  };
  /** Variance over mean of how many come in ten times the mean gap: 1 where they come evenly at random. */
  const dispersion = (times: readonly number[], seconds: number): number => {
    const counts = new Float64Array(seconds);
    for (const at of times) counts[Math.floor(at)] = (counts[Math.floor(at)] ?? 0) + 1;
    const average = mean(counts);
    return mean(counts.map((count) => (count - average) ** 2)) / average;
  };

  it('keep the mean rate in bursts, too', () => {
    for (const bursty of [false, true]) {
      const times = timesOf(bursty, 10, 20_000);
      assert.ok(times.every((at, index) => at > (times[index - 1] ?? 0)));
      near(times.length / 20_000, 10, 0.03, bursty ? 'in bursts' : 'evenly');
    }
  });

  it('vary far more in bursts', () => {
    near(dispersion(timesOf(false, 10, 20_000), 20_000), 1, 0.05, 'evenly');
    assert.ok(dispersion(timesOf(true, 10, 20_000), 20_000) > 3);
  });
});
