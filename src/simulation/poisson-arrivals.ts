import { Random } from './random';

export interface ArrivalClock {
  setTimeout(action: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

const realClock: ArrivalClock = {
  setTimeout: (action, delayMs) => setTimeout(action, delayMs),
  clearTimeout: (handle) => {
    clearTimeout(handle as NodeJS.Timeout);
  },
};

/**
 * Calls `arrive` at the arrival times of a Poisson process: open loop, so that a slow server does not slow its callers down.
 * Times are kept on the process's own schedule; a timer that fires late is followed by a shorter wait.
 * @returns a function that stops it
 */
export function poissonArrivals(
  ratePerS: number,
  seed: number,
  arrive: () => void,
  clock: ArrivalClock = realClock,
  now: () => number = () => performance.now(),
): () => void {
  if (!(ratePerS > 0)) return () => undefined;
  const random = new Random(seed);
  let dueMs = now();
  let handle: unknown;
  const schedule = () => {
    dueMs += random.exponential(1000 / ratePerS);
    // After a long stall (a laptop that slept) the missed arrivals are dropped instead of fired in one burst.
    if (now() - dueMs > 1000) dueMs = now();
    handle = clock.setTimeout(
      () => {
        schedule();
        arrive();
      },
      Math.max(0, dueMs - now()),
    );
  };
  schedule();
  return () => {
    clock.clearTimeout(handle);
  };
}
