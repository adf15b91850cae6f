import type { Summary } from './figures';

/** One zone: what our policy saves there, and beside it what timing alone can be worth. */
export interface ZoneLine {
  readonly zone: string;
  readonly oursPct: number;
  readonly timingPt: number;
  readonly vsConstantPct: number;
  readonly oracleVsConstantPct: number;
  readonly gramsVsConstantPct: number;
  readonly gramsOracleVsConstantPct: number;
  readonly vsPaperPct: number;
}

type Column<T> = readonly [title: string, cell: (item: T) => string];

const signed = (value: number, digits = 1): string => `${value > 0 ? '+' : ''}${value.toFixed(digits)}`;
const plain =
  (digits: number) =>
  (value: number): string =>
    value.toFixed(digits);

const policyColumns: readonly Column<Summary>[] = [
  ['policy', ({ policy }) => policy],
  ['carbon %', ({ carbonPct }) => signed(carbonPct)],
  ['± mixes', ({ overMixesPt }) => plain(1)(overMixesPt)],
  ['± zones', ({ overZonesPt }) => plain(1)(overZonesPt)],
  ['by energy', ({ energyEffectPct }) => signed(energyEffectPct)],
  ['by timing', ({ timingEffectPct }) => signed(timingEffectPct)],
  ['opCDP %', ({ opCdpPct }) => signed(opCdpPct)],
  ['g/day', ({ carbonGPerDay }) => plain(1)(carbonGPerDay)],
  ['kJ/h', ({ energyJPerH }) => plain(1)(energyJPerH / 1000)],
  ['p50 ms', ({ p50Ms }) => plain(0)(p50Ms)],
  ['p99 ms', ({ p99Ms }) => plain(0)(p99Ms)],
  ['in time %', ({ attainmentPct }) => plain(2)(attainmentPct)],
  ['accuracy lost pt', ({ accuracyLostPt }) => plain(2)(accuracyLostPt)],
  ['swaps/tenant/h', ({ swapsPerTenantHour }) => plain(2)(swapsPerTenantHour)],
  ['over cap %', ({ capViolationPct }) => (capViolationPct === null ? '-' : plain(2)(capViolationPct))],
];

const zoneColumns: readonly Column<ZoneLine>[] = [
  ['zone', ({ zone }) => zone],
  ['ours vs baseline %', ({ oursPct }) => signed(oursPct)],
  ['of it by timing', ({ timingPt }) => signed(timingPt)],
  ['ours vs best constant %', ({ vsConstantPct }) => signed(vsConstantPct, 2)],
  ['oracle vs best constant %', ({ oracleVsConstantPct }) => signed(oracleVsConstantPct, 2)],
  ['grams alone: ours', ({ gramsVsConstantPct }) => signed(gramsVsConstantPct, 2)],
  ['grams alone: oracle', ({ gramsOracleVsConstantPct }) => signed(gramsOracleVsConstantPct, 2)],
  ['ours vs Ecomap, same accuracy %', ({ vsPaperPct }) => signed(vsPaperPct)],
];

/** Lines of a Markdown table, padded so that it reads well as it is. */
export function markdown<T>(columns: readonly Column<T>[], items: readonly T[]): string[] {
  const cells = [columns.map(([title]) => title), ...items.map((item) => columns.map(([, cell]) => cell(item)))];
  const widths = columns.map((_, at) => Math.max(3, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(cells[0] ?? []), rule, ...cells.slice(1).map(line)];
}

export function printTables(
  summaries: readonly Summary[],
  zones: readonly ZoneLine[],
  counts: { readonly mixes: number; readonly weeks: number; readonly zones: number },
): void {
  console.log(
    `${counts.mixes} mixes x ${counts.weeks} weeks of ${counts.zones} zones; changes against the throughput-optimal mapping at MAXN\n`,
  );
  for (const line of markdown(policyColumns, summaries)) console.log(line);
  console.log('\nWhat the grid is worth, zone by zone: against the best constant plan of the same accuracy\n');
  for (const line of markdown(zoneColumns, zones)) console.log(line);
  console.log('');
}
