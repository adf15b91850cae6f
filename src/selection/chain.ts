import type { Variant } from '../signals/tenant';
import type { Violated } from '../signals/violated';
import { accuracyOf, swapOf, type Candidate, type Swap } from './candidate';

/** A round this long after the last answer is not about that answer any more. */
const chainMs = 500;

/** What a tenant ran when a chain of answers began, and whether a step was given back since. */
interface ChainStep {
  readonly from: Variant;
  restored: boolean;
}

/** The steps down that answer the same trouble: they follow each other at once, under the same cap. */
export class StepChain {
  private readonly steps = new Map<Candidate, ChainStep>();
  private lastMs: number;

  constructor(
    private readonly capW: number | null,
    nowMs: number,
  ) {
    this.lastMs = nowMs;
  }

  isOver(violated: Violated, nowMs: number): boolean {
    return nowMs - this.lastMs > chainMs || violated.capW !== this.capW;
  }

  stepped(candidate: Candidate, from: Variant, nowMs: number): void {
    this.lastMs = nowMs;
    if (!this.steps.has(candidate)) this.steps.set(candidate, { from, restored: false });
  }

  /** Takes back what a step of this chain took and later steps made needless: the largest weighted gain. Null when there is none. */
  restore(violated: Violated, candidates: readonly Candidate[], nowMs: number): Swap | null {
    let best: { swap: Swap; gain: number; step: ChainStep } | null = null;
    for (const alternative of violated.alternatives) {
      const swap = swapOf(alternative, candidates);
      const step = swap === null ? undefined : this.steps.get(swap.candidate);
      if (swap === null || step === undefined || step.restored) continue;
      if (!alternative.feasible || swap.to.accuracy > step.from.accuracy) continue;
      const gain = (swap.to.accuracy - accuracyOf(swap.candidate)) * swap.candidate.weight;
      if (gain > 0 && (best === null || gain > best.gain)) best = { swap, gain, step };
    }
    if (best === null) return null;
    best.step.restored = true;
    this.lastMs = nowMs;
    return best.swap;
  }

  /** Only now is it known which steps of the chain stay. */
  end(): void {
    for (const [candidate, { from }] of this.steps) {
      if (accuracyOf(candidate) < from.accuracy) candidate.history.steppedDown(this.lastMs, this.capW);
    }
  }
}
