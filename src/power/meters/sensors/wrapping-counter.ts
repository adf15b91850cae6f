/** A mean over less than this would be made of the counter's own steps, ms. */
const leastMeanMs = 20;

/** Undoes the wrap-around of an energy counter. */
export class WrappingCounter {
  /** Joules since the first reading. */
  totalJ = 0;
  /** Mean between the last two readings (over at least {@link leastMeanMs}), W; null before there are two. */
  powerW: number | null = null;
  private last: { readonly valueJ: number; readonly atMs: number } | null = null;
  private meanFrom: { readonly totalJ: number; readonly atMs: number } | null = null;

  /**
   * @param rangeJ where the counter starts again from zero
   * @param mostW a step that would mean more than this is a counter that was reset, e.g. while the machine slept
   */
  constructor(
    private readonly rangeJ: number,
    private readonly mostW: number,
  ) {}

  /** @returns false when the counter has started anew: how much was counted since the last reading is unknown */
  take(valueJ: number, atMs: number): boolean {
    const last = this.last;
    this.last = { valueJ, atMs };
    if (last === null) {
      this.meanFrom = { totalJ: 0, atMs };
      return true;
    }
    const countedJ = valueJ >= last.valueJ ? valueJ - last.valueJ : valueJ + this.rangeJ - last.valueJ;
    // The counter and the clock are not read at quite the same time.
    const mostJ = (this.mostW * (Math.max(0, atMs - last.atMs) + 50)) / 1000;
    if (!(countedJ >= 0) || countedJ > mostJ) {
      this.powerW = null;
      this.meanFrom = { totalJ: this.totalJ, atMs };
      return false;
    }
    this.totalJ += countedJ;
    this.updateMean(atMs);
    return true;
  }

  private updateMean(atMs: number): void {
    const from = this.meanFrom;
    if (from !== null) {
      const spanMs = atMs - from.atMs;
      if (spanMs >= 0 && spanMs < leastMeanMs) return;
      this.powerW = spanMs < 0 ? null : ((this.totalJ - from.totalJ) * 1000) / spanMs;
    }
    this.meanFrom = { totalJ: this.totalJ, atMs };
  }
}
