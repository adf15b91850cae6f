// How good the own forecast is on recorded grids: issued each day at 00:00 UTC for 96 hours from what was known then, against
// baselines from the same past; how much of the best hours' saving it keeps; how often its intervals hold.
import { forecastHours, longestForecastHours } from '../src/carbon/forecast/own-forecast';
import { seriesDays } from '../src/carbon/forecast/hourly-series';
import { judge } from '../src/carbon/plausibility';
import { hourMs, isKnown, type KnownCarbonPoint } from '../src/carbon/provider';
import { quantile } from '../src/signals/statistics';
import { holtWinters, holtWintersSmoothing, hourOfDay, persistence, seasonal } from './forecast/baselines';
import { average, Scores } from './forecast/scores';
import { benchTraces, type BenchTrace } from './forecast/traces';
import { printReport, rounded } from './report';

const baselines = { persistence, seasonal24: seasonal(24), seasonal168: seasonal(168), holtWinters, hourOfDay };
type Arms = Record<'own' | keyof typeof baselines, Scores>;
const newArms = (): Arms => ({
  own: new Scores(),
  persistence: new Scores(),
  seasonal24: new Scores(),
  seasonal168: new Scores(),
  holtWinters: new Scores(),
  hourOfDay: new Scores(),
});
interface ZoneResult {
  readonly trace: BenchTrace;
  readonly all: Arms;
  /** Days that nothing was set on. */
  readonly unseen: Scores;
  /** One per forecast. */
  readonly runMs: readonly number[];
}

function runZone(trace: BenchTrace): ZoneResult {
  const all = newArms();
  const unseen = new Scores();
  const runMs: number[] = [];
  const days = Math.floor(trace.points.length / 24);
  for (let day = trace.warmUpDays; day + longestForecastHours / 24 <= days; day += 1) {
    const now = day * 24;
    const past = judge(trace.points.slice(Math.max(0, now - seriesDays * 24), now), trace.signal);
    const known = past.flatMap(({ verdict, point }) => (verdict === 'good' && isKnown(point) ? [point] : []));
    const actual = trace.actual.subarray(now, now + longestForecastHours);

    const beganMs = performance.now();
    const own = ownForecast(known, trace.startMs + now * hourMs);
    runMs.push(performance.now() - beganMs);
    const values = own.map(({ intensityGPerKwh }) => intensityGPerKwh);
    for (const scores of day < trace.setUpDays ? [all.own] : [all.own, unseen]) {
      scores.add(values, actual);
      own.forEach(({ lowerGPerKwh, upperGPerKwh }, ahead) => {
        if (lowerGPerKwh !== null && upperGPerKwh !== null) {
          scores.addInterval(lowerGPerKwh, upperGPerKwh, actual[ahead] ?? Number.NaN);
        }
      });
    }
    const history = Float64Array.from(past, ({ verdict, point }) =>
      verdict === 'good' && isKnown(point) ? point.intensityGPerKwh : Number.NaN,
    );
    for (const name of Object.keys(baselines) as (keyof typeof baselines)[]) {
      all[name].add(baselines[name](history, longestForecastHours), actual);
    }
  }
  return { trace, all, unseen, runMs };
}

/** The 96 hours from `nowMs` on, also where the last known value lies further back. */
function ownForecast(known: readonly KnownCarbonPoint[], nowMs: number): NonNullable<ReturnType<typeof forecastHours>> {
  const sinceLast = (nowMs - (known.at(-1)?.validToMs ?? nowMs)) / hourMs;
  const forecast = forecastHours(known, longestForecastHours + sinceLast) ?? [];
  const ahead = forecast.filter((hour) => hour.hourMs >= nowMs);
  if (ahead.length !== longestForecastHours) throw new Error(`no forecast at ${new Date(nowMs).toISOString()}`);
  return ahead;
}

function figuresOf(results: readonly ZoneResult[]): Record<string, number> {
  const mean = (of: (result: ZoneResult) => number): number => rounded(average(results.map(of)));
  return {
    nmae24Pct: mean(({ all }) => all.own.nmae24Pct),
    nmae96Pct: mean(({ all }) => all.own.nmae96Pct),
    persistence24Pct: mean(({ all }) => all.persistence.nmae24Pct),
    seasonal24Pct: mean(({ all }) => all.seasonal24.nmae24Pct),
    seasonal168Pct: mean(({ all }) => all.seasonal168.nmae24Pct),
    holtWinters24Pct: mean(({ all }) => all.holtWinters.nmae24Pct),
    hourOfDay24Pct: mean(({ all }) => all.hourOfDay.nmae24Pct),
    persistence96Pct: mean(({ all }) => all.persistence.nmae96Pct),
    seasonal24At96Pct: mean(({ all }) => all.seasonal24.nmae96Pct),
    seasonal168At96Pct: mean(({ all }) => all.seasonal168.nmae96Pct),
    holtWinters96Pct: mean(({ all }) => all.holtWinters.nmae96Pct),
    hourOfDay96Pct: mean(({ all }) => all.hourOfDay.nmae96Pct),
    best8ShareKeptPct: mean(({ all }) => all.own.best8ShareKeptPct),
    hourOfDayBest8ShareKeptPct: mean(({ all }) => all.hourOfDay.best8ShareKeptPct),
    coveragePct: mean(({ all }) => all.own.coveragePct),
    intervalWidthPct: mean(({ all }) => all.own.widthPct),
    unseenNmae24Pct: mean(({ unseen }) => unseen.nmae24Pct),
    unseenNmae96Pct: mean(({ unseen }) => unseen.nmae96Pct),
    unseenBest8ShareKeptPct: mean(({ unseen }) => unseen.best8ShareKeptPct),
    unseenCoveragePct: mean(({ unseen }) => unseen.coveragePct),
  };
}

const columns = [
  'own24',
  'own96',
  'persist',
  'season24',
  'season168',
  'holtWint',
  'hourDay',
  'best8',
  'cover',
  'unseen',
];

function printZones(results: readonly ZoneResult[]): void {
  console.log(`${'%'.padEnd(38)}${columns.map((column) => column.padStart(10)).join('')}`);
  for (const { trace, all, unseen } of results) {
    const row = [
      all.own.nmae24Pct,
      all.own.nmae96Pct,
      all.persistence.nmae24Pct,
      all.seasonal24.nmae24Pct,
      all.seasonal168.nmae24Pct,
      all.holtWinters.nmae24Pct,
      all.hourOfDay.nmae24Pct,
      all.own.best8ShareKeptPct,
      all.own.coveragePct,
      unseen.coveragePct,
    ];
    console.log(trace.name.padEnd(38) + row.map((value) => value.toFixed(2).padStart(10)).join(''));
  }
}

async function main(): Promise<void> {
  const { traces, skipped } = await benchTraces();
  for (const reason of skipped) console.log(`skipped ${reason}`);
  if (traces.length === 0) {
    printReport({ bench: 'forecast', figures: {}, setup: { skipped } });
    return;
  }
  const results = traces.map((trace) => {
    process.stderr.write(`${trace.name}\n`);
    return runZone(trace);
  });
  printZones(results);
  const bases = [...new Set(traces.map(({ basis }) => basis))];
  printReport({
    bench: 'forecast',
    figures: {
      ...figuresOf(results),
      forecastP50Ms: rounded(
        quantile(
          results.flatMap(({ runMs }) => runMs),
          0.5,
        ) ?? Number.NaN,
      ),
      byBasis: Object.fromEntries(
        bases.map((basis) => [basis, figuresOf(results.filter(({ trace }) => trace.basis === basis))]),
      ),
    },
    setup: {
      zones: results.map(({ trace, runMs }) => ({ zone: trace.name, basis: trace.basis, forecasts: runMs.length })),
      skipped,
      method:
        'issued daily at 00:00 UTC from the 28 days before; errors over mean intensity per zone; means over zones; ' +
        'best 8 hours per UTC day as ratio of sums; 90 % intervals over all 96 hours',
      setUpOn:
        'January to June: memories, weights and Holt-Winters on MISO, ERCO, DE, US-CAL-CISO and SE, the share of errors an ' +
        'interval holds on all ten; unseen: July to December, and the marginal month',
      holtWintersSmoothing,
      goals: { best8ShareKeptPct: '>= 80', coveragePct: '88-92', nmae: 'below every baseline, at 24 h and at 96 h' },
    },
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
