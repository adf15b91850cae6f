import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { forecastHours } from '../../src/carbon/forecast/own-forecast';
import { believedPoints, judge } from '../../src/carbon/plausibility';
import { dayMs, hourMs, type CarbonPoint, type KnownCarbonPoint } from '../../src/carbon/provider';
import { readTraceFile } from '../../src/carbon/trace-file';
import type { CarbonReading, CarbonSignal } from '../../src/signals/carbon';
import { quantile } from '../../src/signals/statistics';
import { benchTraces, traceFolder } from '../forecast/traces';

/** One hour of a grid: what it was, and what a flow was told at its beginning. */
export interface GridHour {
  readonly intensityGPerKwh: number;
  readonly reading: CarbonReading;
}

/** Consecutive days of a zone, beginning at midnight UTC. */
export interface ZoneWeek {
  readonly zone: string;
  readonly basis: string;
  readonly label: string;
  readonly hours: readonly GridHour[];
}

interface Hourly {
  readonly name: string;
  readonly basis: string;
  readonly signal: CarbonSignal;
  readonly startMs: number;
  readonly points: readonly CarbonPoint[];
  readonly actual: Float64Array;
}

const weekDays = 7;
const seriesDays = 28;
const longestOutlookHours = 48;
/** First days of the weeks, of the year: those that constants were tried on, and those that figures are told of. */
export const weekStarts = { tuning: [40, 90, 140], test: [190, 252, 314] } as const;

/** Of a zone of which only a month is known. */
const shortStarts = { tuning: [7], test: [14, 21] } as const;

export interface ZoneWeeks {
  readonly weeks: readonly ZoneWeek[];
  readonly skipped: readonly string[];
}

/** The weeks of every zone. With the tuning weeks come first days of grids of which nothing is known but a day. */
export async function zoneWeeks(
  which: keyof typeof weekStarts,
  mostWeeks: number,
  days: number = weekDays,
): Promise<ZoneWeeks> {
  const { traces, skipped } = await benchTraces();
  const weeks: ZoneWeek[] = [];
  for (const trace of traces) {
    const starts = trace.setUpDays > 0 ? weekStarts[which] : shortStarts[which];
    for (const day of starts.slice(0, mostWeeks)) {
      weeks.push(weekOf(trace, day, days));
      if (which === 'tuning') weeks.push(coldStart(trace, day));
    }
  }
  if (which === 'test') weeks.push(...(await cloverDays()));
  return { weeks, skipped: skipped.filter((reason) => !reason.startsWith('clover')) };
}

/** A day of a grid of which only the day before is known, as of the traces of 49 hours. */
function coldStart(trace: Hourly, day: number): ZoneWeek {
  const fromMs = trace.startMs + (day - 1) * dayMs;
  const points = trace.points.filter(({ validFromMs }) => validFromMs >= fromMs);
  const actual = trace.actual.slice((day - 1) * 24);
  return weekOf({ ...trace, name: `${trace.name}, cold`, startMs: fromMs, points, actual }, 1, 1);
}

/** The traces of 49 hours: the first day is the past, the second the test. */
async function cloverDays(): Promise<ZoneWeek[]> {
  const days: ZoneWeek[] = [];
  for (const zone of ['ciso-march', 'ciso-september', 'eso-march']) {
    const path = join(traceFolder, 'clover', `${zone}.csv`);
    if (!existsSync(path)) continue;
    const { rows } = await readTraceFile(path, { column: null, rowStepS: 3600 });
    const points = rows.map(({ validFromMs, validToMs, intensityGPerKwh }): CarbonPoint => ({
      validFromMs,
      validToMs,
      intensityGPerKwh,
      quality: 'measured',
    }));
    const actual = Float64Array.from(points, ({ intensityGPerKwh }) => intensityGPerKwh ?? Number.NaN);
    const startMs = points[0]?.validFromMs ?? 0;
    days.push(weekOf({ name: `clover/${zone}`, basis: 'average', signal: 'average', startMs, points, actual }, 1, 1));
  }
  return days;
}

export function weekOf(trace: Hourly, day: number, days: number): ZoneWeek {
  const hours: GridHour[] = [];
  let last = Number.NaN;
  for (let hour = day * 24; hour < (day + days) * 24; hour += 1) {
    const actual = trace.actual[hour] ?? Number.NaN;
    // Where the source has no plausible value the last one stands, for the policies and for the account alike.
    if (!Number.isNaN(actual)) last = actual;
    if (Number.isNaN(last)) continue;
    hours.push({ intensityGPerKwh: last, reading: readingAt(trace, hour, last) });
  }
  return { zone: trace.name, basis: trace.basis, label: `${trace.name} day ${day + 1}`, hours };
}

/** What the carbon-intensity node would say at the beginning of an hour: this hour's value and the own forecast from the past. */
function readingAt(trace: Hourly, hour: number, intensityGPerKwh: number): CarbonReading {
  const past = believedPoints(judge(trace.points.slice(Math.max(0, hour - seriesDays * 24), hour + 1), trace.signal));
  const fromMs = trace.startMs + hour * hourMs;
  const week = past.slice(-weekDays * 24).map((point) => point.intensityGPerKwh);
  const [low, high] = [quantile(week, 0.05), quantile(week, 0.95)];
  return {
    intensityGPerKwh,
    signal: trace.signal,
    basis: 'unknown',
    zone: trace.name,
    validFrom: new Date(fromMs).toISOString(),
    validTo: new Date(fromMs + hourMs).toISOString(),
    fetchedAt: new Date(fromMs).toISOString(),
    provider: 'trace',
    quality: 'measured',
    suspect: false,
    forecast: forecastFrom(past, fromMs),
    forecastBy: 'own',
    range24h: null,
    trailingBounds: low === null || high === null || high <= low ? null : { lowGPerKwh: low, highGPerKwh: high },
    attribution: 'recorded trace',
    why: [],
  };
}

function forecastFrom(past: readonly KnownCarbonPoint[], fromMs: number): CarbonReading['forecast'] {
  const last = past.at(-1)?.validToMs ?? fromMs;
  const sinceLast = Math.max(0, Math.round((fromMs - last) / hourMs));
  const forecast = forecastHours(past, longestOutlookHours + sinceLast) ?? [];
  return forecast
    .filter(({ hourMs: startMs }) => startMs >= fromMs)
    .map(({ hourMs: startMs, intensityGPerKwh, lowerGPerKwh, upperGPerKwh }) => ({
      validFrom: new Date(startMs).toISOString(),
      validTo: new Date(startMs + hourMs).toISOString(),
      intensityGPerKwh,
      ...(lowerGPerKwh === null ? {} : { lowerGPerKwh }),
      ...(upperGPerKwh === null ? {} : { upperGPerKwh }),
    }));
}

export const hoursPerDay = dayMs / hourMs;
