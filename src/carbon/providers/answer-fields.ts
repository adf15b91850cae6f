import { z } from 'zod';

/** A moment with its time zone, as milliseconds since the epoch. */
export const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** The most frequent distance between ascending times, ms; null where there are fewer than two. */
export function commonStepMs(timesMs: readonly number[]): number | null {
  const counts = new Map<number, number>();
  let best: number | null = null;
  timesMs.forEach((timeMs, index) => {
    const before = timesMs[index - 1];
    if (before === undefined) return;
    const stepMs = timeMs - before;
    const count = (counts.get(stepMs) ?? 0) + 1;
    counts.set(stepMs, count);
    if (stepMs > 0 && (best === null || count > (counts.get(best) ?? 0))) best = stepMs;
  });
  return best;
}
