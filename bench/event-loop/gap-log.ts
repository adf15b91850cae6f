import { gapCauses, type GapCauses } from './gap-causes';
import type { KernelTimes } from './kernel-times';

/** A timer that was late, and what was going on. */
export interface Gap extends GapCauses {
  readonly phase: string;
}

/** Why timers were late in a stretch of time. Null: the kernel does not tell. */
export interface LatenessCauses {
  /** Of timers to whose lateness steal contributed nothing. */
  readonly withoutStealMaximumMs: number | null;
  /** Of all timers, less what was stolen of each. */
  readonly besidesStealMaximumMs: number | null;
  readonly ownCpuMaximumMs: number | null;
  /** Longest first. */
  readonly longest: readonly Gap[];
  /** Taken from all cores of the machine during that time, whether or not a timer was late. */
  readonly stolenMs: number | null;
}

/** A timer no later than this needs no explanation: a clock tick at 250 Hz. */
const promptMs = 4;
const longestCount = 5;

const larger = (most: number | null, value: number | null): number | null =>
  value === null ? most : Math.max(most ?? 0, value);

/** Explains every timer of a stretch of time, each once the next one has come. */
export class GapLog {
  private readonly longest: Gap[] = [];
  private withoutStealMaximumMs: number | null = null;
  private besidesStealMaximumMs: number | null = null;
  private ownCpuMaximumMs: number | null = null;
  private readonly began: KernelTimes;
  private last: KernelTimes;
  private waiting: { lateMs: number; phase: string; before: KernelTimes; at: KernelTimes } | null = null;

  constructor(began: KernelTimes) {
    this.began = began;
    this.last = began;
  }

  /** A timer has come. */
  add(phase: string, lateMs: number, at: KernelTimes): void {
    this.explain(lateMs <= promptMs ? at : null);
    this.waiting = { lateMs, phase, before: this.last, at };
    this.last = at;
  }

  end(at: KernelTimes): LatenessCauses {
    this.explain(null);
    const { withoutStealMaximumMs, besidesStealMaximumMs, ownCpuMaximumMs, longest, began } = this;
    const stolenMs = began.stolenMs === null || at.stolenMs === null ? null : at.stolenMs - began.stolenMs;
    return { withoutStealMaximumMs, besidesStealMaximumMs, ownCpuMaximumMs, longest, stolenMs };
  }

  private explain(after: KernelTimes | null): void {
    if (this.waiting === null) return;
    const { lateMs, phase, before, at } = this.waiting;
    this.waiting = null;
    const causes = gapCauses(lateMs, before, at, after);
    const { ownCpuMs, stolenMs } = causes;
    this.ownCpuMaximumMs = larger(this.ownCpuMaximumMs, ownCpuMs);
    if (stolenMs === 0) this.withoutStealMaximumMs = larger(this.withoutStealMaximumMs, lateMs);
    this.besidesStealMaximumMs = larger(this.besidesStealMaximumMs, stolenMs === null ? null : lateMs - stolenMs);
    const place = this.longest.findIndex((gap) => gap.lateMs < lateMs);
    if (place === -1 && this.longest.length === longestCount) return;
    this.longest.splice(place === -1 ? this.longest.length : place, 0, { phase, ...causes });
    this.longest.length = Math.min(this.longest.length, longestCount);
  }
}
