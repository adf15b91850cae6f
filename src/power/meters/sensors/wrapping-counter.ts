export interface CounterStep {
  /** Joules since the last reading. */
  readonly countedJ: number;
  /** null at the first reading, and where no time has passed. */
  readonly elapsedMs: number | null;
}

/** Undoes the wrap-around of an energy counter. */
export class WrappingCounter {
  /** Joules since the first reading. */
  totalJ = 0;
  private last: { readonly valueJ: number; readonly atMs: number } | null = null;

  /**
   * @param rangeJ where the counter starts again from zero
   * @param mostW a step that would mean more than this is a counter that was reset, e.g. while the machine slept
   */
  constructor(
    private readonly rangeJ: number,
    private readonly mostW: number,
  ) {}

  /** `restarted`: how much was counted since the last reading is unknown. */
  take(valueJ: number, atMs: number): CounterStep | 'restarted' {
    const last = this.last;
    this.last = { valueJ, atMs };
    if (last === null) return { countedJ: 0, elapsedMs: null };
    const elapsedMs = atMs - last.atMs;
    const countedJ = valueJ >= last.valueJ ? valueJ - last.valueJ : valueJ + this.rangeJ - last.valueJ;
    // The counter and the clock are not read at quite the same time.
    const mostJ = (this.mostW * (Math.max(0, elapsedMs) + 50)) / 1000;
    if (!(countedJ >= 0) || countedJ > mostJ) return 'restarted';
    this.totalJ += countedJ;
    return { countedJ, elapsedMs: elapsedMs > 0 ? elapsedMs : null };
  }
}
