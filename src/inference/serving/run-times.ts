const kept = 16;
/** Older than this, a run time says nothing about now: the device may run at another speed. */
const validMs = 5000;
/** Sizes that are known at once: callers choose how many rows they send. */
const mostSizes = 64;

/** The last runs of one size. */
class RecentRuns {
  readonly #runMs: number[] = [];
  #next = 0;
  lastMs = -Infinity;
  meanMs = 0;
  fastestMs = Infinity;

  record(runMs: number, nowMs: number): void {
    this.#runMs[this.#next] = runMs;
    this.#next = (this.#next + 1) % kept;
    this.lastMs = nowMs;
    let sum = 0;
    this.fastestMs = Infinity;
    for (const one of this.#runMs) {
      sum += one;
      if (one < this.fastestMs) this.fastestMs = one;
    }
    this.meanMs = sum / this.#runMs.length;
  }

  isFresh(nowMs: number): boolean {
    return nowMs - this.lastMs <= validMs;
  }
}

/** What the last runs of one model on one component took, by the rows that were computed together. */
export class RunTimes {
  readonly #sizes = new Map<number, RecentRuns>();

  record(runMs: number, nowMs: number, rows = 1): void {
    const known = this.#sizes.get(rows);
    const recent = known ?? new RecentRuns();
    recent.record(runMs, nowMs);
    if (known !== undefined) return;
    this.#sizes.set(rows, recent);
    if (this.#sizes.size > mostSizes) this.#forgetOldest();
  }

  /** Single rows stay: what one request takes is asked for most. */
  #forgetOldest(): void {
    let oldest: number | null = null;
    let oldestMs = Infinity;
    for (const [rows, { lastMs }] of this.#sizes) {
      if (rows === 1 || lastMs >= oldestMs) continue;
      oldest = rows;
      oldestMs = lastMs;
    }
    if (oldest !== null) this.#sizes.delete(oldest);
  }

  /**
   * The least that a run of so many rows must be expected to take: only what cannot be in time even so is refused beforehand.
   * What fewer rows took counts, too, since more rows do not make a run shorter. Null when nothing is known of late.
   */
  fastestMs(nowMs: number, rows = 1): number | null {
    const same = this.#sizes.get(rows);
    if (same?.isFresh(nowMs)) return same.fastestMs;
    let nearest = 0;
    let fastestMs: number | null = null;
    for (const [size, recent] of this.#sizes) {
      if (size > rows || size <= nearest || !recent.isFresh(nowMs)) continue;
      nearest = size;
      fastestMs = recent.fastestMs;
    }
    return fastestMs;
  }

  /**
   * What a run of so many rows takes on average. Where that size was never run: as long as the next larger one, or in
   * proportion to the next smaller one, whichever is less. Null before the first run.
   */
  meanMs(rows = 1): number | null {
    const same = this.#sizes.get(rows);
    if (same !== undefined) return same.meanMs;
    let smaller = 0;
    let larger = Infinity;
    let atMostMs = Infinity;
    let inProportionMs = Infinity;
    for (const [size, { meanMs }] of this.#sizes) {
      if (size > rows && size < larger) {
        larger = size;
        atMostMs = meanMs;
      } else if (size < rows && size > smaller) {
        smaller = size;
        inProportionMs = (meanMs * rows) / size;
      }
    }
    const meanMs = Math.min(atMostMs, inProportionMs);
    return meanMs === Infinity ? null : meanMs;
  }
}
