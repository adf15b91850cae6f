import { QualityPolicy } from '../../src/power/policies/quality';
import type { CapRange } from '../../src/power/policies/policy';
import { AccuracyAccount, dayEndMs, type Stretch } from '../../src/selection/price/account';
import { gramsPerWs, leastGrams, priceSides, type Offer } from '../../src/selection/price/price';
import type { Costed, Frontier } from './frontier';
import type { GridHour, ZoneWeek } from './zones';

/** What the quality policy tells at one moment: the time, and what it expects of the grid until the day ends. */
export interface Outlook {
  readonly atMs: number;
  readonly intensityGPerKwh: number;
  /** Rest of the day, as the shares of an hour and intensities. */
  readonly ahead: readonly { readonly hours: number; readonly intensityGPerKwh: number }[];
}

export const decisionsPerHour = 2;
const decisionS = 3600 / decisionsPerHour;
const hourMs = 3_600_000;
/** Share of the allowance that is aimed at, as the selector does. */
const aim = 0.99;
const anyRange: CapRange = { minimumW: 1, maximumW: 100 };

/** What the product's quality policy makes of a week's readings; the same for all mixes. */
export function outlooksOf(week: ZoneWeek): Outlook[] {
  const policy = new QualityPolicy({ allowancePt: 1, within: 'highest', holdUnknownS: 900 });
  return week.hours.flatMap(({ reading }) =>
    Array.from({ length: decisionsPerHour }, (_, part): Outlook => {
      const nowMs = Date.parse(reading.validFrom) + (part * hourMs) / decisionsPerHour;
      const { quality } = policy.decide(reading, anyRange, nowMs);
      if (quality === undefined || quality.intensityGPerKwh === null) throw new Error('the grid is known here');
      const endMs = dayEndMs(nowMs);
      const ahead: { hours: number; intensityGPerKwh: number }[] = [];
      for (const { validFrom, validTo, intensityGPerKwh } of quality.outlook) {
        const hours = (Math.min(endMs, Date.parse(validTo)) - Date.parse(validFrom)) / hourMs;
        const last = ahead.at(-1);
        if (hours <= 0) continue;
        // Steps of the same intensity are one: it makes no difference but to the time that it takes.
        if (last?.intensityGPerKwh === intensityGPerKwh) last.hours += hours;
        else ahead.push({ hours, intensityGPerKwh });
      }
      return { atMs: nowMs, intensityGPerKwh: quality.intensityGPerKwh, ahead };
    }),
  );
}

/** What somebody would tell who knows the grid of the day in advance. */
export function foreseenOf({ hours }: ZoneWeek): Outlook[] {
  return hours.flatMap(({ intensityGPerKwh, reading }, index) => {
    const fromMs = Date.parse(reading.validFrom);
    const left = Math.round((dayEndMs(fromMs) - fromMs) / hourMs);
    const later = hours.slice(index + 1, index + left).map((hour) => ({ hours: 1, ...pick(hour) }));
    return Array.from({ length: decisionsPerHour }, (_, part): Outlook => ({
      atMs: fromMs + (part * hourMs) / decisionsPerHour,
      intensityGPerKwh,
      ahead: [{ hours: 1 - part / decisionsPerHour, intensityGPerKwh }, ...later],
    }));
  });
}

const pick = ({ intensityGPerKwh }: GridHour): Pick<GridHour, 'intensityGPerKwh'> => ({ intensityGPerKwh });

/**
 * The policy under test: the product's account of the day's accuracy and its price, over the plans of the frontier (variants, mapping
 * and operating point together) in place of one tenant's variants.
 */
export class OurPolicy<T> {
  private readonly account = new AccuracyAccount();
  private readonly offers = new Map<Frontier<T>, Offer>();
  private lossPt = 0;

  constructor(
    private readonly frontier: Frontier<T>,
    private readonly allowancePt: number,
  ) {}

  /** @param frontier what is possible now, where that is less than always */
  decide({ atMs, intensityGPerKwh, ahead }: Outlook, frontier = this.frontier): T {
    this.account.advance(atMs, 1, this.lossPt, this.allowancePt);
    const stretches = ahead.map(({ hours, ...rest }): Stretch => ({ ...rest, requests: 3600 * hours }));
    const toCome = stretches.reduce((sum, { requests }) => sum + requests, 0);
    const allowedPt = this.account.allowedPt(aim * this.allowancePt, toCome);
    const offer = this.offerOf(frontier);
    const { gPerPoint, belowGPerPoint } = priceSides([offer], stretches, allowedPt);
    const kept = at(frontier, gPerPoint, intensityGPerKwh);
    const more = at(frontier, belowGPerPoint, intensityGPerKwh);
    const chosen = more === kept ? kept : this.better(kept, more, offer, stretches, allowedPt * toCome);
    this.lossPt = 100 * chosen.loss;
    return chosen.item;
  }

  /** At the price itself one plan is as good as the other, but not what each leaves to the rest of the day. */
  private better(kept: Costed<T>, more: Costed<T>, offer: Offer, ahead: readonly Stretch[], points: number): Costed<T> {
    const later = after(ahead, decisionS);
    const toCome = later.reduce((sum, { requests }) => sum + requests, 0);
    const perWs = gramsPerWs(ahead[0]?.intensityGPerKwh ?? 0);
    const cost = ({ loss, powerW }: Costed<T>): number => {
      const left = points - 100 * loss * decisionS;
      if (left < 0) return Infinity;
      return powerW * perWs * decisionS + leastGrams([offer], later, toCome > 0 ? left / toCome : 0);
    };
    return cost(more) < cost(kept) ? more : kept;
  }

  private offerOf(frontier: Frontier<T>): Offer {
    const known = this.offers.get(frontier);
    if (known !== undefined) return known;
    const options = frontier.vertices.map(({ loss, powerW }, index) => ({
      variant: String(index),
      lossPt: 100 * loss,
      powerW,
    }));
    const offer = { tenant: 'device', ratePerS: 1, options };
    this.offers.set(frontier, offer);
    return offer;
  }
}

/** At an infinite price the most accurate; else what costs least, the more accurate of equals. */
function at<T>(frontier: Frontier<T>, gPerPoint: number, intensityGPerKwh: number): Costed<T> {
  const perWs = gramsPerWs(intensityGPerKwh);
  return frontier.at(Number.isFinite(gPerPoint) && perWs > 0 ? (100 * gPerPoint) / perWs : Infinity);
}

/** What remains of the time ahead after so many requests at one per second. */
function after(ahead: readonly Stretch[], requests: number): Stretch[] {
  let gone = requests;
  return ahead.flatMap((stretch) => {
    const cut = Math.min(gone, stretch.requests);
    gone -= cut;
    return stretch.requests > cut ? [{ ...stretch, requests: stretch.requests - cut }] : [];
  });
}
