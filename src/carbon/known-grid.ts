import type { CarbonForecastPoint, CarbonReading } from '../signals/carbon';
import type { KeptAnswer } from './answer-cache';
import { halfWidthOf } from './forecast/forecast-record';
import type { KeptForecast } from './forecast/kept-forecast';
import type { HourForecast } from './forecast/own-forecast';
import { believedPoints, highestIntensityGPerKwh, impossibility, judge, type JudgedPoint } from './plausibility';
import { coversTime, dayMs, hourMs, isKnown, type CarbonPoint, type KnownCarbonPoint } from './provider';
import { quantile } from '../signals/statistics';

/** Fewer values than this bound nothing. */
const leastBoundValues = 8;

/** What is known at one moment of grid time. */
export class KnownGrid {
  readonly #judged: readonly JudgedPoint[];
  readonly #good: readonly KnownCarbonPoint[];
  readonly #forecast: readonly CarbonPoint[];
  readonly #kept: KeptAnswer | null;
  readonly #ownForecasts: KeptForecast;

  constructor(
    kept: KeptAnswer | null,
    readonly atMs: number,
    ownForecasts: KeptForecast,
  ) {
    this.#kept = kept;
    this.#ownForecasts = ownForecasts;
    this.#forecast = (kept?.forecast ?? []).filter((point) => point.validToMs > atMs);
    const points = (kept?.points ?? []).filter((point) => point.validFromMs <= atMs);
    // Where the provider's past does not reach up to now, its forecast for now stands in and is judged like any value.
    const reachesNow = points.findLast((point) => coversTime(point, atMs)) !== undefined;
    const next = reachesNow ? undefined : this.#forecast.find((point) => coversTime(point, atMs));
    this.#judged = judge(next === undefined ? points : [...points, next], kept?.signal ?? 'average');
    const past = next === undefined ? this.#judged : this.#judged.slice(0, -1);
    this.#good = believedPoints(past);
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

  /** Reaches 96 hours beyond the last good value. */
  ownForecastNow(): KnownCarbonPoint | null {
    const hour = this.#ownForecast().find((candidate) => coversTime(intervalOf(candidate), this.atMs));
    return hour === undefined ? null : intervalOf(hour);
  }

  /** From the hour that runs now on; empty where too little is known. */
  #ownForecast(): HourForecast[] {
    const forecast = this.#ownForecasts.after(this.#good) ?? [];
    return forecast.filter((hour) => hour.hourMs + hourMs > this.atMs);
  }

  /** The good values of the 24 hours up to now. */
  lastDay(): KnownCarbonPoint[] {
    return this.#good.filter((point) => point.validToMs > this.atMs - dayMs);
  }

  /** Who made what `forecastAhead` gives. */
  get forecastBy(): 'provider' | 'own' {
    return this.#forecast.length > 0 ? 'provider' : 'own';
  }

  /** The provider's forecast from now on, or the own one. */
  forecastAhead(): CarbonForecastPoint[] {
    if (this.forecastBy === 'own') return this.#ownAhead();
    const firstMs = this.#kept?.forecast[0]?.validFromMs ?? this.atMs;
    return this.#forecast.map((point): CarbonForecastPoint => {
      const { validFromMs, validToMs } = point;
      const frame = { validFrom: iso(validFromMs), validTo: iso(validToMs), horizonH: (validToMs - firstMs) / hourMs };
      if (!isKnown(point) || impossibility(point.intensityGPerKwh) !== null)
        return { ...frame, intensityGPerKwh: null };
      const { intensityGPerKwh } = point;
      const record = this.#kept?.forecastRecord;
      const halfWidth = record === undefined ? null : halfWidthOf(record, firstMs, validFromMs);
      return { ...frame, intensityGPerKwh, ...boundsAround(intensityGPerKwh, halfWidth) };
    });
  }

  #ownAhead(): CarbonForecastPoint[] {
    const lastMs = this.#good.at(-1)?.validToMs ?? this.atMs;
    return this.#ownForecast().map((hour) => {
      const { lowerGPerKwh, upperGPerKwh, intensityGPerKwh } = hour;
      return {
        validFrom: iso(hour.hourMs),
        validTo: iso(hour.hourMs + hourMs),
        intensityGPerKwh,
        ...(lowerGPerKwh === null || upperGPerKwh === null ? {} : { lowerGPerKwh, upperGPerKwh }),
        horizonH: (hour.hourMs + hourMs - lastMs) / hourMs,
      };
    });
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

const intervalOf = ({ hourMs: validFromMs, intensityGPerKwh }: HourForecast): KnownCarbonPoint => ({
  validFromMs,
  validToMs: validFromMs + hourMs,
  intensityGPerKwh,
  quality: 'forecast',
});

function boundsAround(
  intensityGPerKwh: number,
  halfWidth: number | null,
): Pick<CarbonForecastPoint, 'lowerGPerKwh' | 'upperGPerKwh'> {
  if (halfWidth === null) return {};
  return {
    lowerGPerKwh: Math.max(0, intensityGPerKwh - halfWidth),
    upperGPerKwh: Math.min(highestIntensityGPerKwh, intensityGPerKwh + halfWidth),
  };
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
