const kept = 16;
/** Older than this, a run time says nothing about now: the device may run at another speed. */
const validMs = 5000;

/** What the last inferences of one model on one component took. */
export class RunTimes {
  #recent: number[] = [];
  #lastMs = -Infinity;

  record(runMs: number, nowMs: number): void {
    this.#recent.push(runMs);
    if (this.#recent.length > kept) this.#recent.shift();
    this.#lastMs = nowMs;
  }

  /** The least that a run must be expected to take: only what cannot be in time even so is refused beforehand. */
  fastestMs(nowMs: number): number | null {
    return this.#recent.length === 0 || nowMs - this.#lastMs > validMs ? null : Math.min(...this.#recent);
  }

  /** The mean; null before the first run. */
  meanMs(): number | null {
    const { length } = this.#recent;
    return length === 0 ? null : this.#recent.reduce((sum, runMs) => sum + runMs, 0) / length;
  }
}
