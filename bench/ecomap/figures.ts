import type { Score } from './account';

/** One policy over one mix and one week, beside the baseline over the same. */
export interface Row {
  readonly mix: string;
  readonly zone: string;
  readonly week: string;
  readonly policy: string;
  readonly score: Score;
  readonly baseline: Score;
}

export const changePct = (value: number, base: number): number => 100 * (value / base - 1);

export const average = (values: readonly number[]): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values: readonly number[]): number {
  const mean = average(values);
  return Math.sqrt(average(values.map((value) => (value - mean) ** 2)));
}

/** Values of something by zone: each zone counts alike, however many weeks of it there are. */
export function byZone<T>(items: readonly T[], zoneOf: (item: T) => string): Map<string, T[]> {
  const zones = new Map<string, T[]>();
  for (const item of items) {
    const zone = zoneOf(item);
    zones.set(zone, [...(zones.get(zone) ?? []), item]);
  }
  return zones;
}

/** What one policy comes to. Percentages are changes against the baseline: negative is less. */
export interface Summary {
  readonly policy: string;
  readonly carbonPct: number;
  /** Standard deviations of the mixes' and of the zones' means. */
  readonly overMixesPt: number;
  readonly overZonesPt: number;
  /** The two add up to `carbonPct`: what a constant cap of the same energy changes, and what the choice of the time adds. */
  readonly energyEffectPct: number;
  readonly timingEffectPct: number;
  readonly opCdpPct: number;
  readonly energyPct: number;
  /** Joules per hour on the mean. */
  readonly energyJPerH: number;
  readonly carbonGPerDay: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly attainmentPct: number;
  readonly accuracyLostPt: number;
  readonly swapsPerTenantHour: number;
  readonly capViolationPct: number | null;
}

export function summarise(policy: string, rows: readonly Row[], hoursOf: (week: string) => number): Summary {
  const zones = byZone(rows, ({ zone }) => zone);
  const mean = (of: (row: Row) => number): number => average([...zones.values()].map((some) => average(some.map(of))));
  const carbon = ({ score, baseline }: Row): number => changePct(score.carbonG, baseline.carbonG);
  const energy = ({ score, baseline }: Row): number => changePct(score.energyJ, baseline.energyJ);
  const mixes = byZone(rows, ({ mix }) => mix);
  const capped = rows.filter(({ score }) => score.capViolationShare !== null);
  return {
    policy,
    carbonPct: mean(carbon),
    overMixesPt: deviation([...mixes.values()].map((some) => average(some.map(carbon)))),
    overZonesPt: deviation([...zones.values()].map((some) => average(some.map(carbon)))),
    // The baseline draws the same all the time, so a constant cap of the same energy emits in proportion to it.
    energyEffectPct: mean(energy),
    timingEffectPct: mean((row) => carbon(row) - energy(row)),
    opCdpPct: mean(({ score, baseline }) => changePct(score.opCdpGS, baseline.opCdpGS)),
    energyPct: mean(energy),
    energyJPerH: mean(({ score, week }) => score.energyJ / hoursOf(week)),
    carbonGPerDay: mean(({ score, week }) => (24 * score.carbonG) / hoursOf(week)),
    p50Ms: mean(({ score }) => score.p50Ms),
    p99Ms: mean(({ score }) => score.p99Ms),
    attainmentPct: mean(({ score }) => 100 * score.attainment),
    accuracyLostPt: mean(({ score, baseline }) => score.accuracyLostPt - baseline.accuracyLostPt),
    swapsPerTenantHour: mean(({ score }) => score.swapsPerTenantHour),
    capViolationPct:
      capped.length === 0 ? null : 100 * average(capped.map(({ score }) => score.capViolationShare ?? 0)),
  };
}
