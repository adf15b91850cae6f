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

/** Grams that a watt emits in a second. */
export const gramsPerWs = (intensityGPerKwh: number): number => intensityGPerKwh / joulesPerKwh;

/** The loss of the variant that costs a tenant least: grams of its power plus the price of its accuracy. */
function lossAt({ ratePerS, options }: Offer, perWs: number, priceG: number): number {
  let least = Infinity;
  let lossPt = 0;
  for (const option of options) {
    const costG = option.powerW * perWs + priceG * ratePerS * option.lossPt;
    // Of equals the more accurate one.
    if (costG < least || (costG === least && option.lossPt < lossPt)) {
      least = costG;
      lossPt = option.lossPt;
    }
  }
  return lossPt;
}

function meanLossPt(offers: readonly Offer[], ahead: readonly Stretch[], priceG: number): number {
  let requests = 0;
  let points = 0;
  const ratePerS = offers.reduce((sum, offer) => sum + offer.ratePerS, 0);
  for (const stretch of ahead) {
    const perWs = gramsPerWs(stretch.intensityGPerKwh);
    const lost = offers.reduce((sum, offer) => sum + offer.ratePerS * lossAt(offer, perWs, priceG), 0);
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

/**
 * The price of accuracy (a Lagrange multiplier), in grams per percentage point and request: the least one at which the tenants,
 * each running what costs least at that price, lose no more than the allowed points in the mean of all requests ahead. It makes
 * accuracy go where a gram saved costs least of it: in dirty hours, at the tenants whose light variants save most.
 * @returns 0 when everything may be given up, Infinity when nothing may
 */
export function priceFor(offers: readonly Offer[], ahead: readonly Stretch[], allowedPt: number): number {
  if (!(allowedPt > 0)) return Infinity;
  if (meanLossPt(offers, ahead, 0) <= allowedPt) return 0;
  let low = 0;
  let high = prohibitiveG(offers, ahead);
  for (let step = 0; step < bisections; step += 1) {
    const middle = (low + high) / 2;
    if (meanLossPt(offers, ahead, middle) <= allowedPt) high = middle;
    else low = middle;
  }
  return high;
}
