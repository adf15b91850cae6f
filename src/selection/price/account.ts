import { z } from 'zod';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A time this much earlier than the last one is another recording; less is a reading that counts from its beginning again. */
const leastJumpBackMs = 3 * hourMs;

const amountSchema = z.number().nonnegative();
/** Requests of one hour of the day, and how much of that hour was seen. */
const hourSchema = z.object({ requests: amountSchema, seenMs: amountSchema });
type Hour = z.infer<typeof hourSchema>;
const daySchema = z.array(hourSchema).length(24);

/** An account as it is kept; times are the grid's, ms since the epoch. */
export const accountStateSchema = z.object({
  atMs: z.number(),
  requests: amountSchema,
  pointsLost: z.number(),
  overspent: amountSchema,
  today: daySchema,
  dayBefore: daySchema,
});
export type AccountState = z.infer<typeof accountStateSchema>;

const emptyDay = (): Hour[] => Array.from({ length: 24 }, () => ({ requests: 0, seenMs: 0 }));

/** A stretch of time ahead with the requests that are expected in it. */
export interface Stretch {
  readonly requests: number;
  readonly intensityGPerKwh: number;
}

/**
 * What a day's answers have given up in accuracy, weighted by requests. Times are the grid's; a day begins at midnight UTC. What
 * was overspent one day counts against the next one; what was not used lapses, so that no day is worse than allowed.
 */
export class AccuracyAccount {
  private atMs: number | null = null;
  private requests = 0;
  private pointsLost = 0;
  private overspent = 0;
  private today = emptyDay();
  private dayBefore = emptyDay();
  /** Nothing was counted since the last time. */
  private resumed = false;

  /** Percentage points lost in the mean of the day so far, overspending of the day before not counted. */
  get meanLossPt(): number {
    return this.requests > 0 ? this.pointsLost / this.requests : 0;
  }

  /** To be kept; null before the first time. */
  get state(): AccountState | null {
    const { atMs, requests, pointsLost, overspent, today, dayBefore } = this;
    return atMs === null ? null : structuredClone({ atMs, requests, pointsLost, overspent, today, dayBefore });
  }

  /** Goes on where an earlier one was; what was answered since then is not counted. */
  restore(kept: AccountState): void {
    const { atMs, requests, pointsLost, overspent, today, dayBefore } = structuredClone(kept);
    this.atMs = atMs;
    this.requests = requests;
    this.pointsLost = pointsLost;
    this.overspent = overspent;
    this.today = today;
    this.dayBefore = dayBefore;
    this.resumed = true;
  }

  /**
   * Goes on to a time: since the last one so many requests came per second, and each lost so many points in the mean.
   * @returns false while the time is one that was counted already, as after a restart of who tells it
   */
  advance(atMs: number, ratePerS: number, lossPt: number, allowancePt: number): boolean {
    const last = this.atMs;
    const { resumed } = this;
    this.resumed = false;
    if (last !== null && atMs < last && last - atMs <= leastJumpBackMs) return false;
    this.atMs = atMs;
    if (last === null) return true;
    // A recording that begins anew, a gap of days, or a night that nobody was there: nothing is known of the time between.
    const isOtherDay = Math.floor(atMs / dayMs) !== Math.floor(last / dayMs);
    if (atMs < last || atMs - last > dayMs || (resumed && isOtherDay)) {
      this.newDay(allowancePt);
      return true;
    }
    if (resumed) return true;
    for (let fromMs = last; fromMs < atMs;) {
      const toMs = Math.min(atMs, (Math.floor(fromMs / hourMs) + 1) * hourMs);
      const requests = (ratePerS * (toMs - fromMs)) / 1000;
      this.requests += requests;
      this.pointsLost += requests * lossPt;
      const hour = this.today[hourOf(fromMs)];
      if (hour !== undefined) {
        hour.requests += requests;
        hour.seenMs += toMs - fromMs;
      }
      if (toMs % dayMs === 0) this.newDay(allowancePt);
      fromMs = toMs;
    }
    return true;
  }

  /** Points that may still be lost in the mean of so many requests to come; below 0 when it is overspent already. */
  allowedPt(allowancePt: number, requestsToCome: number): number {
    const all = allowancePt * (this.requests + requestsToCome) - this.pointsLost - this.overspent;
    return requestsToCome > 0 ? all / requestsToCome : 0;
  }

  /** Requests to expect between two times of one hour: as in that hour of the day before where it was seen, else as now. */
  expectedRequests(fromMs: number, toMs: number, ratePerS: number): number {
    const hour = this.dayBefore[hourOf(fromMs)];
    const seen = hour !== undefined && hour.seenMs >= hourMs / 2;
    const perMs = seen ? hour.requests / hour.seenMs : ratePerS / 1000;
    return perMs * (toMs - fromMs);
  }

  private newDay(allowancePt: number): void {
    this.overspent = Math.max(0, this.overspent + this.pointsLost - allowancePt * this.requests);
    this.requests = this.pointsLost = 0;
    this.dayBefore = this.today;
    this.today = emptyDay();
  }
}

const hourOf = (timeMs: number): number => Math.floor((((timeMs % dayMs) + dayMs) % dayMs) / hourMs);

/** Midnight UTC after a time. */
export function dayEndMs(timeMs: number): number {
  return (Math.floor(timeMs / dayMs) + 1) * dayMs;
}
