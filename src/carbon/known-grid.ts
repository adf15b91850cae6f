import type { CarbonForecastPoint, CarbonReading } from '../signals/carbon';
import type { KeptAnswer } from './answer-cache';
import { forecastHourOfDay } from './forecast/hour-of-day';
import { highestIntensityGPerKwh, impossibility, judge, type JudgedPoint } from './plausibility';
import { coversTime, dayMs, hourMs, isKnown, type CarbonPoint, type KnownCarbonPoint } from './provider';
import { quantile } from '../signals/statistics';

/** How far the own forecast bridges an outage, and how much of it travels with a reading. */
const bridgedHours = 96;
const forecastHours = 24;
/** Fewer values than this bound nothing. */
const leastBoundValues = 8;

/** What is known at one moment of grid time. */
export class KnownGrid {
  readonly #judged: readonly JudgedPoint[];
  readonly #good: readonly KnownCarbonPoint[];
  readonly #forecast: readonly CarbonPoint[];

  constructor(
    kept: KeptAnswer | null,
    readonly atMs: number,
  ) {
    this.#forecast = (kept?.forecast ?? []).filter((point) => point.validToMs > atMs);
    const points = (kept?.points ?? []).filter((point) => point.validFromMs <= atMs);
    // Where the provider's past does not reach up to now, its forecast for now stands in and is judged like any value.
    const reachesNow = points.findLast((point) => coversTime(point, atMs)) !== undefined;
    const next = reachesNow ? undefined : this.#forecast.find((point) => coversTime(point, atMs));
    this.#judged = judge(next === undefined ? points : [...points, next], kept?.signal ?? 'average');
    const past = next === undefined ? this.#judged : this.#judged.slice(0, -1);
    this.#good = past.flatMap(({ verdict, point }) => (verdict === 'good' && isKnown(point) ? [point] : []));
  }

  current(): JudgedPoint | null {
    return this.#judged.findLast(({ point }) => coversTime(point, this.atMs)) ?? null;
  }

  get lastGood(): KnownCarbonPoint | null {
    return this.#good.findLast((point) => point.validFromMs <= this.atMs) ?? null;
  }

  forecastNow(): KnownCarbonPoint | null {
    const point = this.#forecast.find((candidate) => coversTime(candidate, this.atMs));
    return point !== undefined && isKnown(point) && impossibility(point.intensityGPerKwh) === null ? point : null;
  }

  ownForecastNow(): KnownCarbonPoint | null {
    return this.#ownForecast()?.find((point) => coversTime(point, this.atMs)) ?? null;
  }

  /** Whole hours after the last known one. */
  #ownForecast(): KnownCarbonPoint[] | null {
    const forecast = forecastHourOfDay(this.#good, bridgedHours);
    return (
      forecast?.map(({ hourMs: fromMs, intensityGPerKwh }) => ({
        validFromMs: fromMs,
        validToMs: fromMs + hourMs,
        intensityGPerKwh: Math.min(highestIntensityGPerKwh, intensityGPerKwh),
        quality: 'forecast' as const,
      })) ?? null
    );
  }

  /** The provider's forecast from now on, or the own one for the next 24 hours. */
  forecastAhead(): CarbonForecastPoint[] {
    const points: readonly CarbonPoint[] =
      this.#forecast.length > 0
        ? this.#forecast
        : (this.#ownForecast() ?? []).filter((point) => point.validToMs > this.atMs).slice(0, forecastHours);
    return points.map((point) => ({
      validFrom: iso(point.validFromMs),
      validTo: iso(point.validToMs),
      intensityGPerKwh:
        isKnown(point) && impossibility(point.intensityGPerKwh) === null ? point.intensityGPerKwh : null,
    }));
  }

  /** Twelve hours back from what was, twelve ahead from the forecast. */
  range24h(forecast: readonly CarbonForecastPoint[]): CarbonReading['range24h'] {
    const values = this.#good
      .filter((point) => point.validToMs > this.atMs - dayMs / 2)
      .map((point) => point.intensityGPerKwh);
    for (const point of forecast) {
      if (Date.parse(point.validFrom) < this.atMs + dayMs / 2 && point.intensityGPerKwh !== null) {
        values.push(point.intensityGPerKwh);
      }
    }
    if (values.length < 2) return null;
    return { minimumGPerKwh: Math.min(...values), maximumGPerKwh: Math.max(...values) };
  }

  /** 5th and 95th percentile of the good values of the last seven days. */
  trailingBounds(): CarbonReading['trailingBounds'] {
    const values = this.#good
      .filter((point) => point.validToMs > this.atMs - 7 * dayMs)
      .map((point) => point.intensityGPerKwh);
    if (values.length < leastBoundValues) return null;
    const lowGPerKwh = quantile(values, 0.05);
    const highGPerKwh = quantile(values, 0.95);
    return lowGPerKwh === null || highGPerKwh === null ? null : { lowGPerKwh, highGPerKwh };
  }
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
