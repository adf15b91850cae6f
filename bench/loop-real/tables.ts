import { markdown } from '../ecomap/tables';
import { changesBetween, daysOf, type ComparedPolicy, type Comparison, type PlayedDay } from './comparison';
import type { Paired, Spread } from '../../src/loop/paired-differences';

type Column<T> = readonly [title: string, cell: (item: T) => string];

const unknown = 'unknown';
const signed = (value: number, digits: number): string => `${value > 0 ? '+' : ''}${value.toFixed(digits)}`;
const middle = (spread: Spread | null, digits: number): string => spread?.median.toFixed(digits) ?? unknown;
const small = (spread: Spread | null): string => spread?.median.toPrecision(3) ?? unknown;
const withSpread = (spread: Spread | null, digits: number): string =>
  spread === null
    ? unknown
    : `${spread.median.toFixed(digits)} (${spread.lowest.toFixed(digits)} to ${spread.highest.toFixed(digits)})`;
const change = (paired: Paired | null | undefined, digits = 2): string =>
  paired === undefined
    ? '-'
    : paired === null
      ? unknown
      : `${signed(paired.mean, digits)} [${signed(paired.low, digits)}, ${signed(paired.high, digits)}]`;

const gramColumns: readonly Column<ComparedPolicy>[] = [
  ['policy', ({ policy }) => policy],
  ['g CO2eq', ({ spreads }) => small(spreads.carbonG)],
  ['carbon % [95 %]', ({ changes }) => change(changes?.carbonPct)],
  ['without loading % [95 %]', ({ changes }) => change(changes?.steadyCarbonPct)],
  ['sign p', ({ changes }) => changes?.steadyCarbonPct?.signP.toFixed(3) ?? '-'],
  ['opCDP g*s', ({ spreads }) => small(spreads.opCdpGs)],
  ['opCDP % [95 %]', ({ changes }) => change(changes?.opCdpPct, 1)],
  ['J', ({ spreads }) => withSpread(spreads.energyJ, 1)],
  ['of it idle', ({ spreads }) => middle(spreads.idleEnergyJ, 1)],
  ['dynamic', ({ spreads }) => middle(spreads.dynamicEnergyJ, 1)],
  ['answers', ({ spreads }) => middle(spreads.servingEnergyJ, 1)],
  ['dynamic % [95 %]', ({ changes }) => change(changes?.dynamicEnergyPct, 1)],
  ['carbon of answers % [95 %]', ({ changes }) => change(changes?.servingCarbonPct, 1)],
];

const serviceColumns: readonly Column<ComparedPolicy>[] = [
  ['policy', ({ policy }) => policy],
  ['p50 ms', ({ spreads }) => middle(spreads.p50Ms, 1)],
  ['p99 ms', ({ spreads }) => withSpread(spreads.p99Ms, 1)],
  ['in time %', ({ spreads }) => withSpread(spreads.attainmentPct, 2)],
  ['effective accuracy %', ({ spreads }) => withSpread(spreads.effectiveAccuracyPct, 2)],
  ['accuracy pt [95 %]', ({ changes }) => change(changes?.accuracyPt)],
  ['swaps a day', ({ spreads }) => withSpread(spreads.swaps, 0)],
  ['mean cap W', ({ spreads }) => middle(spreads.meanCapW, 1)],
  ['over cap %', ({ capViolationPct }) => capViolationPct?.toFixed(2) ?? unknown],
  ['decisions', ({ spreads }) => middle(spreads.decisions, 0)],
  ['decision ms', ({ spreads }) => middle(spreads.decisionMs, 0)],
  ['of main thread', ({ spreads }) => middle(spreads.decisionMainThreadMs, 2)],
];

/** Lines for people: each policy over all its days. */
export function dayTable(
  { policies, base, energySource }: Comparison,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): string[] {
  const head =
    `${rounds} rounds of a grid day in ${seconds} s per policy, in turns; medians over the days (lowest to highest). ` +
    `Changes: means of the pairs against ${base} [95 % interval]. Watts, joules and grams are ${energySource ?? unknown}. ` +
    'Dynamic: above idle; answers: of it the inference itself. The rest is the loading of variants, which takes as long in a fast day ' +
    'as in a real one and weighs as many times more (and other programs, where those are seen).';
  return [head, '', ...markdown(gramColumns, policies), '', ...markdown(serviceColumns, policies)];
}

/** Lines for people: the change of carbon zone by zone. */
export function zoneTable(days: readonly PlayedDay[], policies: readonly { readonly name: string }[]): string[] {
  const base = policies[0]?.name ?? '';
  const zones = [...new Set(days.map(({ zone }) => zone))];
  const columns: readonly Column<string>[] = [
    ['zone', (zone) => zone],
    ['g/kWh', (zone) => intensitiesOf(daysOf(days, base, zone))],
    ...policies.slice(1).map(({ name }): Column<string> => {
      const carbonPct = (zone: string): Paired | null =>
        changesBetween(
          days.filter((day) => day.zone === zone),
          name,
          base,
          1,
        ).carbonPct;
      return [`${name}, carbon %`, (zone) => carbonPct(zone)?.mean.toFixed(2) ?? unknown];
    }),
  ];
  return ['', ...markdown(columns, zones)];
}

function intensitiesOf(days: readonly PlayedDay[]): string {
  const ranges = days.flatMap(({ figures }) => figures.intensityRangeGPerKwh ?? []);
  if (ranges.length === 0) return unknown;
  const lowest = Math.min(...ranges.map((range) => range.lowest));
  const highest = Math.max(...ranges.map((range) => range.highest));
  return `${lowest.toFixed(0)} to ${highest.toFixed(0)}`;
}
