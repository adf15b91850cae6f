import { againstKey, alwaysMaxKey, totalKey } from './energy-rows';
import { cellOver, unknownChain, type JoinedRow } from './joined';

/** What another way of using energy would have emitted, and where the difference comes from. */
export interface ConstantCap {
  /** Joules of the compared time whose intensity is known; both sides use as many. */
  readonly energyJ: number | null;
  readonly carbonG: number | null;
  readonly method: 'share of always-max' | 'even power' | null;
  readonly energyEffectG: number | null;
  readonly timingEffectG: number | null;
  /** In percent of always-max: the two add up to the saving. */
  readonly energyEffectPct: number | null;
  readonly timingEffectPct: number | null;
  /** What timing alone saved, in percent of the constant cap. */
  readonly timingGainPct: number | null;
}

interface Split {
  readonly energyJ: number;
  readonly carbonG: number;
  readonly constantG: number;
  readonly alwaysMaxG: number | null;
}

/**
 * Splits the saving against always-max in two by a third course: a constant cap of equal energy, which at every moment lets
 * through the same share of what always-max would draw, whatever the grid does.
 *
 * With A_k and E_k the joules of always-max and of what was really used while the intensity was I_k:
 * - always-max: sum A_k*I_k, really emitted: sum E_k*I_k, constant cap: (sum E_k / sum A_k) * sum A_k*I_k;
 * - energy effect: always-max minus constant cap = (1 - sum E / sum A) * sum A_k*I_k, what a cap that is blind to the grid saves;
 * - timing effect: constant cap minus really emitted, what only the choice of the time saves (negative: bad times were chosen);
 * - the two add up to the saving. Where always-max is constant this is 1 - (sum(P*I)/sum(P)) / mean(I) for the timing gain.
 *
 * Where always-max is unknown, the constant cap draws even power: its grams are sum E times the mean intensity over time, and only
 * the timing effect is known. Signals and bases are split each by itself, and the grams then added up.
 */
export function constantCapOf(rows: readonly JoinedRow[]): ConstantCap {
  const chains = [...new Set(rows.map(({ chain }) => chain))].filter((chain) => chain !== unknownChain);
  const parts = chains.map((chain) => rows.filter((row) => row.chain === chain));
  const compared = parts.flatMap((part) => shareOfAlwaysMax(part) ?? []);
  const splits = compared.length > 0 ? compared : parts.flatMap((part) => evenPower(part) ?? []);
  if (splits.length === 0) {
    return {
      energyJ: null,
      carbonG: null,
      method: null,
      energyEffectG: null,
      timingEffectG: null,
      energyEffectPct: null,
      timingEffectPct: null,
      timingGainPct: null,
    };
  }
  const sum = (of: (split: Split) => number): number => splits.reduce((total, split) => total + of(split), 0);
  const constantG = sum(({ constantG }) => constantG);
  const timingEffectG = constantG - sum(({ carbonG }) => carbonG);
  const alwaysMaxG = compared.length > 0 ? sum(({ alwaysMaxG }) => alwaysMaxG ?? 0) : null;
  const energyEffectG = alwaysMaxG === null ? null : alwaysMaxG - constantG;
  return {
    energyJ: sum(({ energyJ }) => energyJ),
    carbonG: constantG,
    method: alwaysMaxG === null ? 'even power' : 'share of always-max',
    energyEffectG,
    timingEffectG,
    energyEffectPct: percentOf(energyEffectG, alwaysMaxG),
    timingEffectPct: percentOf(timingEffectG, alwaysMaxG),
    timingGainPct: percentOf(timingEffectG, constantG),
  };
}

function shareOfAlwaysMax(rows: readonly JoinedRow[]): Split | null {
  const alwaysMax = cellOver(rows, alwaysMaxKey);
  const against = cellOver(rows, againstKey);
  const alwaysMaxJ = (alwaysMax.energyJ ?? 0) - alwaysMax.unknownJ;
  const energyJ = (against.energyJ ?? 0) - against.unknownJ;
  if (alwaysMax.carbonG === null || against.carbonG === null || alwaysMaxJ <= 0) return null;
  const constantG = (energyJ / alwaysMaxJ) * alwaysMax.carbonG;
  return { energyJ, carbonG: against.carbonG, constantG, alwaysMaxG: alwaysMax.carbonG };
}

function evenPower(rows: readonly JoinedRow[]): Split | null {
  const { energyJ, unknownJ, carbonG } = cellOver(rows, totalKey);
  const durationS = rows.reduce((sum, row) => sum + row.durationS, 0);
  if (energyJ === null || carbonG === null || durationS <= 0) return null;
  const meanGPerKwh = rows.reduce((sum, row) => sum + row.intensityS, 0) / durationS;
  const knownJ = energyJ - unknownJ;
  return { energyJ: knownJ, carbonG, constantG: (knownJ / 3_600_000) * meanGPerKwh, alwaysMaxG: null };
}

function percentOf(part: number | null, whole: number | null): number | null {
  return part === null || whole === null || whole <= 0 ? null : (100 * part) / whole;
}

/** Less than this much of the mean, as a standard deviation, is a flat grid: MISO, PJM, Sweden and Poland are about 0.1. */
const flatBelow = 0.15;
const leastSeenS = 24 * 3600;

/**
 * What the split means, in words. On recorded grids, a linear power cap that follows the intensity (lowest power a third of the
 * highest) gains 2-4 % by timing where the grid is flat (PJM 1.8, MISO 3.4) and 12-22 % where it swings (California, Great
 * Britain, South Australia); the rest of any saving is energy.
 */
export function splitInWords(
  cap: ConstantCap,
  spread: { readonly seconds: number; readonly sum: number; readonly sumOfSquares: number },
): string {
  const parts: string[] = [];
  const { energyEffectPct, timingEffectPct, timingGainPct } = cap;
  if (energyEffectPct !== null && timingEffectPct !== null) {
    parts.push(
      `Against always-max, ${inPercent(energyEffectPct)} come from using less energy and ${inPercent(timingEffectPct)} from when it was used.`,
    );
  } else if (timingGainPct !== null) {
    parts.push(
      `Always-max is not known here; against even power of equal energy, timing gains ${inPercent(timingGainPct)}.`,
    );
  } else {
    parts.push('Nothing can be compared yet: energy, intensity or what always-max would use is unknown.');
  }
  parts.push(gridInWords(spread));
  return parts.join(' ');
}

function gridInWords({ seconds, sum, sumOfSquares }: Parameters<typeof splitInWords>[1]): string {
  if (seconds < leastSeenS || sum <= 0)
    return 'Less than a day of this grid has been seen: too little to say what timing can be worth.';
  const mean = sum / seconds;
  const deviation = Math.sqrt(Math.max(0, sumOfSquares / seconds - mean ** 2)) / mean;
  const varied = `it varied by ${Math.round(deviation * 100)} % around ${Math.round(mean)} g/kWh`;
  return deviation < flatBelow
    ? `This grid is flat (${varied}): timing alone is worth only a few percent, 2-4 % on recorded grids like it (MISO, PJM).`
    : `This grid swings (${varied}): timing can be worth 7-22 % on recorded grids like it.`;
}

const inPercent = (value: number): string => `${value.toFixed(1)} %`;
