import type { Violated } from '../../signals/violated';
import { accuracyOf, roomOf, swapOf, type Candidate, type Swap } from '../candidate';
import type { PriceInForce } from './accuracy-price';
import { gramsPerWs } from './price';

/** A swap must gain by this share of the price: at the price itself it would go to and fro. */
const margin = 0.03;
/** A step down must save this share of the device's power: less is within the error of any prediction. */
const leastSaving = 0.002;
/** Least time of the grid between two swaps of a tenant for the sake of the price: four an hour at most. */
const dwellMs = 15 * 60_000;

/** A swap that the price calls for. */
export interface PricedSwap {
  readonly swap: Swap;
  /** Power it saves (below 0: costs), W. */
  readonly savedW: number;
  /** Percentage points it gives up (below 0: gains). */
  readonly points: number;
  /** Grams per second that it is better by. */
  readonly gain: number;
  /** Share of the nearest limit that stays free. */
  readonly room: number;
}

/** Remembers when tenants were swapped for the sake of the price, in the grid's time. */
export class PriceChoice {
  private readonly lastSwapMs = new Map<Candidate, number>();

  swapped(candidate: Candidate, price: PriceInForce): void {
    this.lastSwapMs.set(candidate, price.atMs);
  }

  /**
   * The one swap that gains most at the price: down where the grams saved are worth more than the accuracy, up where they are not
   * any more and the heavier variant has fitted for a while. Null when none gains enough.
   */
  choose(violated: Violated, candidates: readonly Candidate[], price: PriceInForce, nowMs: number): PricedSwap | null {
    const { expectedW } = violated;
    if (expectedW === undefined) return null;
    let best: PricedSwap | null = null;
    for (const alternative of violated.alternatives) {
      const swap = swapOf(alternative, candidates);
      if (swap === null || !alternative.feasible || this.isSettling(swap.candidate, price)) continue;
      const { candidate, to } = swap;
      const ratePerS = violated.ratePerS?.[candidate.tenant.name] ?? 0;
      const savedW = expectedW - alternative.powerW.expected;
      const points = (accuracyOf(candidate) - to.accuracy) * 100;
      if (points === 0) continue;
      if (points > 0 && savedW < leastSaving * expectedW) continue;
      const up = points < 0;
      const room = roomOf(alternative, candidate.tenant);
      if (up && !candidate.history.mayStepUpTo(to.name, nowMs, { capW: violated.capW, room })) continue;
      const gain = gainOf(savedW, points, ratePerS, price, up);
      if (gain > 0 && (best === null || gain > best.gain)) best = { swap, savedW, points, gain, room };
    }
    return best;
  }

  private isSettling(candidate: Candidate, { atMs, gPerPoint }: PriceInForce): boolean {
    const last = this.lastSwapMs.get(candidate);
    // Nothing more may be given up: that does not wait.
    if (last === undefined || !Number.isFinite(gPerPoint)) return false;
    return atMs >= last && atMs - last < dwellMs;
  }
}

/** Grams per second that a swap is better by, with the margin against it. */
function gainOf(savedW: number, points: number, ratePerS: number, price: PriceInForce, up: boolean): number {
  const savedG = savedW * gramsPerWs(price.intensityGPerKwh);
  if (!Number.isFinite(price.gPerPoint)) return up ? -points : -1;
  const worthG = points * ratePerS * price.gPerPoint;
  // Accuracy that costs nothing, or nearly so, is always taken.
  if (up && savedG >= worthG * 1e-9) return Math.max(Number.MIN_VALUE, savedG - worthG);
  return up ? savedG - worthG * (1 - margin) : savedG - worthG * (1 + margin);
}
