import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { judge } from '../../src/carbon/plausibility';
import { dayMs, hourMs, type CarbonPoint } from '../../src/carbon/provider';
import { readTraceFile } from '../../src/carbon/trace-file';
import type { CarbonSignal } from '../../src/signals/carbon';

/** Beside the checkout; the files are not part of the package. */
export const traceFolder = resolve('..', 'shared', 'traces');

interface Group {
  readonly folder: string;
  readonly zones: readonly string[];
  readonly signal: CarbonSignal;
  /** What the values mean: traces of different groups are never set against each other. */
  readonly basis: string;
  /** Days before the first forecast that is scored. */
  readonly warmUpDays: number;
  /** The constants of the forecast were set on days before this one (January to June), so its figures there are no test. */
  readonly setUpDays: number;
}

const groups: readonly Group[] = [
  {
    folder: 'eia-2022',
    zones: ['MISO', 'PJM', 'CISO', 'ERCO'],
    signal: 'average',
    basis: 'average, production mix',
    warmUpDays: 28,
    setUpDays: 181,
  },
  {
    folder: 'carbonx-2021',
    zones: ['US-CAL-CISO', 'US-MIDA-PJM', 'DE', 'PL', 'SE', 'AU-QLD'],
    signal: 'average',
    basis: 'average, direct',
    warmUpDays: 28,
    setUpDays: 181,
  },
  // A month in all: half of it has to do.
  {
    folder: 'watttime-5min-2023-06',
    zones: ['CAISO_NORTH'],
    signal: 'marginal',
    basis: 'marginal',
    warmUpDays: 14,
    setUpDays: 0,
  },
];

export interface BenchTrace {
  readonly name: string;
  readonly basis: string;
  readonly signal: CarbonSignal;
  readonly warmUpDays: number;
  readonly setUpDays: number;
  /** Midnight (UTC) of the first day. */
  readonly startMs: number;
  /** Hourly means; null where the source has nothing. */
  readonly points: readonly CarbonPoint[];
  /** What a forecast is scored against: the same without what is missing or implausible. */
  readonly actual: Float64Array;
}

/** Reads what is there; what is not is named in `skipped` with the reason. */
export async function benchTraces(): Promise<{ traces: BenchTrace[]; skipped: string[] }> {
  const traces: BenchTrace[] = [];
  const skipped = ['clover: 49 values per zone and no times leave nothing to warm up on'];
  for (const group of groups) {
    for (const zone of group.zones) {
      const path = join(traceFolder, group.folder, `${zone}.csv`);
      if (existsSync(path)) traces.push(await readTrace(path, `${group.folder}/${zone}`, group));
      else skipped.push(`${group.folder}/${zone}: ${path} is not there`);
    }
  }
  return { traces, skipped };
}

async function readTrace(path: string, name: string, group: Group): Promise<BenchTrace> {
  const { rows } = await readTraceFile(path, { column: null, rowStepS: 3600 });
  const startMs = rows[0]?.validFromMs ?? 0;
  if (startMs % dayMs !== 0) throw new Error(`${path} does not begin at midnight UTC`);
  const hours = Math.floor(((rows.at(-1)?.validToMs ?? startMs) - startMs) / hourMs);
  const sums = new Float64Array(hours);
  const counts = new Float64Array(hours);
  for (const row of rows) {
    const hour = Math.floor((row.validFromMs - startMs) / hourMs);
    if (row.intensityGPerKwh === null || hour >= hours) continue;
    sums[hour] = (sums[hour] ?? 0) + row.intensityGPerKwh;
    counts[hour] = (counts[hour] ?? 0) + 1;
  }
  const points = Array.from(sums, (sum, hour): CarbonPoint => ({
    validFromMs: startMs + hour * hourMs,
    validToMs: startMs + (hour + 1) * hourMs,
    intensityGPerKwh: (counts[hour] ?? 0) > 0 ? sum / (counts[hour] ?? 1) : null,
    quality: 'measured',
  }));
  const actual = Float64Array.from(judge(points, group.signal), ({ verdict, point }) =>
    verdict === 'good' ? (point.intensityGPerKwh ?? Number.NaN) : Number.NaN,
  );
  const { basis, signal, warmUpDays, setUpDays } = group;
  return { name, basis, signal, warmUpDays, setUpDays, startMs, points, actual };
}
