import { joulesPerKwh } from '../../signals/quantities';
import type { Stretch } from './account';

/** One variant that a tenant could run. */
export interface Option {
  readonly variant: string;
  /** Percentage points below the tenant's most accurate variant. */
  readonly lossPt: number;
  /** Power of the whole device with it, all else as it is, W. */
  readonly powerW: number;
}

/** What one tenant could give up, and what that would save. */
export interface Offer {
  readonly tenant: string;
  readonly ratePerS: number;
  readonly options: readonly Option[];
}

/** Bisections of the price: far finer than anything it decides. */
const bisections = 48;
/** Points that are nothing but rounding. */
const tinyPt = 1e-9;

/** Grams that a watt emits in a second. */
export const gramsPerWs = (intensityGPerKwh: number): number => intensityGPerKwh / joulesPerKwh;

/** The variant that costs a tenant least: grams of its power plus the price of its accuracy. */
function bestAt({ ratePerS, options }: Offer, perWs: number, priceG: number): Option | undefined {
  let least = Infinity;
  let best: Option | undefined;
  for (const option of options) {
    // Where nothing may be given up only what loses nothing counts.
    const worthG = option.lossPt === 0 ? 0 : priceG * ratePerS * option.lossPt;
    const costG = option.powerW * perWs + worthG;
    // Of equals the more accurate one.
    if (best === undefined || costG < least || (costG === least && option.lossPt < best.lossPt)) {
      least = costG;
      best = option;
    }
  }
  return best;
}

function meanLossPt(offers: readonly Offer[], ahead: readonly Stretch[], priceG: number): number {
  let requests = 0;
  let points = 0;
  const ratePerS = offers.reduce((sum, offer) => sum + offer.ratePerS, 0);
  for (const stretch of ahead) {
    const perWs = gramsPerWs(stretch.intensityGPerKwh);
    const lost = offers.reduce((sum, offer) => sum + offer.ratePerS * (bestAt(offer, perWs, priceG)?.lossPt ?? 0), 0);
    requests += stretch.requests;
    points += stretch.requests * (lost / ratePerS);
  }
  return requests > 0 ? points / requests : 0;
}

/** The price from which on nobody gives up anything, whatever the grid does. */
function prohibitiveG(offers: readonly Offer[], ahead: readonly Stretch[]): number {
  const dirtiest = gramsPerWs(Math.max(0, ...ahead.map(({ intensityGPerKwh }) => intensityGPerKwh)));
  let priceG = 0;
  for (const { ratePerS, options } of offers) {
    for (const heavy of options) {
      for (const light of options) {
        const points = (light.lossPt - heavy.lossPt) * ratePerS;
        if (points > 0) priceG = Math.max(priceG, ((heavy.powerW - light.powerW) * dirtiest) / points);
      }
    }
  }
  return priceG * 1.000_001;
}

/** The price of accuracy from both sides: what is given up jumps there, and the allowance lies within the jump. */
export interface PriceSides {
  /** The least price at which no more is lost than allowed, g per percentage point and request: 0 when all may, Infinity when nothing may be given up. */
  readonly gPerPoint: number;
  /** Just below it, where more would be lost; the same where there is no such price. */
  readonly belowGPerPoint: number;
  /** How much of the jump is allowed, 0 to 1. */
  readonly share: number;
}

/**
 * The price of accuracy (a Lagrange multiplier), in grams per percentage point and request: the least one at which the tenants,
 * each running what costs least at that price, lose no more than the allowed points in the mean of all requests ahead. It makes
 * accuracy go where a gram saved costs least of it: in dirty hours, at the tenants whose light variants save most.
 */
export function priceSides(offers: readonly Offer[], ahead: readonly Stretch[], allowedPt: number): PriceSides {
  const only = (gPerPoint: number): PriceSides => ({ gPerPoint, belowGPerPoint: gPerPoint, share: 0 });
  if (!(allowedPt > 0)) return only(Infinity);
  if (meanLossPt(offers, ahead, 0) <= allowedPt) return only(0);
  let low = 0;
  let high = prohibitiveG(offers, ahead);
  for (let step = 0; step < bisections; step += 1) {
    const middle = (low + high) / 2;
    if (meanLossPt(offers, ahead, middle) <= allowedPt) high = middle;
    else low = middle;
  }
  const kept = meanLossPt(offers, ahead, high);
  const more = meanLossPt(offers, ahead, low);
  return { gPerPoint: high, belowGPerPoint: low, share: more > kept ? (allowedPt - kept) / (more - kept) : 0 };
}

/** Grams over the time ahead that depend on the variants, when each tenant runs what costs least at a price. */
function gramsAt(offers: readonly Offer[], ahead: readonly Stretch[], priceG: number): number {
  const ratePerS = offers.reduce((sum, offer) => sum + offer.ratePerS, 0);
  return ahead.reduce((sum, { requests, intensityGPerKwh }) => {
    const perWs = gramsPerWs(intensityGPerKwh);
    const powerW = offers.reduce((total, offer) => total + (bestAt(offer, perWs, priceG)?.powerW ?? 0), 0);
    return sum + (requests / ratePerS) * powerW * perWs;
  }, 0);
}

/**
 * The least grams over the time ahead within the allowance, the plans on both sides of the price taking turns: what a decision now
 * leaves to the rest of the day. Infinity where even the most accurate variants lose more.
 */
export function leastGrams(offers: readonly Offer[], ahead: readonly Stretch[], allowedPt: number): number {
  if (ahead.length === 0) return 0;
  const { gPerPoint, belowGPerPoint, share } = priceSides(offers, ahead, allowedPt);
  if (meanLossPt(offers, ahead, gPerPoint) > Math.max(0, allowedPt) + tinyPt) return Infinity;
  return (1 - share) * gramsAt(offers, ahead, gPerPoint) + share * gramsAt(offers, ahead, belowGPerPoint);
}

/** The price that keeps the allowance. @returns 0 when everything may be given up, Infinity when nothing may */
export const priceFor = (offers: readonly Offer[], ahead: readonly Stretch[], allowedPt: number): number =>
  priceSides(offers, ahead, allowedPt).gPerPoint;
