import type { Quality } from '../../signals/quality';
import type { Telemetry } from '../../signals/telemetry';
import type { AccuracyPriceNow } from '../../signals/variants';
import type { Violated } from '../../signals/violated';
import { accuracyOf, swapOf, type Candidate } from '../candidate';
import { AccuracyAccount, dayEndMs, type AccountState, type Stretch } from './account';
import { priceFor, type Offer, type Option } from './price';

/** Share of the allowance that is aimed at: what comes in between two rounds must not overspend it. */
const aim = 0.99;

/** The price in force, and the grid's time. */
export interface PriceInForce {
  readonly gPerPoint: number;
  readonly intensityGPerKwh: number;
  readonly atMs: number;
  readonly told: AccuracyPriceNow;
}

/**
 * Steers the price of accuracy over the day: set ahead from what is expected of the grid and of the requests, and set anew in each
 * round from what the answers have really lost so far, so that a wrong forecast moves the price and not the day's mean.
 */
export class AccuracyPrice {
  private readonly account = new AccuracyAccount();
  private answers = { count: 0, pointsLost: 0 };
  private offers: readonly Offer[] = [];
  /** Since the last round: what was planned then. */
  private planned = { ratePerS: 0, lossPt: 0 };

  constructor(private readonly candidates: readonly Candidate[]) {}

  /** What the day's answers have given up so far, to be kept; null while nothing was counted. */
  get accountState(): AccountState | null {
    return this.account.state;
  }

  /** Goes on with the account of an earlier one. */
  restoreAccount(kept: AccountState): void {
    this.account.restore(kept);
  }

  /** Counts what the answers in time really lost, whichever variant gave them. */
  observe(telemetry: Telemetry): void {
    for (const { tenant, byVariant } of telemetry.tenants) {
      const best = this.candidates.find((candidate) => candidate.tenant.name === tenant)?.eligible[0]?.accuracy;
      if (best === undefined) continue;
      for (const { accuracy, inTime } of byVariant) {
        this.answers.count += inTime;
        this.answers.pointsLost += inTime * (best - accuracy) * 100;
      }
    }
  }

  /** The price for a planning round; null where the cap's policy knows none, or while the grid is unknown. */
  update(violated: Violated): PriceInForce | null {
    const { quality } = violated;
    if (quality === undefined) {
      this.answers = { count: 0, pointsLost: 0 };
      return null;
    }
    const atMs = Date.parse(quality.at);
    const { count, pointsLost } = this.answers;
    const lossPt = count > 0 ? pointsLost / count : this.planned.lossPt;
    const isBehind =
      quality.intensityGPerKwh !== null &&
      !this.account.advance(atMs, this.planned.ratePerS, lossPt, quality.allowancePt);
    // What came meanwhile counts once the time goes on.
    if (!isBehind) this.answers = { count: 0, pointsLost: 0 };
    // While limits are broken the alternatives tell what mends them, not what they would save.
    if (violated.violations.length === 0) this.offers = this.offersOf(violated);
    this.planned = plannedLoss(violated, this.candidates);
    if (quality.intensityGPerKwh === null || this.offers.length === 0) return null;
    const allowancePt = quality.allowancePt * aim;
    const ahead = this.ahead(quality, atMs, quality.intensityGPerKwh);
    const toCome = ahead.reduce((sum, { requests }) => sum + requests, 0);
    const gPerPoint = priceFor(this.offers, ahead, this.account.allowedPt(allowancePt, toCome));
    return {
      gPerPoint,
      intensityGPerKwh: quality.intensityGPerKwh,
      atMs,
      told: {
        gPerPoint: Number.isFinite(gPerPoint) ? gPerPoint : null,
        lostPt: this.account.meanLossPt,
        allowancePt: quality.allowancePt,
        intensityGPerKwh: quality.intensityGPerKwh,
      },
    };
  }

  private offersOf(violated: Violated): Offer[] {
    const { expectedW } = violated;
    if (expectedW === undefined) return [];
    return this.candidates.flatMap((candidate): Offer[] => {
      const ratePerS = violated.ratePerS?.[candidate.tenant.name] ?? 0;
      const best = candidate.eligible[0]?.accuracy ?? 0;
      if (ratePerS <= 0) return [];
      const options: Option[] = violated.alternatives.flatMap((alternative) => {
        const swap = swapOf(alternative, this.candidates);
        return swap?.candidate === candidate && alternative.feasible
          ? [
              {
                variant: swap.to.name,
                lossPt: (best - swap.to.accuracy) * 100,
                powerW: alternative.powerW.expected,
              },
            ]
          : [];
      });
      const own = { variant: candidate.current, lossPt: (best - accuracyOf(candidate)) * 100, powerW: expectedW };
      return [{ tenant: candidate.tenant.name, ratePerS, options: [own, ...options] }];
    });
  }

  /** The rest of the day. */
  private ahead(quality: Quality, atMs: number, nowGPerKwh: number): Stretch[] {
    const endMs = dayEndMs(atMs);
    const { ratePerS } = this.planned;
    const stretches: Stretch[] = [];
    let reachedMs = atMs;
    for (const { validFrom, validTo, intensityGPerKwh } of quality.outlook) {
      const fromMs = Math.max(reachedMs, Date.parse(validFrom));
      const toMs = Math.min(endMs, Date.parse(validTo));
      if (toMs <= fromMs) continue;
      stretches.push({ requests: this.account.expectedRequests(fromMs, toMs, ratePerS), intensityGPerKwh });
      reachedMs = toMs;
    }
    if (reachedMs < endMs) {
      const requests = this.account.expectedRequests(reachedMs, endMs, ratePerS);
      stretches.push({ requests, intensityGPerKwh: nowGPerKwh });
    }
    return stretches;
  }
}

/** Requests per second and mean loss of the plan that a round speaks of. */
function plannedLoss({ ratePerS }: Violated, candidates: readonly Candidate[]): { ratePerS: number; lossPt: number } {
  let total = 0;
  let points = 0;
  for (const candidate of candidates) {
    const rate = ratePerS?.[candidate.tenant.name] ?? 0;
    total += rate;
    points += rate * ((candidate.eligible[0]?.accuracy ?? 0) - accuracyOf(candidate)) * 100;
  }
  return { ratePerS: total, lossPt: total > 0 ? points / total : 0 };
}
