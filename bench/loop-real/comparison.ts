import type { DayFigures } from '../../src/loop/day-watch';
import type { Source } from '../../src/signals/quantities';
import { weakestSource } from '../../src/signals/quantities';
import { pairedOf, spreadOf, type Paired, type Spread } from '../../src/loop/paired-differences';

/** One day of a zone under one policy. */
export interface PlayedDay {
  readonly zone: string;
  readonly round: number;
  readonly figures: DayFigures;
}

const measures = {
  carbonG: ({ carbonG }) => carbonG,
  energyJ: ({ energyJ }) => energyJ,
  idleEnergyJ: ({ idleEnergyJ }) => idleEnergyJ,
  dynamicEnergyJ: ({ dynamicEnergyJ }) => dynamicEnergyJ,
  servingEnergyJ: ({ servingEnergyJ }) => servingEnergyJ,
  servingCarbonG: ({ servingCarbonG }) => servingCarbonG,
  steadyCarbonG: ({ steadyCarbonG }) => steadyCarbonG,
  opCdpGs: ({ opCdpGs }) => opCdpGs,
  timingGainPct: ({ timingGainPct }) => timingGainPct,
  p50Ms: ({ latencyMs }) => latencyMs?.p50 ?? null,
  p99Ms: ({ latencyMs }) => latencyMs?.p99 ?? null,
  attainmentPct: ({ attainmentPct }) => attainmentPct,
  effectiveAccuracyPct: ({ effectiveAccuracyPct }) => effectiveAccuracyPct,
  observedAccuracyPct: ({ observedAccuracyPct }) => observedAccuracyPct,
  swaps: ({ swaps }) => swaps,
  meanCapW: ({ capPeriods }) => capPeriods.meanCapW,
  decisions: ({ decisions }) => decisions.decisions,
  decisionMs: ({ decisions }) => decisions.elapsedMs?.p95 ?? null,
  decisionMainThreadMs: ({ decisions }) => decisions.mainThreadMs?.p95 ?? null,
  loopDelayP99Ms: ({ loopDelayP99Ms }) => loopDelayP99Ms,
} satisfies Record<string, (day: DayFigures) => number | null>;
export type Measure = keyof typeof measures;

const measureNames = Object.keys(measures) as Measure[];

/** Changes against another policy in the same round of the same zone. Less is negative. */
export interface Changes {
  readonly carbonPct: Paired | null;
  readonly energyPct: Paired | null;
  readonly dynamicEnergyPct: Paired | null;
  /** Of the answers alone, without idle and without loading variants. */
  readonly servingEnergyPct: Paired | null;
  readonly servingCarbonPct: Paired | null;
  /** Of idle and answers: without loading variants. */
  readonly steadyCarbonPct: Paired | null;
  readonly opCdpPct: Paired | null;
  readonly accuracyPt: Paired | null;
  readonly attainmentPt: Paired | null;
}

export interface ComparedPolicy {
  readonly policy: string;
  readonly days: number;
  readonly spreads: Readonly<Record<Measure, Spread | null>>;
  /** Of all control periods of all days; null where none is known. */
  readonly capViolationPct: number | null;
  /** Against the first policy; null for that one. */
  readonly changes: Changes | null;
}

export interface Comparison {
  readonly base: string;
  readonly policies: readonly ComparedPolicy[];
  readonly energySource: Source | null;
}

export const daysOf = (days: readonly PlayedDay[], policy: string, zone?: string): PlayedDay[] =>
  days.filter((day) => day.figures.policy === policy && (zone === undefined || day.zone === zone));

/** Each policy over all its days, and against the first one. */
export function comparedWith(
  days: readonly PlayedDay[],
  policies: readonly { readonly name: string }[],
  seed: number,
): Comparison {
  const base = policies[0]?.name ?? '';
  return {
    base,
    policies: policies.map(({ name }): ComparedPolicy => {
      const own = daysOf(days, name);
      return {
        policy: name,
        days: own.length,
        spreads: spreadsOf(own),
        capViolationPct: capViolationPct(own),
        changes: name === base ? null : changesBetween(days, name, base, seed),
      };
    }),
    energySource: weakestSource(days.map(({ figures }) => figures.energySource)),
  };
}

/** What one policy changes against another, pair by pair: only rounds that both have played. */
export function changesBetween(days: readonly PlayedDay[], policy: string, base: string, seed: number): Changes {
  const pairs = daysOf(days, policy).flatMap((day): [DayFigures, DayFigures][] => {
    const other = daysOf(days, base, day.zone).find(({ round }) => round === day.round);
    return other === undefined ? [] : [[day.figures, other.figures]];
  });
  const differences = (of: (value: number, other: number) => number | null, measure: Measure): Paired | null =>
    pairedOf(
      pairs.map(([own, other]) => {
        const [value, reference] = [measures[measure](own), measures[measure](other)];
        return value === null || reference === null ? null : of(value, reference);
      }),
      seed,
    );
  const inPercent = (value: number, other: number): number | null => (other > 0 ? 100 * (value / other - 1) : null);
  const inPoints = (value: number, other: number): number => value - other;
  return {
    carbonPct: differences(inPercent, 'carbonG'),
    energyPct: differences(inPercent, 'energyJ'),
    dynamicEnergyPct: differences(inPercent, 'dynamicEnergyJ'),
    servingEnergyPct: differences(inPercent, 'servingEnergyJ'),
    servingCarbonPct: differences(inPercent, 'servingCarbonG'),
    steadyCarbonPct: differences(inPercent, 'steadyCarbonG'),
    opCdpPct: differences(inPercent, 'opCdpGs'),
    accuracyPt: differences(inPoints, 'effectiveAccuracyPct'),
    attainmentPt: differences(inPoints, 'attainmentPct'),
  };
}

function spreadsOf(days: readonly PlayedDay[]): Record<Measure, Spread | null> {
  const entries = measureNames.map((name) => [name, spreadOf(days.map(({ figures }) => measures[name](figures)))]);
  return Object.fromEntries(entries) as Record<Measure, Spread | null>;
}

function capViolationPct(days: readonly PlayedDay[]): number | null {
  const periods = days.reduce((sum, { figures }) => sum + figures.capPeriods.periods, 0);
  const above = days.reduce((sum, { figures }) => sum + figures.capPeriods.above, 0);
  return periods === 0 ? null : (100 * above) / periods;
}
