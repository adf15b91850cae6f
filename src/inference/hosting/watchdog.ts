import { systemClock, type Clock } from '../clock';

/** What is already here gets this long to be read: the parent itself may have been asleep. */
const graceMs = 1000;

/**
 * Calls back when what was expected did not come in time. What is expected changes with every command and every answer, so its
 * timer is not set each time: it goes on, and looks when it rings.
 */
export class Watchdog {
  #limitMs = 0;
  #dueMs = Infinity;
  #ringsAtMs = Infinity;
  /** What was due when the grace began. */
  #overdueMs: number | null = null;
  #takeBack: (() => void) | null = null;

  /** @param onSilence called with the time that was allowed when nothing came */
  constructor(
    private readonly onSilence: (limitMs: number) => void,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Something has to come within this time, whatever was expected before. */
  expect(limitMs: number): void {
    this.#limitMs = limitMs;
    this.#dueMs = this.clock.nowMs() + limitMs;
    if (this.#dueMs < this.#ringsAtMs) this.#ringIn(limitMs);
  }

  /** Nothing is expected for now. */
  relax(): void {
    this.#dueMs = Infinity;
  }

  /** Nothing is expected any more. */
  stop(): void {
    this.relax();
    this.#takeBack?.();
    this.#takeBack = null;
    this.#ringsAtMs = Infinity;
  }

  #ringIn(delayMs: number): void {
    this.#takeBack?.();
    this.#ringsAtMs = this.clock.nowMs() + delayMs;
    this.#takeBack = this.clock.after(delayMs, () => this.#ring());
  }

  #ring(): void {
    this.#takeBack = null;
    this.#ringsAtMs = Infinity;
    const dueMs = this.#dueMs;
    if (dueMs === Infinity) return;
    const leftMs = dueMs - this.clock.nowMs();
    if (leftMs > 0) this.#ringIn(leftMs);
    else if (this.#overdueMs !== dueMs) {
      this.#overdueMs = dueMs;
      this.#ringIn(graceMs);
    } else {
      this.relax();
      this.onSilence(this.#limitMs);
    }
  }
}
