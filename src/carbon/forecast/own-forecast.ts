import { highestIntensityGPerKwh } from '../plausibility';
import { hourMs, type KnownCarbonPoint } from '../provider';
import { Backtest } from './backtest';
import { Course } from './course';
import { hourlySeries } from './hourly-series';

/** The longest forecast that is tested against the recent past, hours. */
export const longestForecastHours = 96;
/** How much a day weighs against the day after it: a quick memory and a slow one, whose forecasts are averaged. */
const dailyDecays = [0.8, 0.95];
/** Below one known day there is no daily profile to speak of. */
const leastHours = 24;
/** Forecasts are tested from the eighth day on, one every three hours: the hours between would say the same. */
const untestedHours = 7 * 24;
const testEveryHours = 5;

export interface HourForecast {
  /** Start of the hour, ms since the epoch. */
  readonly hourMs: number;
  readonly intensityGPerKwh: number;
  /** Bounds of the 90 % prediction interval; null where too little is known to state one. */
  readonly lowerGPerKwh: number | null;
  readonly upperGPerKwh: number | null;
}

/**
 * Forecast of the hours after the last known one: an exponentially weighted hour-of-day profile, which tells working days from
 * weekends, plus the decaying departure of the last hours from it (an autoregression over three hours that is fitted to the
 * zone). Two memories are averaged. The intervals come from forecasts made the same way at past moments of the same 28 days.
 * `npm run bench -- forecast` tells how good it is.
 *
 * @param history known, plausible values in any step, ascending; the last 28 days count
 * @param hours how many hours after the last known one
 * @returns null when fewer than 24 hours are known
 */
export function forecastHours(history: readonly KnownCarbonPoint[], hours: number): HourForecast[] | null {
  const series = hourlySeries(history);
  if (series === null) return null;
  const { values, firstHour, startMs } = series;
  if (values.reduce((known, value) => known + (Number.isNaN(value) ? 0 : 1), 0) < leastHours) return null;
  const courses = dailyDecays.map((decay) => new Course(decay, firstHour));
  const backtest = new Backtest(longestForecastHours, Math.ceil(values.length / testEveryHours));
  values.forEach((value, index) => {
    const left = values.length - index;
    if (index >= untestedHours && left % testEveryHours === 0) {
      const forecast = averageAhead(courses, Math.min(longestForecastHours, left));
      for (let ahead = 0; ahead < forecast.length; ahead += 1) {
        const error = (values[index + ahead] ?? Number.NaN) - (forecast[ahead] ?? Number.NaN);
        backtest.add(ahead, firstHour + index + ahead, error);
      }
    }
    for (const course of courses) course.add(value);
  });
  const widths = backtest.halfWidths(firstHour + values.length, hours);
  return Array.from(averageAhead(courses, hours), (value, ahead): HourForecast => {
    const intensityGPerKwh = Math.min(highestIntensityGPerKwh, value);
    const width = widths[ahead] ?? null;
    return {
      hourMs: startMs + (values.length + ahead) * hourMs,
      intensityGPerKwh,
      lowerGPerKwh: width === null ? null : Math.max(0, intensityGPerKwh - width),
      upperGPerKwh: width === null ? null : Math.min(highestIntensityGPerKwh, intensityGPerKwh + width),
    };
  });
}

function averageAhead(courses: readonly Course[], hours: number): Float64Array {
  const mean = new Float64Array(hours);
  for (const course of courses) {
    const values = course.ahead(hours);
    for (let ahead = 0; ahead < hours; ahead += 1) {
      mean[ahead] = (mean[ahead] ?? 0) + (values[ahead] ?? 0) / courses.length;
    }
  }
  return mean;
}
