/** One second of a run. */
export interface TraceSecond {
  readonly atS: number;
  /** True mean power of that second, W. */
  readonly powerW: number;
  readonly capW: number;
  /** What the loop has set: the model's full-load power of the setting in force, W. */
  readonly commandedW: number;
}

export interface TraceFigures {
  /** From the start of the trace to the first second from which on power stays within 5 % of the cap; null when it never does. */
  readonly settleS: number | null;
  /** Most power above the cap after the first second, %. */
  readonly overshootPct: number;
  /** Share of the seconds in which power is more than 2 % above the cap, %. */
  readonly violationPct: number;
  /** Swings of the setting (up and down again, or down and up) of more than 5 % of the cap. */
  readonly oscillations: number;
}

/** How often a series turns round, movements of up to `least` left out. */
export function turns(values: readonly number[], least: number): number {
  let count = 0;
  let direction = 0;
  let low = values[0] ?? 0;
  let high = low;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
    if (direction <= 0 && value - low > least) {
      if (direction < 0) count += 1;
      direction = 1;
      high = value;
    } else if (direction >= 0 && high - value > least) {
      if (direction > 0) count += 1;
      direction = -1;
      low = value;
    }
    if (direction > 0) low = Math.max(low, high - least - 1e-9);
    if (direction < 0) high = Math.min(high, low + least + 1e-9);
  }
  return count;
}

/** Figures of a time with one cap. */
export function figuresOf(trace: readonly TraceSecond[]): TraceFigures {
  const capW = trace[0]?.capW ?? Number.NaN;
  const startS = trace[0]?.atS ?? 0;
  const outside = trace.findLastIndex(({ powerW }) => Math.abs(powerW / capW - 1) > 0.05);
  const settledAt = trace[outside + 1];
  const later = trace.slice(1).map(({ powerW }) => (powerW / capW - 1) * 100);
  return {
    settleS: settledAt === undefined ? null : settledAt.atS - startS,
    overshootPct: Math.max(0, ...later),
    violationPct: (100 * trace.filter(({ powerW }) => powerW > capW * 1.02).length) / Math.max(1, trace.length),
    oscillations: Math.ceil(
      turns(
        trace.map(({ commandedW }) => commandedW),
        capW * 0.05,
      ) / 2,
    ),
  };
}
