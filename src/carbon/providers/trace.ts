import { isAbsolute, resolve } from 'node:path';
import { localPollIntervalMs, startGridClock, type GridClock } from '../grid-clock';
import type { GridConfigOf } from '../grid-config';
import { dayMs, hourMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';
import { readTraceFile, type Trace } from '../trace-file';

/** What the forecast and the bounds look back on; a trace with a very fine step gives less. */
const daysKnown = 28;
const mostPoints = 4032;

interface Playing {
  readonly trace: Trace;
  readonly clock: GridClock;
}

/**
 * A CSV file played by its own clock: `validFrom` and `validTo` are times of the trace. A looped trace is periodic: after its
 * last row it goes on with the first (times go on, too), and what came before its first row is its end.
 * The file is read at the first `read` and again after a failure, so that a file that comes later is found.
 */
export function createTraceProvider(
  config: GridConfigOf<'trace'>,
  { now, stateDirectory }: { readonly now: () => number; readonly stateDirectory: string },
): CarbonProvider {
  const path = isAbsolute(config.path) ? config.path : resolve(stateDirectory, config.path);
  const attribution = `trace ${config.path}`;
  let playing: Playing | null = null;
  let loading: Promise<Playing> | null = null;

  async function load(): Promise<Playing> {
    const trace = await readTraceFile(path, config);
    const first = trace.rows[0]?.validFromMs ?? 0;
    const loaded = { trace, clock: startGridClock(config, first + config.startOffsetH * hourMs, now) };
    playing = loaded;
    return loaded;
  }

  async function read(): Promise<ProviderAnswer> {
    const { trace, clock } = playing ?? (await (loading ??= load().finally(() => (loading = null))));
    return {
      zone: config.zone,
      signal: config.signal,
      basis: config.basis,
      points: trailingPoints(trace, clock.gridTimeMs(), config.loop),
      forecast: [],
      attribution,
    };
  }

  const speed = config.mode === 'real-time' ? 1 : dayMs / (config.dayLengthS * 1000);
  return {
    name: 'trace',
    zone: config.zone,
    signal: config.signal,
    basis: config.basis,
    get stepS() {
      return playing === null ? config.rowStepS : playing.trace.stepMs / 1000;
    },
    get pollIntervalMs() {
      return localPollIntervalMs(this.stepS, speed);
    },
    remote: false,
    attribution,
    get notes() {
      return playing?.trace.notes ?? [];
    },
    gridTimeMs: () => playing?.clock.gridTimeMs() ?? now(),
    read,
  };
}

/** The points of the last 28 days up to the one that holds `timeMs`; where none does, one that says why. */
function trailingPoints(trace: Trace, timeMs: number, loop: boolean): CarbonPoint[] {
  const { rows } = trace;
  const firstMs = rows[0]?.validFromMs ?? 0;
  const spanMs = (rows.at(-1)?.validToMs ?? firstMs) - firstMs;
  const pass = loop ? Math.floor((timeMs - firstMs) / spanMs) : 0;
  const points: CarbonPoint[] = [];
  const row = (index: number): CarbonPoint | null => {
    const turn = Math.floor(index / rows.length);
    const found = rows[index - turn * rows.length];
    if (found === undefined || (!loop && turn !== 0)) return null;
    return {
      validFromMs: found.validFromMs + turn * spanMs,
      validToMs: found.validToMs + turn * spanMs,
      intensityGPerKwh: found.intensityGPerKwh,
      quality: 'measured',
      ...(found.reason === null ? {} : { reason: `the trace has no value: ${found.reason}` }),
    };
  };
  let index = pass * rows.length + lastRowAtOrBefore(trace, timeMs - pass * spanMs);
  const current = row(index);
  if (current === null || current.validToMs <= timeMs) points.push(hole(trace, timeMs, loop));
  const sinceMs = timeMs - daysKnown * dayMs;
  for (let point = current; point !== null && point.validToMs > sinceMs; point = row((index -= 1))) {
    if (points.push(point) >= mostPoints) break;
  }
  return points.reverse();
}

function hole(trace: Trace, timeMs: number, loop: boolean): CarbonPoint {
  const validFromMs = Math.floor(timeMs / trace.stepMs) * trace.stepMs;
  const endMs = trace.rows.at(-1)?.validToMs ?? 0;
  const reason =
    !loop && timeMs >= endMs
      ? `the trace ended at ${new Date(endMs).toISOString()}`
      : `the trace has no row for ${new Date(timeMs).toISOString()}`;
  return { validFromMs, validToMs: validFromMs + trace.stepMs, intensityGPerKwh: null, quality: 'measured', reason };
}

function lastRowAtOrBefore({ rows }: Trace, timeMs: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((rows[middle]?.validFromMs ?? Infinity) <= timeMs) low = middle;
    else high = middle - 1;
  }
  return low;
}
