import { performance } from 'node:perf_hooks';

/** Time, injected so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds since the epoch: for dates only. */
  epochMs(): number;
  /** Milliseconds on a clock that never jumps: for durations, deadlines and queues. */
  nowMs(): number;
}

export const systemClock: Clock = { epochMs: () => Date.now(), nowMs: () => performance.now() };
