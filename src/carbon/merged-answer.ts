import { emptyForecastRecord, recordForecast, type ForecastRecord } from './forecast/forecast-record';
import { plausiblePoints } from './plausibility';
import { dayMs, isKnown, type CarbonPoint, type ProviderAnswer } from './provider';

const historyMs = 28 * dayMs;
const mostHistoryPoints = 4032;

/** How far off the forecasts were, with the newest answer; undefined where the provider makes no forecast. */
export function recordOf(
  past: ForecastRecord | undefined,
  answer: ProviderAnswer,
  points: readonly CarbonPoint[],
  atMs: number,
): ForecastRecord | undefined {
  if (past === undefined && answer.forecast.length === 0) return undefined;
  return recordForecast(past ?? emptyForecastRecord, atMs, answer.forecast, plausiblePoints(points, answer.signal));
}

/** New values replace old ones of the same interval; what is older than the forecast looks back is dropped. */
export function mergePoints(
  past: readonly CarbonPoint[],
  points: readonly CarbonPoint[],
  atMs: number,
): readonly CarbonPoint[] {
  const byStart = new Map(past.map((point) => [point.validFromMs, point]));
  for (const point of points) {
    // A null never erases a value that was given before.
    if (isKnown(point) || !byStart.has(point.validFromMs)) byStart.set(point.validFromMs, point);
  }
  return [...byStart.values()]
    .filter((point) => point.validToMs > atMs - historyMs)
    .sort((a, b) => a.validFromMs - b.validFromMs)
    .slice(-mostHistoryPoints);
}
