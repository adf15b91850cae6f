/** The mean power of a control period may be above the mean cap by this share before it counts. */
const tolerance = 0.02;

export interface CapPeriodFigures {
  /** Control periods whose power is known. */
  readonly periods: number;
  /** Those of them whose mean power was above the cap by more than 2 %. */
  readonly above: number;
  /** Mean over time, W; null while nothing is known. */
  readonly meanCapW: number | null;
}

/** Holds the mean power of each control period to the mean cap in force during it. Times are those of a clock that never jumps. */
export class CapPeriods {
  private capW: number | null = null;
  private sinceMs = 0;
  private period = { capWMs: 0, lengthMs: 0 };
  private all = { capWMs: 0, lengthMs: 0 };
  private periods = 0;
  private above = 0;

  /** From now on this cap is in force. */
  holds(capW: number, nowMs: number): void {
    this.goOn(nowMs);
    this.capW = capW;
  }

  /** A control period ends, over which the device drew so much in the mean; null where that is unknown. */
  ends(meanPowerW: number | null, nowMs: number): void {
    this.goOn(nowMs);
    const { capWMs, lengthMs } = this.period;
    this.period = { capWMs: 0, lengthMs: 0 };
    if (meanPowerW === null || lengthMs <= 0) return;
    this.periods += 1;
    if (meanPowerW > (capWMs / lengthMs) * (1 + tolerance)) this.above += 1;
  }

  /** Counts anew from now on; the cap in force stays. */
  restart(nowMs: number): void {
    this.sinceMs = nowMs;
    this.period = { capWMs: 0, lengthMs: 0 };
    this.all = { capWMs: 0, lengthMs: 0 };
    this.periods = this.above = 0;
  }

  get figures(): CapPeriodFigures {
    const { capWMs, lengthMs } = this.all;
    return { periods: this.periods, above: this.above, meanCapW: lengthMs > 0 ? capWMs / lengthMs : null };
  }

  private goOn(nowMs: number): void {
    const passedMs = nowMs - this.sinceMs;
    this.sinceMs = nowMs;
    if (this.capW === null || passedMs <= 0) return;
    for (const sum of [this.period, this.all]) {
      sum.capWMs += this.capW * passedMs;
      sum.lengthMs += passedMs;
    }
  }
}
