import { dayMs } from './provider';

/** Wall time in, grid time out: 1:1, or a whole day in minutes. */
export interface GridClock {
  /** Grid milliseconds per millisecond of wall time. */
  readonly speed: number;
  gridTimeMs(): number;
}

/**
 * A clock that starts at `startMs` of grid time when it is made.
 * In real time the hour of the day is kept: it starts at the first moment at or after `startMs` that has wall time's time of day (UTC).
 */
export function startGridClock(
  play: { readonly mode: 'real-time' | 'accelerated'; readonly dayLengthS: number },
  startMs: number,
  now: () => number,
): GridClock {
  const beganMs = now();
  const speed = play.mode === 'real-time' ? 1 : dayMs / (play.dayLengthS * 1000);
  const untilSameTimeOfDay = play.mode === 'real-time' ? (((beganMs - startMs) % dayMs) + dayMs) % dayMs : 0;
  return { speed, gridTimeMs: () => startMs + untilSameTimeOfDay + (now() - beganMs) * speed };
}

/** How often to look for a new value of a step of grid time: not more than twice a second, at least once a minute. */
export function localPollIntervalMs(stepS: number, speed: number): number {
  return Math.min(60_000, Math.max(500, (stepS * 1000) / speed));
}
