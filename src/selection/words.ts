import type { AccuracyPriceNow } from '../signals/variants';
import type { Violated, Violation } from '../signals/violated';
import type { Candidate } from './candidate';
import type { PricedSwap } from './price/choice';
import { gramsPerWs } from './price/price';

// What the selector says, for somebody who runs a plant.

export const points = (accuracy: number): string => `${(accuracy * 100).toFixed(1)} points of accuracy`;
const milliseconds = (ms: number): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
const gramsPerHour = (gPerS: number): string => `${(gPerS * 3600).toPrecision(2)} g/h`;

/** Which limit would break, and by how much. */
export function describeViolation({ tenant, constraint, value, limit }: Violation, capW: number | null): string {
  switch (constraint) {
    case 'power':
      return `the device would draw up to ${value.toFixed(1)} W under a cap of ${(capW ?? limit).toFixed(1)} W`;
    case 'load':
      return `a component would be ${Math.round(value * 100)} % busy, mostly with ${tenant}`;
    case 'latency':
      return `${tenant} would need up to ${milliseconds(value)} of ${milliseconds(limit)}`;
  }
}

/** The first broken limits of a plan. */
export function describeViolations({ violations, capW }: Violated): string {
  return violations
    .slice(0, 2)
    .map((violation) => describeViolation(violation, capW))
    .join('; ');
}

/** Why a heavier variant may run. @param room share of the nearest limit that stays free */
export function describeRoom(room: number): string {
  const spare = Math.round(room * 100);
  return `it has fitted for a while, with ${spare > 0 ? `${spare} %` : 'nothing'} of the nearest limit to spare`;
}

/** How much of the day's allowance is used. */
export function describeDay({ lostPt, allowancePt }: AccuracyPriceNow): string {
  return `${lostPt.toFixed(2)} of ${allowancePt.toFixed(2)} points in the mean of today's answers are given up so far`;
}

/** Why the price calls for a swap. */
export function describePriced({ swap, savedW }: PricedSwap, price: AccuracyPriceNow, ratePerS: number): string {
  const grid = `the grid is at ${Math.round(price.intensityGPerKwh)} g/kWh`;
  const grams = gramsPerHour(Math.abs(savedW) * gramsPerWs(price.intensityGPerKwh));
  if (price.gPerPoint === null) return `the accuracy that a day may give up is used up: ${describeDay(price)}`;
  const lost = Math.abs((swap.to.accuracy - accuracyNow(swap.candidate)) * 100);
  const worth = gramsPerHour(lost * ratePerS * price.gPerPoint);
  return savedW >= 0
    ? `${grid}: it saves ${savedW.toFixed(2)} W or ${grams}, and the accuracy is worth ${worth} today; ${describeDay(price)}`
    : `${grid}: it costs only ${(-savedW).toFixed(2)} W or ${grams} more, and the accuracy is worth ${worth} today; ${describeDay(price)}`;
}

function accuracyNow(candidate: Candidate): number {
  return candidate.eligible.find(({ name }) => name === candidate.current)?.accuracy ?? 0;
}
