import type { CarbonReading } from '../../signals/carbon';
import { quantile } from '../../signals/statistics';

export interface CarbonBounds {
  readonly lowGPerKwh: number;
  readonly highGPerKwh: number;
}

/** Bounds with their origin in words. */
export interface FoundBounds extends CarbonBounds {
  readonly origin: string;
}

const weekMs = 7 * 24 * 3600 * 1000;
/** Below this many different readings a percentile says more about chance than about the grid. */
const leastReadings = 6;
/** A week of five-minute readings, twice: more is a source gone wild. */
const mostReadings = 4032;

const isUsable = (bounds: CarbonBounds | null): bounds is CarbonBounds =>
  bounds !== null && bounds.highGPerKwh > bounds.lowGPerKwh;

/**
 * Learns the low and high end of a grid (5th and 95th percentile) from the readings of the trailing seven days of
 * *reading* time, so that a recorded trace played fast counts like the real thing. Readings of different zone, signal or
 * basis never mix.
 */
export class CarbonBoundsLearner {
  private readonly seen = new Map<string, Map<number, number>>();

  learn(reading: CarbonReading): void {
    if (reading.intensityGPerKwh === null || reading.suspect) return;
    const readings = this.readingsLike(reading);
    const time = Date.parse(reading.validFrom);
    readings.delete(time); // a restated interval moves to the end and counts once
    readings.set(time, reading.intensityGPerKwh);
    for (const old of readings.keys()) if (old < time - weekMs) readings.delete(old);
    for (const oldest of readings.keys()) {
      if (readings.size <= mostReadings) break;
      readings.delete(oldest);
    }
  }

  /** The best bounds for this reading: its own trailing week, what was learned, its 24 h range; null when none is usable. */
  boundsFor(reading: CarbonReading): FoundBounds | null {
    if (isUsable(reading.trailingBounds)) return { ...reading.trailingBounds, origin: 'the trailing week' };
    const learned = this.learned(reading);
    if (isUsable(learned)) return { ...learned, origin: `${this.readingsLike(reading).size} readings seen so far` };
    const day = reading.range24h;
    if (day !== null && day.maximumGPerKwh > day.minimumGPerKwh)
      return { lowGPerKwh: day.minimumGPerKwh, highGPerKwh: day.maximumGPerKwh, origin: 'the range of 24 h' };
    return null;
  }

  private learned(reading: CarbonReading): CarbonBounds | null {
    const values = [...this.readingsLike(reading).values()];
    if (values.length < leastReadings) return null;
    const lowGPerKwh = quantile(values, 0.05);
    const highGPerKwh = quantile(values, 0.95);
    return lowGPerKwh === null || highGPerKwh === null ? null : { lowGPerKwh, highGPerKwh };
  }

  private readingsLike(reading: CarbonReading): Map<number, number> {
    const key = `${reading.zone} ${reading.signal} ${reading.basis}`;
    const known = this.seen.get(key);
    if (known !== undefined) return known;
    const fresh = new Map<number, number>();
    this.seen.set(key, fresh);
    return fresh;
  }
}
