import { performance } from 'node:perf_hooks';

/** Time, injected so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds since the epoch: for dates only. */
  epochMs(): number;
  /** Milliseconds on a clock that never jumps: for durations, deadlines and queues. */
  nowMs(): number;
  /** Calls back once, after this many milliseconds or, where they are very many, earlier. The answer takes it back. */
  after(delayMs: number, ring: () => void): () => void;
}

/** A timer that is set for longer fires at once, again and again. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  epochMs: () => Date.now(),
  nowMs: () => performance.now(),
  after: (delayMs, ring) => {
    const timer = setTimeout(ring, Math.min(longestTimerMs, Math.max(1, Math.ceil(delayMs))));
    return () => clearTimeout(timer);
  },
};
