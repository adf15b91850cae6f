import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { judge } from '../../../src/carbon/plausibility';
import { dayMs, hourMs, type CarbonPoint } from '../../../src/carbon/provider';
import { readTraceFile } from '../../../src/carbon/trace-file';
import {
  describeBadRows,
  parseProfileFile,
  type ProfileFile,
} from '../../../src/mapping/imported-profiles/profile-file';
import { messageOf } from '../../../src/signals/errors';
import { printReport, rounded } from '../../report';
import { average, changePct } from '../figures';
import { foreseenOf, outlooksOf } from '../ours';
import type { BenchOptions } from '../options';
import { hourS, type PreparedWeek } from '../run-mix';
import { markdown } from '../tables';
import { weekOf, type ZoneWeek } from '../zones';
import { gramsOf, importedPolicies, plansOf, type ImportedPlan, type ImportedPolicy } from './policies';

/** Days before the first that counts, where the trace is long enough: what bounds and forecasts are learned from. */
const warmUpDays = 28;
/** More weeks than this only cost time; they are spread over the trace. */
const mostWeeks = 12;
const weekDays = 7;

/** One policy of one family at one accuracy loss: grams against the most accurate variant that meets the limits. */
export interface FrontierPoint {
  readonly family: string;
  readonly policy: ImportedPolicy;
  readonly accuracyLoss: number;
  /** null where the policy cannot give up so much. */
  readonly carbonPct: number | null;
}

export async function runImported(options: BenchOptions): Promise<void> {
  const { profile, trace } = options;
  if (profile === null || trace === null) throw new Error('--profile FILE needs --trace FILE beside it');
  const file = parseProfileFile(await textOf(profile), basename(profile));
  if (file.badRows.length > 0)
    console.log(`${file.badRows.length} rows of ${basename(profile)} were left out: ${describeBadRows(file.badRows)}`);
  if (file.ignoredColumns.length > 0) console.log(`columns ignored: ${file.ignoredColumns.join(', ')}`);
  const weeks = await traceWeeks(trace, options.traceColumn);
  const { points, references } = importedFrontier(file, weeks, options);
  printFrontier(points, options.accuracyLosses);
  printReport({
    bench: 'ecomap',
    figures: importedFigures(points),
    setup: {
      profile: basename(profile),
      rows: file.profiles.length,
      badRows: file.badRows.length,
      trace: basename(trace),
      weeks: weeks.map(({ week }) => week.label),
      references,
      limits: {
        mostLatencyMs: Number.isFinite(options.mostLatencyMs) ? options.mostLatencyMs : null,
        leastAccuracy: options.leastAccuracy,
        ratePerS: options.ratePerS,
      },
      notes: [
        'carbonPct: against the most accurate variant that meets the limits, all the time, at the operating point where it needs least energy',
        options.ratePerS === null
          ? 'energy of an inference: power while it runs times its latency; nothing is charged between two (see --rate-per-s)'
          : 'energy: idle power all the time and what running adds to it',
        'the oracle keeps the loss of each day as our policy has to; the one over all weeks only that of the whole time',
        'policies without an allowance: how far they go at the dirty end is chosen with hindsight, so that they lose as much',
      ],
    },
  });
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`the profile ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Every policy over every family of a file. @throws Error where no row of a family meets the limits */
export function importedFrontier(
  { profiles }: ProfileFile,
  weeks: readonly PreparedWeek[],
  options: Pick<BenchOptions, 'accuracyLosses' | 'mostLatencyMs' | 'leastAccuracy' | 'ratePerS'>,
): { readonly points: FrontierPoint[]; readonly references: Readonly<Record<string, string>> } {
  const points: FrontierPoint[] = [];
  const references: Record<string, string> = {};
  for (const family of new Set(profiles.map((row) => row.family))) {
    const plans = plansOf(
      profiles.filter((row) => row.family === family),
      options,
    );
    const [reference] = plans;
    if (reference === undefined) throw new Error(`no variant of ${family} meets the limits`);
    references[family] = describe(reference);
    const referenceG = weeks
      .flatMap(({ steps }) => steps)
      .reduce(
        (sum, { durationS, intensityGPerKwh }) => sum + (reference.meanW * durationS * intensityGPerKwh) / 3_600_000,
        0,
      );
    for (const accuracyLoss of options.accuracyLosses) {
      for (const policy of importedPolicies) {
        const grams = gramsOf(policy, plans, weeks, accuracyLoss);
        const carbonPct = grams === null ? null : changePct(grams, referenceG);
        points.push({ family, policy, accuracyLoss, carbonPct: carbonPct === null ? null : rounded(carbonPct) });
      }
    }
  }
  return { points, references };
}

const describe = ({ profile: { variant, operatingPoint, component, accuracy } }: ImportedPlan): string =>
  `${variant} (${accuracy}) at ${operatingPoint} on ${component}`;

export function importedFigures(points: readonly FrontierPoint[]): Record<string, unknown> {
  const of = (policy: ImportedPolicy): FrontierPoint[] => points.filter((point) => point.policy === policy);
  const [ours, constant, oracle, longOracle] = [
    of('ours'),
    of('static mixing'),
    of('oracle'),
    of('oracle over all weeks'),
  ];
  const value = (some: readonly FrontierPoint[], at: number): number => some[at]?.carbonPct ?? Number.NaN;
  const mean = (of: (at: number) => number): number => rounded(average(ours.map((_, at) => of(at))));
  const against = (some: readonly FrontierPoint[], at: number): number =>
    changePct(100 + value(some, at), 100 + value(constant, at));
  return {
    oursCarbonPct: mean((at) => value(ours, at)),
    oursVsBestConstantPct: mean((at) => against(ours, at)),
    oracleVsBestConstantPct: mean((at) => against(oracle, at)),
    oracleSharePct: mean((at) => (100 * value(ours, at)) / value(oracle, at)),
    importedProfileOracleSharePct: mean((at) => (100 * value(ours, at)) / value(oracle, at)),
    longOracleSharePct: mean((at) => (100 * value(ours, at)) / value(longOracle, at)),
    frontier: points,
  };
}

function printFrontier(points: readonly FrontierPoint[], losses: readonly number[]): void {
  const rows = [...new Set(points.map(({ family }) => family))].flatMap((family) =>
    importedPolicies.map((policy) => ({ family, policy })),
  );
  const lines = markdown(
    [
      ['family', ({ family }) => family],
      ['policy', ({ policy }) => policy],
      ...losses.map((loss): [string, (row: (typeof rows)[number]) => string] => [
        `carbon % at ${rounded(100 * loss)} pt`,
        ({ family, policy }) => {
          const found = points.find(
            (point) => point.family === family && point.policy === policy && point.accuracyLoss === loss,
          );
          return found?.carbonPct?.toFixed(2) ?? '-';
        },
      ]),
    ],
    rows,
  );
  for (const line of lines) console.log(line);
}

/** Weeks spread over a trace of any step, as hourly means. @throws EcomapError PROVIDER_UNREACHABLE for what is no trace */
export async function traceWeeks(path: string, column: string | null): Promise<PreparedWeek[]> {
  const { rows } = await readTraceFile(path, { column, rowStepS: 3600 });
  const firstMs = Math.ceil((rows[0]?.validFromMs ?? 0) / dayMs) * dayMs;
  const hours = Math.floor(((rows.at(-1)?.validToMs ?? firstMs) - firstMs) / hourMs);
  const sums = new Float64Array(Math.max(0, hours));
  const counts = new Float64Array(sums.length);
  for (const { validFromMs, intensityGPerKwh } of rows) {
    const hour = Math.floor((validFromMs - firstMs) / hourMs);
    if (intensityGPerKwh === null || hour < 0 || hour >= hours) continue;
    sums[hour] = (sums[hour] ?? 0) + intensityGPerKwh;
    counts[hour] = (counts[hour] ?? 0) + 1;
  }
  const points = Array.from(sums, (sum, hour): CarbonPoint => ({
    validFromMs: firstMs + hour * hourMs,
    validToMs: firstMs + (hour + 1) * hourMs,
    intensityGPerKwh: (counts[hour] ?? 0) > 0 ? sum / (counts[hour] ?? 1) : null,
    quality: 'measured',
  }));
  const actual = Float64Array.from(judge(points, 'average'), ({ verdict, point }) =>
    verdict === 'good' ? (point.intensityGPerKwh ?? Number.NaN) : Number.NaN,
  );
  const days = Math.floor(hours / 24);
  if (days < 2) throw new Error(`the trace ${path} holds less than two whole days (UTC)`);
  const name = basename(path, '.csv');
  const hourly = { name, basis: 'unknown', signal: 'average' as const, startMs: firstMs, points, actual };
  const first = Math.min(warmUpDays, Math.max(1, Math.floor(days / 2)));
  const length = Math.min(weekDays, days - first);
  const possible = Math.max(1, Math.floor((days - first) / length));
  const count = Math.min(mostWeeks, possible);
  return Array.from({ length: count }, (_, index) =>
    prepared(weekOf(hourly, first + length * Math.floor((index * possible) / count), length)),
  );
}

export const prepared = (week: ZoneWeek): PreparedWeek => ({
  week,
  outlooks: outlooksOf(week),
  foreseen: foreseenOf(week),
  steps: week.hours.map(({ intensityGPerKwh }) => ({ intensityGPerKwh, durationS: hourS })),
});
