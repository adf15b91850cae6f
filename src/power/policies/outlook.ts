import type { CarbonForecastPoint, CarbonReading } from '../../signals/carbon';
import type { OutlookPoint, Quality } from '../../signals/quality';
import { dayMs, hourMs } from './grid-time';

/** Steps of an outlook: as fine as most grids are told. */
const stepMs = hourMs / 2;
/** The level of a forecast is judged by what it said at least so long before, and its course by what it said much earlier. */
const levelLeadMs = hourMs;
const courseLeadMs = 6 * hourMs;
/** Errors are means over so long: one hour that went otherwise is no level error. */
const memoryMs = 12 * hourMs;
/** A level that is further off than this factor is no level error. */
const mostLevelError = Math.log(4);
/** Added before logarithms are taken: a few grams more or less on a clean grid are no error of a factor. */
const floorGPerKwh = 5;
/** The day before replaces a forecast only when it has been clearly better for a while. */
const clearlyBetter = 0.7;
const comparedForMs = 3 * hourMs;
const mostIntensity = 1500;
const mostSnapshots = 8;

interface Expected {
  readonly fromMs: number;
  readonly toMs: number;
  readonly intensityGPerKwh: number;
}

interface Snapshot {
  readonly atMs: number;
  readonly forecast: readonly Expected[];
}

/** What the coming hours are expected to be, in steps from `atMs` on. */
export interface Outlook {
  readonly points: readonly OutlookPoint[];
  readonly from: Quality['outlookFrom'];
}

const logRatio = (actual: number, expected: number): number =>
  Math.log((actual + floorGPerKwh) / (expected + floorGPerKwh));

/**
 * What is to be expected of a grid, in the readings' own time: the forecast that comes with the readings, its level corrected by
 * how far it was off in the last hours (a forecast of another signal or unit is off by a factor); the day before where there is
 * no forecast or where it has been clearly better (a forecast of another zone); else the mean of what was seen.
 */
export class GridOutlook {
  private grid = '';
  private readonly seen = new Map<number, number>();
  private snapshots: Snapshot[] = [];
  private latest: CarbonReading | null = null;
  private forecast: readonly Expected[] = [];
  private lastLearnedMs: number | null = null;
  private level = 0;
  private levelMs = 0;
  private forecastError = 0;
  private dayBeforeError = 0;
  private comparedMs = 0;

  /** Learns from a reading at its time. */
  learn(reading: CarbonReading, atMs: number): void {
    const grid = `${reading.zone} ${reading.signal} ${reading.basis}`;
    // A yearly average that stands in for a while is no other grid to learn anew.
    if (grid !== this.grid && reading.quality !== 'static') this.forget(grid);
    if (this.latest?.forecast !== reading.forecast) this.forecast = timesOf(reading.forecast);
    this.latest = reading;
    const known = reading.intensityGPerKwh;
    if (known !== null && !reading.suspect && grid === this.grid) {
      this.compare(known, atMs);
      this.seen.set(Math.floor(atMs / stepMs), known);
      for (const step of this.seen.keys()) {
        if (step < (atMs - 2 * dayMs) / stepMs || step > atMs / stepMs) this.seen.delete(step);
      }
    }
    const newest = this.snapshots.at(-1);
    if (reading.forecast.length > 0 && (newest === undefined || atMs - newest.atMs >= levelLeadMs)) {
      this.snapshots = [...this.snapshots.slice(-mostSnapshots + 1), { atMs, forecast: this.forecast }];
    }
  }

  /** What to reckon with now: what was read, else what was expected; null while nothing is known. */
  intensityNow(atMs: number): number | null {
    const reading = this.latest;
    if (reading !== null && reading.intensityGPerKwh !== null && !reading.suspect) return reading.intensityGPerKwh;
    return this.expected(atMs);
  }

  /** From `atMs` for so long; no points while nothing is known. */
  ahead(atMs: number, durationMs: number): Outlook {
    const points: OutlookPoint[] = [];
    let own = 0;
    let day = 0;
    for (let fromMs = atMs; fromMs < atMs + durationMs;) {
      const toMs = Math.min(atMs + durationMs, (Math.floor(fromMs / stepMs) + 1) * stepMs);
      const intensityGPerKwh = fromMs === atMs ? this.intensityNow(atMs) : this.expected(fromMs);
      if (intensityGPerKwh !== null) {
        points.push({
          validFrom: new Date(fromMs).toISOString(),
          validTo: new Date(toMs).toISOString(),
          intensityGPerKwh,
        });
        if (!this.prefersDayBefore() && this.forecastAt(fromMs) !== null) own += 1;
        else if (this.dayBefore(fromMs) !== null) day += 1;
      }
      fromMs = toMs;
    }
    if (points.length === 0) return { points, from: 'nothing' };
    const from = own * 2 > points.length ? 'forecast' : day * 2 > points.length ? 'day before' : 'readings';
    return { points, from };
  }

  private expected(atMs: number): number | null {
    const inForce = this.inForceAt(atMs);
    if (inForce !== null) return inForce;
    const forecast = this.forecastAt(atMs);
    const dayBefore = this.dayBefore(atMs);
    if (forecast !== null && (dayBefore === null || !this.prefersDayBefore())) {
      const level = this.followsReadings ? 0 : this.level;
      const corrected = (forecast + floorGPerKwh) * Math.exp(level) - floorGPerKwh;
      return Math.min(mostIntensity, Math.max(0, corrected));
    }
    return dayBefore ?? this.meanSeen();
  }

  /** A forecast made here begins at the readings and knows the day before: it needs no correction by either. */
  private get followsReadings(): boolean {
    return this.latest?.forecastBy === 'own';
  }

  private prefersDayBefore(): boolean {
    if (this.followsReadings) return false;
    return this.comparedMs >= comparedForMs && this.dayBeforeError < clearlyBetter * this.forecastError;
  }

  /** Compares what was expected of this time with what came. */
  private compare(actual: number, atMs: number): void {
    const last = this.lastLearnedMs;
    this.lastLearnedMs = atMs;
    if (last === null || atMs <= last) return;
    const elapsedMs = Math.min(atMs - last, 2 * hourMs);
    const told = this.toldBefore(atMs, levelLeadMs);
    if (told !== null) {
      const error = Math.max(-mostLevelError, Math.min(mostLevelError, logRatio(actual, told)));
      this.levelMs += elapsedMs;
      this.level += Math.min(1, elapsedMs / Math.min(this.levelMs, memoryMs)) * (error - this.level);
    }
    const early = this.toldBefore(atMs, courseLeadMs);
    const dayBefore = this.dayBefore(atMs);
    if (early === null || dayBefore === null) return;
    this.comparedMs += elapsedMs;
    const weight = Math.min(1, elapsedMs / Math.min(this.comparedMs, memoryMs));
    this.forecastError += weight * (Math.abs(logRatio(actual, early) - this.level) - this.forecastError);
    this.dayBeforeError += weight * (Math.abs(logRatio(actual, dayBefore)) - this.dayBeforeError);
  }

  private toldBefore(atMs: number, leadMs: number): number | null {
    const told = this.snapshots.findLast((snapshot) => atMs - snapshot.atMs >= leadMs);
    return told === undefined ? null : valueAt(told.forecast, atMs);
  }

  /** What was read holds until its interval ends. */
  private inForceAt(atMs: number): number | null {
    const reading = this.latest;
    if (reading === null || reading.suspect || reading.quality === 'static') return null;
    const holds = Date.parse(reading.validFrom) <= atMs && atMs < Date.parse(reading.validTo);
    return holds ? reading.intensityGPerKwh : null;
  }

  private forecastAt(atMs: number): number | null {
    return valueAt(this.forecast, atMs);
  }

  private dayBefore(atMs: number): number | null {
    for (let days = 1; days <= 2; days += 1) {
      const step = Math.floor((atMs - days * dayMs) / stepMs);
      // Readings of an hour fill only every other step.
      const known = this.seen.get(step) ?? this.seen.get(step - 1);
      if (known !== undefined) return known;
    }
    return null;
  }

  private meanSeen(): number | null {
    if (this.seen.size === 0) return this.latest?.quality === 'static' ? this.latest.intensityGPerKwh : null;
    let sum = 0;
    for (const value of this.seen.values()) sum += value;
    return sum / this.seen.size;
  }

  private forget(grid: string): void {
    this.grid = grid;
    this.seen.clear();
    this.snapshots = [];
    this.lastLearnedMs = null;
    this.level = this.levelMs = this.forecastError = this.dayBeforeError = this.comparedMs = 0;
  }
}

function timesOf(forecast: readonly CarbonForecastPoint[]): Expected[] {
  return forecast.flatMap(({ validFrom, validTo, intensityGPerKwh }) =>
    intensityGPerKwh === null ? [] : [{ fromMs: Date.parse(validFrom), toMs: Date.parse(validTo), intensityGPerKwh }],
  );
}

/** What a forecast says of a time; null where it says nothing. */
function valueAt(forecast: readonly Expected[], atMs: number): number | null {
  return forecast.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs)?.intensityGPerKwh ?? null;
}
