import assert from 'node:assert/strict';
import fc from 'fast-check';
import { poissonArrivals } from '../../../src/simulation/poisson-arrivals';
import { SamplePool } from '../../../src/simulation/sample-pool';

/** A clock on which time passes only when asked to. */
class FakeClock {
  nowMs = 0;
  private due: { action: () => void; atMs: number; cleared: boolean }[] = [];

  readonly clock = {
    setTimeout: (action: () => void, delayMs: number) => {
      const timer = { action, atMs: this.nowMs + delayMs, cleared: false };
      this.due.push(timer);
      return timer;
    },
    clearTimeout: (handle: unknown) => {
      (handle as { cleared: boolean }).cleared = true;
    },
  };

  run(untilMs: number): void {
    for (;;) {
      this.due = this.due.filter((timer) => !timer.cleared).sort((a, b) => a.atMs - b.atMs);
      const next = this.due[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.due.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.action();
    }
    this.nowMs = untilMs;
  }
}

describe('live traffic', () => {
  it('arrives at the asked mean rate, and the same seed arrives at the same times', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer(), (ratePerS, seed) => {
        const times = [0, 0].map(() => {
          const fake = new FakeClock();
          const seen: number[] = [];
          const stop = poissonArrivals(
            ratePerS,
            seed,
            () => seen.push(fake.nowMs),
            fake.clock,
            () => fake.nowMs,
          );
          fake.run(200_000);
          stop();
          fake.run(210_000);
          return seen;
        });
        assert.deepEqual(times[0], times[1]);
        const expected = ratePerS * 200;
        // Six standard deviations of a Poisson count.
        assert.ok(Math.abs((times[0]?.length ?? 0) - expected) < 6 * Math.sqrt(expected));
      }),
      { numRuns: 30 },
    );
  });

  it('does not arrive at all at rate 0', () => {
    const fake = new FakeClock();
    poissonArrivals(
      0,
      1,
      () => assert.fail('arrived'),
      fake.clock,
      () => fake.nowMs,
    );
    fake.run(10_000);
  });

  it('drops what was missed while the process slept instead of sending a burst', () => {
    const fake = new FakeClock();
    let arrived = 0;
    poissonArrivals(
      10,
      1,
      () => (arrived += 1),
      fake.clock,
      () => fake.nowMs,
    );
    fake.run(1000);
    const before = arrived;
    fake.nowMs += 60_000;
    fake.run(61_100);
    assert.ok(arrived - before < 20, `${arrived - before} arrivals right after a minute of sleep`);
  });

  it('draws from a pool of a fixed size that is the same for the same seed', () => {
    const draw = () => {
      const pool = new SamplePool(['vibration'], 3, 5);
      while (pool.grow());
      return new Set(Array.from({ length: 60 }, () => pool.draw('vibration')));
    };
    const [first, second] = [draw(), draw()];
    assert.equal(first.size, 3);
    assert.deepEqual(
      [...first].map((sample) => sample.truth),
      [...second].map((sample) => sample.truth),
    );
  });
});
