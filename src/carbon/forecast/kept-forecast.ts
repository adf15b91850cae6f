import type { KnownCarbonPoint } from '../provider';
import { forecastHours, longestForecastHours, type HourForecast } from './own-forecast';

/** The own forecast of one grid, worked out again only when something new is known. */
export class KeptForecast {
  #key: string | null = null;
  #forecast: readonly HourForecast[] | null = null;

  /** @param history known, plausible values, ascending; see `forecastHours` */
  after(history: readonly KnownCarbonPoint[]): readonly HourForecast[] | null {
    const key = keyOf(history);
    if (key !== this.#key) {
      this.#forecast = forecastHours(history, longestForecastHours);
      this.#key = key;
    }
    return this.#forecast;
  }
}

/** Differs when a value came, went or was revised. */
function keyOf(history: readonly KnownCarbonPoint[]): string {
  let sum = 0;
  let weighted = 0;
  history.forEach(({ intensityGPerKwh }, index) => {
    sum += intensityGPerKwh;
    weighted += intensityGPerKwh * (index + 1);
  });
  return [
    history.length,
    history[0]?.validFromMs,
    history.at(-1)?.validFromMs,
    history.at(-1)?.validToMs,
    sum,
    weighted,
  ].join();
}
