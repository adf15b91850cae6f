import type { KeptAnswer } from './answer-cache';
import { coversTime, isKnown, type CarbonPoint, type CarbonProvider } from './provider';

/**
 * When a remote provider may be asked again, ms since the epoch: once per step, as soon as the next step has begun but not before
 * `leastPollMs` has passed. Null when nothing is kept.
 */
export function dueAtMs(
  { pollIntervalMs, leastPollMs = pollIntervalMs, stepS }: CarbonProvider,
  kept: KeptAnswer | null,
): number | null {
  if (kept === null) return null;
  const { fetchedAtMs, points, forecast } = kept;
  const coveredThen = (point: CarbonPoint): boolean => isKnown(point) && coversTime(point, fetchedAtMs);
  // The value of this step was not there yet.
  if (points.findLast(coveredThen) === undefined && forecast.find(coveredThen) === undefined) {
    return fetchedAtMs + leastPollMs;
  }
  const stepMs = stepS * 1000;
  const nextStepMs = (Math.floor(fetchedAtMs / stepMs) + 1) * stepMs;
  return Math.min(fetchedAtMs + pollIntervalMs, Math.max(fetchedAtMs + leastPollMs, nextStepMs));
}
