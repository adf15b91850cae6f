import { gapCauses, type GapCauses } from './gap-causes';
import type { KernelReading } from './kernel-times';

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
  private last: KernelReading;
  private waiting: { lateMs: number; phase: string; before: KernelReading; at: KernelReading } | null = null;

  constructor(private readonly began: KernelReading) {
    this.last = began;
  }

  /** A timer has come. */
  add(phase: string, lateMs: number, at: KernelReading): void {
    this.explain(lateMs <= promptMs ? at : null);
    this.waiting = { lateMs, phase, before: this.last, at };
    this.last = at;
  }

  end(at: KernelReading): LatenessCauses {
    this.explain(null);
    const { withoutStealMaximumMs, besidesStealMaximumMs, ownCpuMaximumMs, longest } = this;
    const [from, to] = [this.began().stolenMs, at().stolenMs];
    const stolenMs = from === null || to === null ? null : to - from;
    return { withoutStealMaximumMs, besidesStealMaximumMs, ownCpuMaximumMs, longest, stolenMs };
  }

  private explain(after: KernelReading | null): void {
    if (this.waiting === null) return;
    const { lateMs, phase, before, at } = this.waiting;
    this.waiting = null;
    if (lateMs <= this.unremarkableMs()) return;
    const causes = gapCauses(lateMs, before(), at(), after?.() ?? null);
    const { ownCpuMs, stolenMs } = causes;
    this.ownCpuMaximumMs = larger(this.ownCpuMaximumMs, ownCpuMs);
    if (stolenMs === 0) this.withoutStealMaximumMs = larger(this.withoutStealMaximumMs, lateMs);
    this.besidesStealMaximumMs = larger(this.besidesStealMaximumMs, stolenMs === null ? null : lateMs - stolenMs);
    const place = this.longest.findIndex((gap) => gap.lateMs < lateMs);
    if (place === -1 && this.longest.length === longestCount) return;
    this.longest.splice(place === -1 ? this.longest.length : place, 0, { phase, ...causes });
    this.longest.length = Math.min(this.longest.length, longestCount);
  }

  /** No part of a lateness up to here is more than what is known already. */
  private unremarkableMs(): number {
    const { withoutStealMaximumMs, besidesStealMaximumMs, ownCpuMaximumMs, longest } = this;
    const fifthMs = longest[longestCount - 1]?.lateMs;
    return Math.min(withoutStealMaximumMs ?? 0, besidesStealMaximumMs ?? 0, ownCpuMaximumMs ?? 0, fifthMs ?? 0);
  }
}
