import assert from 'node:assert/strict';
import type { Clock } from '../../../../src/inference/clock';
import { Watchdog } from '../../../../src/inference/hosting/watchdog';
import { ManualClock } from '../support';

const graceMs = 1000;

describe('watchdog', () => {
  let clock: ManualClock;
  let silences: number[];
  let watchdog: Watchdog;

  beforeEach(() => {
    clock = new ManualClock();
    silences = [];
    watchdog = new Watchdog((limitMs) => silences.push(limitMs), clock);
  });

  it('calls once, when the time and the grace are over', () => {
    watchdog.expect(50);
    clock.advance(50);
    clock.advance(graceMs - 1);
    assert.deepEqual(silences, []);
    clock.advance(1);
    assert.deepEqual(silences, [50]);
    clock.advance(100_000);
    assert.deepEqual(silences, [50]);
  });

  it('gives the grace also where the parent was asleep beyond it', () => {
    let ms = 0;
    const set: { delayMs: number; ring: () => void }[] = [];
    const asleep: Clock = {
      nowMs: () => ms,
      epochMs: () => ms,
      after: (delayMs, ring) => {
        set.push({ delayMs, ring });
        return () => undefined;
      },
    };
    const own = new Watchdog((limitMs) => silences.push(limitMs), asleep);
    own.expect(50);
    ms = 60_000;
    set[0]?.ring();
    assert.deepEqual([silences, set[1]?.delayMs], [[], graceMs]);
    own.relax();
    ms += graceMs;
    set[1]?.ring();
    assert.deepEqual(silences, []);
  });

  it('counts from the last expectation', () => {
    watchdog.expect(50);
    clock.advance(40);
    watchdog.expect(50);
    clock.advance(40);
    watchdog.expect(50);
    clock.advance(50);
    clock.advance(graceMs - 1);
    assert.deepEqual(silences, []);
    clock.advance(1);
    assert.deepEqual(silences, [50]);
  });

  it('counts anew where something else is expected during the grace', () => {
    watchdog.expect(50);
    clock.advance(50);
    clock.advance(graceMs - 1);
    watchdog.expect(50);
    clock.advance(1);
    clock.advance(49);
    clock.advance(graceMs - 1);
    assert.deepEqual(silences, []);
    clock.advance(1);
    assert.deepEqual(silences, [50]);
  });

  it('keeps a shorter limit that follows a longer one', () => {
    watchdog.expect(120_000);
    watchdog.relax();
    clock.advance(10);
    watchdog.expect(50);
    clock.advance(50);
    clock.advance(graceMs);
    assert.deepEqual(silences, [50]);
  });

  it('expects nothing while it is relaxed, and sets no timer for each expectation', () => {
    for (let command = 0; command < 100; command += 1) {
      watchdog.expect(1000);
      clock.advance(5);
      watchdog.relax();
    }
    const before = clock.nextRingMs;
    watchdog.expect(1000);
    assert.equal(clock.nextRingMs, before);
    watchdog.relax();
    clock.advance(100_000);
    assert.deepEqual([silences, clock.nextRingMs], [[], Infinity]);
  });

  it('leaves no timer behind', () => {
    watchdog.expect(50);
    watchdog.stop();
    assert.equal(clock.nextRingMs, Infinity);
    clock.advance(100_000);
    assert.deepEqual(silences, []);
    watchdog.expect(20);
    clock.advance(20);
    clock.advance(graceMs);
    assert.deepEqual(silences, [20]);
  });
});
