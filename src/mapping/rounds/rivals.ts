import type { Evaluated } from '../search/objective';
import type { SearchOutcome, SearchProblem } from '../search/search';
import { alignTo } from '../search/symmetry';
import { violationsOf } from '../violations';

/** More are never worth the time that trying them takes. */
const mostRivals = 4;

/**
 * The mappings that could turn out better than the best one found: they keep all limits as it does, and predicted power and
 * latency are within each other's intervals. None where the best one breaks a limit: then there is nothing to try out.
 * @param before the mapping in force; it may be a rival too
 */
export function rivalsOf(
  problem: SearchProblem,
  before: Evaluated,
  best: Evaluated,
  { top = [] }: SearchOutcome & { readonly top?: readonly Evaluated[] },
): Evaluated[] {
  const keepsLimits = (one: Evaluated): boolean =>
    violationsOf(one, problem.context, problem.limits).length === 0 &&
    one.prediction.latencyMs.every((latency) => latency !== null);
  if (!keepsLimits(best)) return [];
  const seen = new Set([keyOf(best)]);
  const rivals: Evaluated[] = [];
  for (const one of [before, ...top]) {
    const rival =
      one === before ? one : { ...one, candidate: alignTo(one.candidate, before.candidate, problem.groups) };
    if (seen.has(keyOf(rival)) || !keepsLimits(rival) || !areClose(best, rival)) continue;
    seen.add(keyOf(rival));
    rivals.push(rival);
    if (rivals.length === mostRivals) break;
  }
  return rivals;
}

const keyOf = ({ candidate }: Evaluated): string => JSON.stringify(candidate);

/** True where each prediction of one is within the interval of the other. */
function areClose({ prediction: a }: Evaluated, { prediction: b }: Evaluated): boolean {
  const meet = (one: Range | null, other: Range | null | undefined): boolean =>
    one !== null && other != null && one.lower <= other.upper && other.lower <= one.upper;
  return meet(a.powerW, b.powerW) && a.latencyMs.every((latency, item) => meet(latency, b.latencyMs[item]));
}

interface Range {
  readonly lower: number;
  readonly upper: number;
}
