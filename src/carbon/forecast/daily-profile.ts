/** A day of the same kind (working day or weekend) counts this many times. */
const sameKindWeight = 2;

/**
 * The usual course of a day: per UTC hour the weighted mean of the same hour of the days before. A day weighs `dailyDecay` of
 * the day after it, and twice as much where both are working days or both belong to a weekend. Hours and days are UTC
 * throughout, so that no clock change moves them.
 */
export class DailyProfile {
  readonly #dailyDecay: number;
  readonly #firstDay: number;
  /** By kind of day and hour: 24 of working days, then 24 of weekends. */
  readonly #sums = new Float64Array(48);
  readonly #weights = new Float64Array(48);
  #sum = 0;
  #weight = 0;

  /** @param firstHour hours since the epoch of the first value that will be added */
  constructor(dailyDecay: number, firstHour: number) {
    this.#dailyDecay = dailyDecay;
    this.#firstDay = Math.floor(firstHour / 24);
  }

  /** @param hour hours since the epoch */
  add(hour: number, intensityGPerKwh: number): void {
    // Later days weigh more instead of earlier ones less: nothing has to be aged.
    const weight = this.#dailyDecay ** (this.#firstDay - Math.floor(hour / 24));
    const slot = slotOf(hour);
    this.#sums[slot] = (this.#sums[slot] ?? 0) + weight * intensityGPerKwh;
    this.#weights[slot] = (this.#weights[slot] ?? 0) + weight;
    this.#sum += weight * intensityGPerKwh;
    this.#weight += weight;
  }

  /** Whether this hour of the day was seen, be it on a day of the other kind. */
  knows(hour: number): boolean {
    const same = slotOf(hour);
    return (this.#weights[same] ?? 0) > 0 || (this.#weights[(same + 24) % 48] ?? 0) > 0;
  }

  /** g/kWh; an hour of the day that was never seen takes the mean of the others; null before the first value. */
  at(hour: number): number | null {
    const same = slotOf(hour);
    const other = (same + 24) % 48;
    const weight = sameKindWeight * (this.#weights[same] ?? 0) + (this.#weights[other] ?? 0);
    if (weight > 0) return (sameKindWeight * (this.#sums[same] ?? 0) + (this.#sums[other] ?? 0)) / weight;
    return this.#weight > 0 ? this.#sum / this.#weight : null;
  }
}

/** 1970-01-01 was a Thursday. */
function slotOf(hour: number): number {
  const day = Math.floor(hour / 24);
  const weekday = (((day + 4) % 7) + 7) % 7;
  return hour - day * 24 + (weekday === 0 || weekday === 6 ? 24 : 0);
}
