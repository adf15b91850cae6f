import { quantile } from '../../signals/statistics';

/**
 * Grids drift, so errors of the past promise a little too much: bounds that hold 92 % of them hold about 90 % of what comes
 * (found on the first halves of ten zone-years, confirmed on the second halves: `npm run bench -- forecast`).
 */
const calibratedShare = 0.92;
/** Every third hour ahead has a width of its own, from its errors and its neighbours'; between them it is interpolated. */
const knotHours = 3;
const pooledHours = 1;
/** How many errors an hour of the day needs before it counts for itself. */
const evidenceOfHour = 20;
/** From fewer errors no interval is stated. */
const leastErrors = 40;

/**
 * How far recent forecasts were off, and what that says of the next one: split conformal prediction per hour ahead, on the
 * absolute errors of forecasts made from the recent past, each divided by how hard its hour of the day is to forecast
 * (Lei et al. 2018, "Distribution-free predictive inference for regression", section 5.2).
 */
export class Backtest {
  readonly #hours: number;
  readonly #most: number;
  /** `most` errors per hour ahead, g/kWh, and the hour of the day (UTC) of each. */
  readonly #errors: Float64Array;
  readonly #hoursOfDay: Uint8Array;
  readonly #counts: Uint16Array;

  /** @param hours how far ahead; @param most how many forecasts will be tested */
  constructor(hours: number, most: number) {
    this.#hours = hours;
    this.#most = most;
    this.#errors = new Float64Array(hours * most);
    this.#hoursOfDay = new Uint8Array(hours * most);
    this.#counts = new Uint16Array(hours);
  }

  /** @param ahead 0 for the first hour forecast; @param hour hours since the epoch; @param errorG NaN where nothing is known */
  add(ahead: number, hour: number, errorG: number): void {
    const count = this.#counts[ahead] ?? this.#most;
    if (Number.isNaN(errorG) || count >= this.#most) return;
    this.#errors[ahead * this.#most + count] = Math.abs(errorG);
    this.#hoursOfDay[ahead * this.#most + count] = hourOfDay(hour);
    this.#counts[ahead] = count + 1;
  }

  /**
   * Half the width of the 90 % interval of a forecast, per hour, g/kWh; null where too few errors are known. Beyond the last
   * hour tested it stays what it is there.
   *
   * @param firstHour hours since the epoch of the first hour forecast
   */
  halfWidths(firstHour: number, hours: number): (number | null)[] {
    const hardness = this.#hardness();
    const scaled = this.#errors.map((error, index) => error / (hardness[this.#hoursOfDay[index] ?? 0] ?? 1));
    const last = this.#hours - 1;
    const knots: (number | null)[] = [];
    for (let ahead = 0; ahead < last + knotHours; ahead += knotHours) {
      knots.push(this.#quantile(scaled, Math.min(ahead, last)));
    }
    return Array.from({ length: hours }, (_, ahead) => {
      const at = Math.min(ahead, last) / knotHours;
      const before = knots[Math.floor(at)] ?? null;
      const after = knots[Math.ceil(at)] ?? null;
      if (before === null || after === null) return null;
      const width = before + (after - before) * (at - Math.floor(at));
      return width * (hardness[hourOfDay(firstHour + ahead)] ?? 1);
    });
  }

  #quantile(scaled: Float64Array, ahead: number): number | null {
    const pool = new Float64Array((2 * pooledHours + 1) * this.#most);
    let count = 0;
    for (
      let near = Math.max(0, ahead - pooledHours);
      near <= Math.min(this.#hours - 1, ahead + pooledHours);
      near += 1
    ) {
      const start = near * this.#most;
      const errors = scaled.subarray(start, start + (this.#counts[near] ?? 0));
      pool.set(errors, count);
      count += errors.length;
    }
    return count < leastErrors ? null : quantile(pool.subarray(0, count), calibratedShare);
  }

  /** Per UTC hour of the day: errors there against errors in general, drawn towards 1. */
  #hardness(): Float64Array {
    const sums = new Float64Array(24).fill(evidenceOfHour);
    const weights = new Float64Array(24).fill(evidenceOfHour);
    this.#counts.forEach((count, ahead) => {
      const start = ahead * this.#most;
      const errors = this.#errors.subarray(start, start + count);
      const mean = errors.reduce((sum, error) => sum + error, 0) / count;
      if (!(mean > 0)) return;
      for (let index = 0; index < count; index += 1) {
        const hour = this.#hoursOfDay[start + index] ?? 0;
        sums[hour] = (sums[hour] ?? 0) + (errors[index] ?? 0) / mean;
        weights[hour] = (weights[hour] ?? 0) + 1;
      }
    });
    return sums.map((sum, hour) => sum / (weights[hour] ?? 1));
  }
}

const hourOfDay = (hour: number): number => ((hour % 24) + 24) % 24;
