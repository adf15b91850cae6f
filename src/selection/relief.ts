import type { Violated } from '../signals/violated';
import { lossOf, nextLighter, swapOf, type Candidate, type Swap } from './candidate';

/** A swap that removes less than this share of the excess is not worth any accuracy. */
const leastRelief = 0.01;

interface Option {
  readonly swap: Swap;
  readonly loss: number;
  readonly feasible: boolean;
  /** Share of what is broken that it mends, per accuracy lost: watts over the cap and milliseconds over a limit alike. */
  readonly merit: number;
}

/** The single swap to a lighter variant that answers the violations best; null when none helps. */
export function chooseLighter(violated: Violated, candidates: readonly Candidate[]): Swap | null {
  let best: Option | null = null;
  for (const alternative of violated.alternatives) {
    const swap = swapOf(alternative, candidates);
    if (swap === null) continue;
    const loss = lossOf(swap);
    if (loss <= 0) continue;
    const relief = violated.excess - alternative.excess;
    if (!alternative.feasible && relief < leastRelief * violated.excess) continue;
    const option = { swap, loss, feasible: alternative.feasible, merit: relief / Math.max(loss, 1e-6) };
    if (best === null || isBetter(option, best)) best = option;
  }
  return best?.swap ?? null;
}

/** What makes everything fit comes first, at the least loss; else what relieves most per accuracy lost. */
function isBetter(a: Option, b: Option): boolean {
  if (a.feasible !== b.feasible) return a.feasible;
  return a.feasible ? a.loss < b.loss : a.merit > b.merit;
}

/** The next lighter variant of a tenant in trouble, or of one of lower priority that shares the device with it. */
export function relieve(troubled: Candidate, candidates: readonly Candidate[]): Swap | null {
  const own = nextLighter(troubled);
  if (own !== null) return own;
  return candidates
    .filter(({ tenant }) => tenant.priority > troubled.tenant.priority)
    .flatMap((candidate) => nextLighter(candidate) ?? [])
    .reduce<Swap | null>((best, swap) => (best === null || lossOf(swap) < lossOf(best) ? swap : best), null);
}
