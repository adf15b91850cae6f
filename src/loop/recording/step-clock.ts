import { performance } from 'node:perf_hooks';

/** One moment on each clock that decisions look at. */
export interface Instant {
  /** Never goes back, ms: the selector's time. */
  readonly monotonicMs: number;
  /** The cap policy's time, ms: the grid's, where a day is played fast; else the same. */
  readonly policyMs: number;
  /** Since the epoch, ms, whole: ids and time stamps of plans. */
  readonly epochMs: number;
}

/**
 * A clock on which no time passes within a step of the loop: whatever a step decides depends on when it began, not on how busy the
 * machine was meanwhile. So a recorded step can be run again.
 */
export class StepClock {
  private instant: Instant;

  constructor(private readonly read: () => Instant) {
    this.instant = read();
  }

  /** A step begins. */
  advance(): Instant {
    this.instant = this.read();
    return this.instant;
  }

  get now(): Instant {
    return this.instant;
  }

  readonly monotonicMs = (): number => this.instant.monotonicMs;
  readonly policyMs = (): number => this.instant.policyMs;
  readonly epochMs = (): number => this.instant.epochMs;
}

/** Time of this machine, counted from now on, and the time of a cap policy that has one of its own. */
export function machineTime(policyMs: () => number): () => Instant {
  const beganMs = performance.now();
  return () => ({ monotonicMs: performance.now() - beganMs, policyMs: policyMs(), epochMs: Date.now() });
}
