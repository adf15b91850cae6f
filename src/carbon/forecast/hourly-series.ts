import { dayMs, hourMs, type KnownCarbonPoint } from '../provider';

/** How much of the past a forecast looks back on. */
export const seriesDays = 28;
/** A value that claims to hold for longer says nothing about an hour. */
const longestPointMs = 2 * dayMs;

/** Consecutive hours up to the last known one. */
export interface HourlySeries {
  /** Start of the first hour, ms since the epoch. */
  readonly startMs: number;
  /** Hours since the epoch of the first one, counted from where the provider's hours begin; only whole days matter to it. */
  readonly firstHour: number;
  /** g/kWh per hour; NaN where nothing is known. The first and the last are known. */
  readonly values: Float64Array;
}

/**
 * The last 28 days as hourly means, each value weighted with the time it covers. Hours begin where the provider's begin: in
 * India hourly values start at half past in UTC, and cutting them at the full hour would shift them.
 *
 * @param points known values in any step, ascending
 * @returns null when there are none
 */
export function hourlySeries(points: readonly KnownCarbonPoint[]): HourlySeries | null {
  const usable = points.filter(({ validFromMs, validToMs }) => {
    const lengthMs = validToMs - validFromMs;
    return lengthMs > 0 && lengthMs <= longestPointMs;
  });
  const last = usable.at(-1);
  if (last === undefined) return null;
  const phaseMs =
    last.validToMs - last.validFromMs >= hourMs ? last.validFromMs - floorTo(last.validFromMs, hourMs) : 0;
  const hourOf = (timeMs: number): number => Math.floor((timeMs - phaseMs) / hourMs);
  const lastHour = hourOf(last.validToMs - 1);
  const earliest = lastHour - seriesDays * 24 + 1;
  const firstPoint = usable.find((point) => hourOf(point.validToMs - 1) >= earliest) ?? last;
  const firstHour = Math.max(earliest, hourOf(firstPoint.validFromMs));
  const sums = new Float64Array(lastHour - firstHour + 1);
  const weights = new Float64Array(sums.length);
  for (const { validFromMs, validToMs, intensityGPerKwh } of usable) {
    for (
      let hour = Math.max(firstHour, hourOf(validFromMs));
      hour <= Math.min(lastHour, hourOf(validToMs - 1));
      hour += 1
    ) {
      const startMs = hour * hourMs + phaseMs;
      const coveredMs = Math.min(validToMs, startMs + hourMs) - Math.max(validFromMs, startMs);
      const index = hour - firstHour;
      sums[index] = (sums[index] ?? 0) + coveredMs * intensityGPerKwh;
      weights[index] = (weights[index] ?? 0) + coveredMs;
    }
  }
  return {
    startMs: firstHour * hourMs + phaseMs,
    firstHour,
    values: sums.map((sum, index) => sum / (weights[index] ?? 0)),
  };
}

const floorTo = (timeMs: number, stepMs: number): number => Math.floor(timeMs / stepMs) * stepMs;
