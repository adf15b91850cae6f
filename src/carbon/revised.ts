import type { CarbonRevisedPoint, CarbonSignal } from '../signals/carbon';
import { plausiblePoints } from './plausibility';
import type { CarbonPoint } from './provider';

/** More than this no account needs at once: the provider's last day in steps of five minutes. */
const mostRevised = 288;

/**
 * The intervals that are over and of which a provider now says something else than before, or something at all. What is implausible
 * is left out. Ascending; of too many the newest.
 */
export function revisedPoints(
  before: readonly CarbonPoint[],
  after: readonly CarbonPoint[],
  signal: CarbonSignal,
  atMs: number,
): CarbonRevisedPoint[] {
  const known = new Map(before.map((point) => [point.validFromMs, point]));
  const oldestMs = before[0]?.validFromMs ?? atMs;
  return plausiblePoints(after, signal)
    .filter((point) => {
      if (point.validToMs > atMs || point.validFromMs < oldestMs) return false;
      const earlier = known.get(point.validFromMs);
      return earlier?.intensityGPerKwh !== point.intensityGPerKwh || earlier.quality !== point.quality;
    })
    .slice(-mostRevised)
    .map(({ validFromMs, validToMs, intensityGPerKwh, quality }) => ({
      validFrom: new Date(validFromMs).toISOString(),
      validTo: new Date(validToMs).toISOString(),
      intensityGPerKwh,
      quality,
    }));
}
