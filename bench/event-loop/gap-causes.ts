import { periodMs } from './delay';
import type { KernelTimes } from './kernel-times';

/**
 * What a timer was late by, in parts that do not overlap. Null: the kernel does not tell. What is
 * left of `lateMs` is a turn of the event loop that stood still: a system call that waits, a page that is fetched, steal not counted.
 */
export interface GapCauses {
  readonly lateMs: number;
  /** This thread ran, whatever it did. */
  readonly ownCpuMs: number | null;
  /** Other processes kept the core: those of a calibration, too. */
  readonly waitedMs: number | null;
  /** The hypervisor kept it. */
  readonly stolenMs: number | null;
  /** The event loop had nothing to do and was woken late, for none of these reasons: nothing in this process is to blame. */
  readonly oversleptMs: number | null;
}

const difference = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from);

/** Taken from the cores that the thread was on before and after; what it did not run on cannot have held it up. */
function stolenBetween(before: KernelTimes, at: KernelTimes, last: KernelTimes): number | null {
  if (before.core === null || at.core === null) return null;
  let stolenMs = 0;
  for (const core of new Set([before.core, at.core])) {
    const taken = difference(before.stolenMsOf?.get(core) ?? null, last.stolenMsOf?.get(core) ?? null);
    if (taken === null) return null;
    stolenMs += taken;
  }
  return stolenMs;
}

/**
 * Shares out a timer's lateness by the counters at the timer before, at the late one, and at the one after, which must have come
 * promptly (else null): CPU time and steal are counted some milliseconds late, so they are taken up to there.
 *
 * Own CPU time comes first, since steal is not in it; it is rather too long, as it holds the time before the timer was due and after it
 * came. Then steal, which is told in steps of 10 ms and is never more than what is left. Waiting is last, because a core that is taken
 * away keeps those waiting that queue on it: what was stolen is not waiting for other processes. With a step of steal seen, between
 * nothing and 20 ms of it can be true, right only on average; less than 10 ms may have been taken where none is seen.
 */
export function gapCauses(lateMs: number, before: KernelTimes, at: KernelTimes, after: KernelTimes | null): GapCauses {
  const last = after ?? at;
  const onCpuMs = difference(before.onCpuMs, last.onCpuMs);
  const queuedMs = difference(before.waitedMs, at.waitedMs);
  if (onCpuMs === null || queuedMs === null)
    return { lateMs, ownCpuMs: null, waitedMs: null, stolenMs: null, oversleptMs: null };
  let leftMs = lateMs;
  const take = (partMs: number): number => {
    const takenMs = Math.min(leftMs, partMs);
    leftMs -= takenMs;
    return takenMs;
  };
  const ownCpuMs = take(onCpuMs);
  const takenMs = stolenBetween(before, at, last);
  const stolenMs = takenMs === null ? null : take(takenMs);
  const waitedMs = take(queuedMs);
  // It sleeps for up to a period by right; in what is beyond, it may have been queued already.
  const beyondMs = Math.max(0, at.loopAsleepMs - before.loopAsleepMs - periodMs);
  const oversleptMs = stolenMs === null ? null : take(Math.max(0, beyondMs - stolenMs - waitedMs));
  return { lateMs, ownCpuMs, waitedMs, stolenMs, oversleptMs };
}
