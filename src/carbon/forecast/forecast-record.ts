import { z } from 'zod';
import { quantile } from '../../signals/statistics';
import { dayMs, hourMs, isKnown, type CarbonPoint, type KnownCarbonPoint } from '../provider';

/** A forecast is taken down this often, not at each poll: those between would say the same. */
const noteEveryMs = 6 * hourMs;
/** Values come late; after this a forecast of an hour is given up. */
const waitForValueMs = dayMs;
/** Errors kept per hour ahead: at one per six hours, about the last three weeks. */
const mostErrors = 84;
/** From fewer errors per hour ahead no interval is stated: of nine errors the largest is the 90th percentile. */
const leastErrors = 10;
const intervalShare = 0.9;
const longestHours = 96;

export const forecastRecordSchema = z.object({
  /** Forecasts whose time has not all come: start, end and value of each interval. */
  noted: z.array(z.object({ firstMs: z.number(), points: z.array(z.tuple([z.number(), z.number(), z.number()])) })),
  /** Per hour ahead, oldest first: absolute errors, g/kWh. */
  errors: z.array(z.array(z.number())),
});

/** What a provider forecast, and how far off that turned out. */
export type ForecastRecord = z.infer<typeof forecastRecordSchema>;

export const emptyForecastRecord: ForecastRecord = { noted: [], errors: [] };

/**
 * Compares what was forecast with what has come to be known, and takes down the newest forecast.
 *
 * @param atMs grid time, ms since the epoch
 * @param forecast the provider's newest, ascending
 * @param known plausible values, ascending; those that are forecasts themselves do not count
 */
export function recordForecast(
  record: ForecastRecord,
  atMs: number,
  forecast: readonly CarbonPoint[],
  known: readonly KnownCarbonPoint[],
): ForecastRecord {
  const facts = known.filter(({ quality }) => quality !== 'forecast');
  const errors = record.errors.map((list) => [...list]);
  const noted = record.noted
    .map(({ firstMs, points }) => ({
      firstMs,
      points: points.filter(([fromMs, toMs, intensityGPerKwh]) => {
        if (toMs > atMs) return true;
        const actual = meanOver(facts, fromMs, toMs);
        if (actual === null) return toMs > atMs - waitForValueMs;
        const ahead = hoursAhead(fromMs, firstMs);
        const list = (errors[ahead] ??= []);
        list.push(Math.round(Math.abs(actual - intensityGPerKwh) * 10) / 10);
        if (list.length > mostErrors) list.shift();
        return false;
      }),
    }))
    .filter(({ points }) => points.length > 0);
  const firstMs = forecast[0]?.validFromMs;
  const newest = record.noted.at(-1)?.firstMs ?? -Infinity;
  if (firstMs !== undefined && Math.abs(firstMs - newest) >= noteEveryMs) {
    const points: [number, number, number][] = [];
    let before = -1;
    for (const point of forecast) {
      // One of each hour ahead: quarter hours of the same hour err together and are no evidence of their own.
      const ahead = hoursAhead(point.validFromMs, firstMs);
      if (!isKnown(point) || point.validToMs <= atMs || ahead === before || ahead >= longestHours) continue;
      points.push([point.validFromMs, point.validToMs, point.intensityGPerKwh]);
      before = ahead;
    }
    if (points.length > 0) noted.push({ firstMs, points });
  }
  return { noted, errors: Array.from(errors, (list) => list ?? []) };
}

/**
 * Half the width of the provider's 90 % interval, g/kWh: the conformal quantile of its own errors as far ahead.
 *
 * @param firstMs where the forecast begins, from which it is counted how far ahead a point lies
 * @returns null while too few errors are known
 */
export function halfWidthOf(record: ForecastRecord, firstMs: number, validFromMs: number): number | null {
  const ahead = hoursAhead(validFromMs, firstMs);
  const errors = record.errors[ahead] ?? [];
  if (errors.length < leastErrors) return null;
  return quantile(errors, Math.min(1, (intervalShare * (errors.length + 1)) / errors.length));
}

const hoursAhead = (validFromMs: number, firstMs: number): number =>
  Math.max(0, Math.floor((validFromMs - firstMs) / hourMs));

/** Mean over an interval that is wholly known, weighted by time; null otherwise. */
function meanOver(known: readonly KnownCarbonPoint[], fromMs: number, toMs: number): number | null {
  let sum = 0;
  let coveredMs = 0;
  for (let index = known.length - 1; index >= 0; index -= 1) {
    const point = known[index];
    if (point === undefined || point.validToMs <= fromMs) break;
    const ms = Math.min(toMs, point.validToMs) - Math.max(fromMs, point.validFromMs);
    if (ms <= 0) continue;
    sum += ms * point.intensityGPerKwh;
    coveredMs += ms;
  }
  return coveredMs === toMs - fromMs ? sum / coveredMs : null;
}
