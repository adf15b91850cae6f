import { isAbsolute, resolve } from 'node:path';
import { localPollIntervalMs, startGridClock, type GridClock } from '../grid-clock';
import type { GridConfigOf } from '../grid-config';
import { dayMs, hourMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';
import { openTraceFile, type TraceFile } from '../trace-file';

/** What the forecast and the bounds look back on; a trace with a very fine step gives less. */
const daysKnown = 28;
const mostPoints = 4032;

interface Playing {
  readonly trace: TraceFile;
  readonly clock: GridClock;
}

/**
 * A CSV file played by its own clock: `validFrom` and `validTo` are times of the trace. A looped trace is periodic: after its
 * last row it goes on with the first (times go on, too), and what came before its first row is its end.
 * The file is gone through at the first `read` and again after a failure, so that a file that comes later or is changed is found;
 * its rows stay on disk, however many they are.
 */
export function createTraceProvider(
  config: GridConfigOf<'trace'>,
  { now, stateDirectory }: { readonly now: () => number; readonly stateDirectory: string },
): CarbonProvider {
  const path = isAbsolute(config.path) ? config.path : resolve(stateDirectory, config.path);
  const attribution = `trace ${config.path}`;
  let playing: Playing | null = null;
  let started: GridClock | null = null;
  let loading: Promise<Playing> | null = null;

  async function load(): Promise<Playing> {
    const trace = await openTraceFile(path, config);
    // A file that was changed goes on where it was.
    const clock = started ?? startGridClock(config, trace.firstMs + config.startOffsetH * hourMs, now);
    started = clock;
    const loaded = { trace, clock };
    playing = loaded;
    return loaded;
  }

  async function read(): Promise<ProviderAnswer> {
    const { trace, clock } = playing ?? (await (loading ??= load().finally(() => (loading = null))));
    const points = await trailingPoints(trace, clock.gridTimeMs(), config.loop).catch((error: unknown) => {
      playing = null;
      throw error;
    });
    return {
      zone: config.zone,
      signal: config.signal,
      basis: config.basis,
      points,
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
    speed,
    gridTimeMs: () => playing?.clock.gridTimeMs() ?? now(),
    read,
  };
}

/** The points of the last 28 days up to the one that holds `timeMs`; where none does, one that says why. */
async function trailingPoints(trace: TraceFile, timeMs: number, loop: boolean): Promise<CarbonPoint[]> {
  const { rowCount } = trace;
  const spanMs = trace.endMs - trace.firstMs;
  const pass = loop ? Math.floor((timeMs - trace.firstMs) / spanMs) : 0;
  const points: CarbonPoint[] = [];
  const row = async (index: number): Promise<CarbonPoint | null> => {
    const turn = Math.floor(index / rowCount);
    if (!loop && turn !== 0) return null;
    const found = await trace.row(index - turn * rowCount);
    if (found === null) return null;
    return {
      validFromMs: found.validFromMs + turn * spanMs,
      validToMs: found.validToMs + turn * spanMs,
      intensityGPerKwh: found.intensityGPerKwh,
      quality: 'measured',
      ...(found.reason === null ? {} : { reason: `the trace has no value: ${found.reason}` }),
    };
  };
  let index = pass * rowCount + (await trace.indexAt(timeMs - pass * spanMs));
  const current = await row(index);
  if (current === null || current.validToMs <= timeMs) points.push(hole(trace, timeMs, loop));
  const sinceMs = timeMs - daysKnown * dayMs;
  for (let point = current; point !== null && point.validToMs > sinceMs; point = await row((index -= 1))) {
    if (points.push(point) >= mostPoints) break;
  }
  return points.reverse();
}

function hole(trace: TraceFile, timeMs: number, loop: boolean): CarbonPoint {
  const validFromMs = Math.floor(timeMs / trace.stepMs) * trace.stepMs;
  const reason =
    !loop && timeMs >= trace.endMs
      ? `the trace ended at ${new Date(trace.endMs).toISOString()}`
      : `the trace has no row for ${new Date(timeMs).toISOString()}`;
  return { validFromMs, validToMs: validFromMs + trace.stepMs, intensityGPerKwh: null, quality: 'measured', reason };
}
