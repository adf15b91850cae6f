import type { DayFigures } from './day-watch';
import { pairedOf, type Paired } from './paired-differences';

/** The same day twice. */
export interface DayPair {
  readonly before: DayFigures;
  readonly after: DayFigures;
}

/** What changed from before to after, over pairs of days. Points and percent; less is negative. Null where a day does not know. */
export interface BeforeAfter {
  readonly attainmentPt: Paired | null;
  readonly accuracyPt: Paired | null;
  readonly energyPerAnswerPct: Paired | null;
  /**
   * Of what answering took alone: a fast day decides and loads as often as a real one, in a fraction of the time, so that both weigh far
   * too much in the whole.
   */
  readonly servingEnergyPerAnswerPct: Paired | null;
}

export function beforeAfter(pairs: readonly DayPair[], seed: number): BeforeAfter {
  const over = (
    of: (day: DayFigures) => number | null,
    difference: (from: number, to: number) => number | null,
  ): Paired | null =>
    pairedOf(
      pairs.map(({ before, after }) => {
        const [from, to] = [of(before), of(after)];
        return from === null || to === null ? null : difference(from, to);
      }),
      seed,
    );
  const points = (from: number, to: number): number => to - from;
  const percent = (from: number, to: number): number | null => (from === 0 ? null : (100 * (to - from)) / from);
  return {
    attainmentPt: over((day) => day.attainmentPct, points),
    accuracyPt: over((day) => day.effectiveAccuracyPct, points),
    energyPerAnswerPct: over((day) => day.energyPerAnswerJ, percent),
    servingEnergyPerAnswerPct: over(servingEnergyPerAnswerJ, percent),
  };
}

/** The same in a line for people. @param names of the policies after and before */
export function beforeAfterLine(changes: BeforeAfter, [after, before] = ['calibrated', 'ecomap']): string {
  const pairs = Object.values(changes).reduce((most, change: Paired | null) => Math.max(most, change?.pairs ?? 0), 0);
  return (
    `${after} against ${before}, ${pairs === 1 ? 'one pair of days' : `${pairs} pairs of days`}: ` +
    `in time ${shown(changes.attainmentPt, 'points')}, energy per answer ${shown(changes.energyPerAnswerPct, '%')} ` +
    `(of the answers alone ${shown(changes.servingEnergyPerAnswerPct, '%')}), accuracy ${shown(changes.accuracyPt, 'points')}`
  );
}

/** An interval of fewer pairs would be none. */
const leastPairs = 3;

function shown(paired: Paired | null, unit: string): string {
  if (paired === null) return 'unknown';
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(2)}`;
  const interval = paired.pairs < leastPairs ? '' : ` [${signed(paired.low)}, ${signed(paired.high)}]`;
  return `${signed(paired.mean)}${interval} ${unit}`;
}

/** Whole energy per answer tells how many answers there were. */
function servingEnergyPerAnswerJ({ energyJ, servingEnergyJ, energyPerAnswerJ }: DayFigures): number | null {
  if (energyJ === null || servingEnergyJ === null || energyPerAnswerJ === null || energyJ === 0) return null;
  return (servingEnergyJ * energyPerAnswerJ) / energyJ;
}
