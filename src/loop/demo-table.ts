import type { DayFigures } from './day-watch';

const shown = (value: number | null, digits: number): string => (value === null ? 'unknown' : value.toFixed(digits));
const shownSmall = (value: number | null): string => (value === null ? 'unknown' : value.toPrecision(3));

const columns: readonly { readonly title: string; readonly cell: (day: DayFigures) => string }[] = [
  { title: 'policy', cell: (day) => day.policy },
  { title: 'energy J', cell: (day) => `${shown(day.energyJ, 1)} (${day.energySource ?? 'unknown'})` },
  { title: 'above idle J', cell: (day) => shown(day.dynamicEnergyJ, 1) },
  { title: 'J/answer', cell: (day) => shown(day.energyPerAnswerJ, 4) },
  { title: 'carbon g', cell: (day) => shownSmall(day.carbonG) },
  { title: 'opCDP g*s', cell: (day) => shownSmall(day.opCdpGs) },
  { title: 'in time %', cell: (day) => shown(day.attainmentPct, 2) },
  { title: 'least of a tenant', cell: (day) => shown(day.leastAttainmentPct, 2) },
  { title: 'effective accuracy %', cell: (day) => shown(day.effectiveAccuracyPct, 2) },
  { title: 'observed right %', cell: (day) => shown(day.observedAccuracyPct, 2) },
  { title: 'swaps', cell: (day) => String(day.swaps) },
];

function change(from: number | null, to: number | null): string {
  return from === null || to === null || from === 0 ? 'unknown' : `${((100 * (to - from)) / from).toFixed(1)} %`;
}

/** The table of the day for people, with what changed against the first policy. */
export function demoTable(days: readonly DayFigures[]): string {
  const rows = [columns.map(({ title }) => title), ...days.map((day) => columns.map(({ cell }) => cell(day)))];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  const [first, ...others] = days;
  const told = new Set<string>();
  for (const day of first ? others : []) {
    // Where a policy has several days, the first is the one that the first policy has played, too.
    if (told.has(day.policy)) continue;
    told.add(day.policy);
    lines.push(
      `${day.policy} against ${first?.policy ?? ''}: energy ${change(first?.energyJ ?? null, day.energyJ)} ` +
        `(above idle ${change(first?.dynamicEnergyJ ?? null, day.dynamicEnergyJ)}), ` +
        `carbon ${change(first?.carbonG ?? null, day.carbonG)}, opCDP ${change(first?.opCdpGs ?? null, day.opCdpGs)}`,
    );
  }
  return lines.join('\n');
}
