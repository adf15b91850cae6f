import type { StageSpan } from '../../signals/profile';
import { transferSeconds, type CountedCut, type ModelCounts } from './operations';

/** A variant that takes less, ms, is not cut: handing over would cost a good part of what two components save. */
const leastCutMs = 2;
/** A cut pays where the longest stage, with bringing its input, takes at most this share of the whole. */
const mostOfWhole = 0.8;
/** One stage more has to shorten the longest one to this share. */
const worthAnotherStage = 0.9;

/** Share of the run time that lies before a cut, by half from what is computed and by half from what is moved. */
function shareBefore(counts: ModelCounts, cut: CountedCut): number {
  const computed = counts.gigaflop > 0 ? cut.gigaflopBefore / counts.gigaflop : 0.5;
  const moved = counts.gigabytes > 0 ? cut.gigabytesBefore / counts.gigabytes : 0.5;
  return (computed + moved) / 2;
}

/** Length of the longest stage with its input, ms. */
function longestStageMs(counts: ModelCounts, cuts: readonly CountedCut[], wholeMs: number): number {
  let longest = 0;
  let before = 0;
  let inputMs = 0;
  for (const cut of [...cuts, null]) {
    const end = cut === null ? 1 : shareBefore(counts, cut);
    longest = Math.max(longest, (end - before) * wholeMs + inputMs);
    before = end;
    inputMs = cut === null ? 0 : 1000 * transferSeconds(cut.crossingBytes);
  }
  return longest;
}

const crossing = (cuts: readonly CountedCut[]): number => cuts.reduce((sum, cut) => sum + cut.crossingBytes, 0);

/** All ways to choose so many of the cuts, in their order. */
function* choices(cuts: readonly CountedCut[], count: number, from = 0): Generator<CountedCut[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (let at = from; at <= cuts.length - count; at += 1) {
    const cut = cuts[at];
    if (cut === undefined) continue;
    for (const rest of choices(cuts, count - 1, at + 1)) yield [cut, ...rest];
  }
}

/**
 * Where to cut a variant: so that the longest stage, with bringing its input, is as short as possible, and among equals so that
 * little is handed over. No cut where that does not pay.
 * @param wholeMs latency of the whole, alone, on the fastest component
 * @returns the stages, in their order; empty where the variant should stay one
 */
export function chooseStages(counts: ModelCounts, wholeMs: number, mostStages: number): StageSpan[] {
  if (wholeMs < leastCutMs) return [];
  let best: readonly CountedCut[] = [];
  let bestMs = wholeMs * mostOfWhole;
  for (let stages = 2; stages <= mostStages; stages += 1) {
    let found: readonly CountedCut[] | null = null;
    let foundMs = stages === 2 ? bestMs : bestMs * worthAnotherStage;
    for (const cuts of choices(counts.cuts, stages - 1)) {
      const longestMs = longestStageMs(counts, cuts, wholeMs);
      const isEqual = found !== null && Math.abs(longestMs - foundMs) < 0.01 * foundMs;
      const isBetter = isEqual ? crossing(cuts) < crossing(found ?? []) : longestMs < foundMs;
      if (isBetter) [found, foundMs] = [cuts, longestMs];
    }
    if (found !== null) [best, bestMs] = [found, foundMs];
  }
  if (best.length === 0) return [];
  const begins = [0, ...best.map(({ firstNode }) => firstNode)];
  return begins.map((firstNode, index) => ({ firstNode, endNode: begins[index + 1] ?? null }));
}
