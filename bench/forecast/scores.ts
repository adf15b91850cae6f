const bestHours = 8;

/** Sums over the forecasts of one zone: figures are ratios of sums, so that hours count by their carbon. */
export class Scores {
  #error24 = 0;
  #actual24 = 0;
  #error96 = 0;
  #actual96 = 0;
  #kept = 0;
  #possible = 0;
  #inside = 0;
  #bounded = 0;
  #width = 0;

  /** Both begin at the same midnight (UTC); hours whose actual value is NaN do not count. */
  add(forecast: ArrayLike<number>, actual: Float64Array): void {
    actual.forEach((value, ahead) => {
      if (Number.isNaN(value)) return;
      const error = Math.abs(value - (forecast[ahead] ?? Number.NaN));
      this.#error96 += error;
      this.#actual96 += value;
      if (ahead < 24) {
        this.#error24 += error;
        this.#actual24 += value;
      }
    });
    this.#addBestHours(forecast, actual.subarray(0, 24));
  }

  /** What running in the eight hours forecast as cleanest saves against running all day, of what the cleanest eight save. */
  #addBestHours(forecast: ArrayLike<number>, day: Float64Array): void {
    if (day.some(Number.isNaN)) return;
    const mean = average(Array.from(day));
    const hours = Array.from(day.keys());
    const chosen = hours.toSorted((a, b) => (forecast[a] ?? 0) - (forecast[b] ?? 0)).slice(0, bestHours);
    this.#kept += mean - average(chosen.map((hour) => day[hour] ?? 0));
    this.#possible += mean - average(Array.from(day.toSorted().subarray(0, bestHours)));
  }

  addInterval(lower: number, upper: number, actual: number): void {
    if (Number.isNaN(actual)) return;
    this.#bounded += 1;
    this.#width += upper - lower;
    if (lower <= actual && actual <= upper) this.#inside += 1;
  }

  get nmae24Pct(): number {
    return (100 * this.#error24) / this.#actual24;
  }
  get nmae96Pct(): number {
    return (100 * this.#error96) / this.#actual96;
  }
  get best8ShareKeptPct(): number {
    return (100 * this.#kept) / this.#possible;
  }
  get coveragePct(): number {
    return (100 * this.#inside) / this.#bounded;
  }
  /** Mean width of the intervals over the mean intensity. */
  get widthPct(): number {
    return (100 * this.#width) / this.#actual96;
  }
}

export const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
