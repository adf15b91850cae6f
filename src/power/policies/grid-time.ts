import type { CarbonReading } from '../../signals/carbon';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** A reading this much earlier than the last one is another recording, or one that begins anew; less is a late restatement. */
export const leastJumpBackMs = 3 * hourMs;

/**
 * Time as the grid's readings tell it, ms since the epoch: that of the newest reading, going on with the clock until the next one.
 * So a recorded day that is played fast counts as a day, and a real one needs no wall clock.
 */
export class GridTime {
  private anchor: { readonly validFrom: string; readonly gridMs: number; readonly nowMs: number } | null = null;

  /** @param nowMs monotonic time */
  at(reading: CarbonReading, nowMs: number): number {
    const { anchor } = this;
    const going = anchor === null ? -Infinity : anchor.gridMs + (nowMs - anchor.nowMs);
    if (anchor !== null && anchor.validFrom === reading.validFrom) return going;
    const toldMs = Date.parse(reading.validFrom);
    const gridMs = toldMs < going - leastJumpBackMs ? toldMs : Math.max(toldMs, going);
    this.anchor = { validFrom: reading.validFrom, gridMs, nowMs };
    return gridMs;
  }
}

/** Midnight UTC at or before a time: where its day begins. */
export function dayStartMs(timeMs: number): number {
  return Math.floor(timeMs / dayMs) * dayMs;
}
