/** The time, injected so that tests decide it. */
export interface Clock {
  /** Milliseconds that only ever grow; for durations. */
  monotonicMs(): number;
}

export const systemClock: Clock = { monotonicMs: () => performance.now() };
