import type { CarbonReading } from '../../signals/carbon';
import { joulesPerKwh } from '../../signals/quantities';
import { dayMs, dayStartMs, GridTime, hourMs, leastJumpBackMs } from './grid-time';
import type { BudgetState } from './kept-budget';
import { GridOutlook } from './outlook';
import {
  clampW,
  formatW,
  safeMiddleW,
  type CapDecision,
  type CapPolicy,
  type CapRange,
  type CapSurroundings,
} from './policy';

export interface BudgetOptions {
  readonly gramsPerDay: number;
}

/** Bisections of the share: more than the digits of a number. */
const bisections = 60;

interface Slot {
  readonly durationMs: number;
  readonly intensityGPerKwh: number;
}

/** Grams of so many watts for so long at an intensity. */
const grams = (powerW: number, durationMs: number, intensityGPerKwh: number): number =>
  ((powerW * durationMs) / 1000 / joulesPerKwh) * intensityGPerKwh;

/**
 * Spreads the grams that are left of a day over its remaining hours: the same grams in each hour as far as the limits allow, so
 * the cap is `k / intensity`, held between least and most, with the one `k` that uses up what is left. What was drawn is counted
 * as it was measured or modelled; where that is unknown, the cap counts. What is not used one day is there the next, at most a
 * day's budget, and so is what was overspent. A day begins at midnight UTC of the readings' time; the first one gets the share of
 * its hours that are left.
 */
export class BudgetPolicy implements CapPolicy {
  readonly name = 'budget';
  readonly needsCarbon = true;
  private readonly time = new GridTime();
  private readonly outlook = new GridOutlook();
  private dayMs: number | null = null;
  private leftG = 0;
  private uncountedMs = 0;
  private last: { readonly atMs: number; readonly intensityGPerKwh: number | null; readonly capW: number } | null =
    null;

  constructor(private readonly options: BudgetOptions) {}

  decide(reading: CarbonReading | null, range: CapRange, nowMs: number, surroundings?: CapSurroundings): CapDecision {
    if (reading === null) {
      const capW = safeMiddleW(range);
      return { capW, reason: `no carbon reading has arrived: safe middle of ${formatW(capW)}` };
    }
    const atMs = this.time.at(reading, nowMs);
    this.account(atMs, surroundings?.meanPowerW ?? null);
    this.outlook.learn(reading, atMs);
    const intensityGPerKwh = this.outlook.intensityNow(atMs);
    const decision = this.choose(atMs, intensityGPerKwh, reading, range);
    this.last = { atMs, intensityGPerKwh, capW: decision.capW };
    return decision;
  }

  /** What is left, to be kept; null before the first decision. */
  get state(): BudgetState | null {
    if (this.dayMs === null || this.last === null) return null;
    const { gramsPerDay } = this.options;
    return { version: 1, gramsPerDay, dayMs: this.dayMs, leftG: this.leftG, atMs: this.last.atMs };
  }

  /** Goes on where an earlier one was; what was drawn since then is not counted. A budget that was changed counts for today. */
  restore(kept: BudgetState): void {
    const { gramsPerDay } = this.options;
    this.dayMs = kept.dayMs;
    this.leftG = Math.min(2 * gramsPerDay, kept.leftG + gramsPerDay - kept.gramsPerDay);
    this.last = { atMs: kept.atMs, intensityGPerKwh: null, capW: 0 };
  }

  /** Takes what was drawn since the last decision off the budget, and begins new days. */
  private account(atMs: number, meanPowerW: number | null): void {
    const { gramsPerDay } = this.options;
    const today = dayStartMs(atMs);
    // The first day, and a recording that begins anew.
    if (this.dayMs === null || this.last === null || atMs < this.last.atMs - leastJumpBackMs) {
      this.dayMs = today;
      this.leftG = (gramsPerDay * (today + dayMs - atMs)) / dayMs;
      return;
    }
    const { last } = this;
    // After a restart a reading counts from its beginning, which may be a little earlier.
    const elapsedMs = Math.max(0, atMs - last.atMs);
    if (last.intensityGPerKwh === null) this.uncountedMs += elapsedMs;
    else this.leftG -= grams(meanPowerW ?? last.capW, elapsedMs, last.intensityGPerKwh);
    for (; this.dayMs < today; this.dayMs += dayMs) {
      this.leftG = Math.max(-gramsPerDay, Math.min(gramsPerDay, this.leftG)) + gramsPerDay;
      this.uncountedMs = 0;
    }
  }

  private choose(atMs: number, intensityGPerKwh: number | null, reading: CarbonReading, range: CapRange): CapDecision {
    const left = `${this.leftG.toPrecision(3)} g left of ${this.options.gramsPerDay} g a day`;
    if (intensityGPerKwh === null) {
      const capW = safeMiddleW(range);
      return {
        capW,
        reason: `the carbon intensity of ${reading.zone} is unknown and cannot be counted, ${left}: safe middle of ${formatW(capW)}`,
      };
    }
    const missed = this.uncountedMs >= 60_000 ? ` (${(this.uncountedMs / hourMs).toFixed(1)} h were not counted)` : '';
    const known = `${left}${missed} at ${intensityGPerKwh.toFixed(0)} g/kWh in ${reading.zone}`;
    if (this.leftG <= 0) {
      return { capW: range.minimumW, reason: `${known}: it is spent, lowest cap, ${formatW(range.minimumW)}` };
    }
    const slots = this.slots(atMs);
    const leastG = spentBy(0, slots, range);
    if (leastG >= this.leftG) {
      const short = `even the lowest cap would use ${leastG.toPrecision(3)} g until midnight UTC`;
      return { capW: range.minimumW, reason: `${known}, but ${short}: ${formatW(range.minimumW)}` };
    }
    const hours = slots.reduce((sum, { durationMs }) => sum + durationMs, 0) / hourMs;
    const capW = clampW(shareFor(this.leftG, slots, range) / Math.max(intensityGPerKwh, 1e-9), range);
    return { capW, reason: `${known}, to last for ${hours.toFixed(1)} h: ${formatW(capW)}` };
  }

  /** What is left of the day. */
  private slots(atMs: number): Slot[] {
    const restMs = dayStartMs(atMs) + dayMs - atMs;
    return this.outlook.ahead(atMs, restMs).points.map(({ validFrom, validTo, intensityGPerKwh }) => ({
      durationMs: Date.parse(validTo) - Date.parse(validFrom),
      intensityGPerKwh,
    }));
  }
}

/** Grams that caps of `share / intensity` allow. */
function spentBy(share: number, slots: readonly Slot[], range: CapRange): number {
  return slots.reduce((sum, { durationMs, intensityGPerKwh }) => {
    const capW = clampW(share / Math.max(intensityGPerKwh, 1e-9), range);
    return sum + grams(capW, durationMs, intensityGPerKwh);
  }, 0);
}

/** The share (W g/kWh) whose caps use up so many grams; Infinity where even the highest caps do not. */
function shareFor(leftG: number, slots: readonly Slot[], range: CapRange): number {
  let low = 0;
  let high = range.maximumW * Math.max(1, ...slots.map(({ intensityGPerKwh }) => intensityGPerKwh));
  if (spentBy(high, slots, range) <= leftG) return Infinity;
  for (let step = 0; step < bisections; step += 1) {
    const middle = (low + high) / 2;
    if (spentBy(middle, slots, range) <= leftG) low = middle;
    else high = middle;
  }
  return low;
}
