import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { EcomapError, isEcomapError, messageOf } from '../signals/errors';
import { impossibility } from './plausibility';

/** More rows than this are refused: five-minute values of nineteen years. */
const mostRows = 2_000_000;
/** Where rows carry no time, the trace begins here. */
const timelessStartMs = Date.UTC(2000, 0, 1);

export interface TraceRow {
  readonly validFromMs: number;
  readonly validToMs: number;
  readonly intensityGPerKwh: number | null;
  /** Why there is no value: the line and what is wrong with it. */
  readonly reason: string | null;
}

export interface Trace {
  readonly rows: readonly TraceRow[];
  readonly stepMs: number;
  /** In words: how many lines hold no value, and the first that is not simply blank. */
  readonly notes: readonly string[];
}

interface Cell {
  readonly line: number;
  readonly timeMs: number;
  readonly value: number | null;
  readonly reason: string | null;
}

/**
 * Reads a CSV file with one header row, line by line. Times are UTC unless they say otherwise and mark the start of an interval.
 * A blank cell, text or an impossible number is a missing value that knows its line; a row whose time is wrong, or that does not
 * come after the one before, makes the file unusable.
 *
 * @throws EcomapError PROVIDER_UNREACHABLE naming the file, and the line where there is one
 */
export async function readTraceFile(
  path: string,
  options: { readonly column: string | null; readonly rowStepS: number },
): Promise<Trace> {
  const fail = (reason: string): EcomapError => new EcomapError('PROVIDER_UNREACHABLE', `The trace ${path} ${reason}`);
  const cells: Cell[] = [];
  let layout: Layout | null = null;
  let line = 0;
  try {
    // Leaving the loop early closes the interface, and that destroys the stream.
    const stream = createReadStream(path, { encoding: 'utf8' });
    for await (const raw of createInterface({ input: stream, crlfDelay: Infinity })) {
      line += 1;
      const text = line === 1 ? raw.replace(/^\uFEFF/, '') : raw;
      if (layout === null) {
        if (text.trim() !== '') layout = layoutOf(text, options.column, fail);
        continue;
      }
      if (text.trim() === '' && layout.timeColumn !== null) continue;
      const before = cells.at(-1);
      const cell = cellOf(text, line, layout, cells.length, options.rowStepS * 1000, fail);
      if (before !== undefined && cell.timeMs <= before.timeMs) {
        throw fail(`goes back in time in line ${line} (after line ${before.line}): sort it by time, each time once`);
      }
      if (cells.length >= mostRows) throw fail(`has more than ${mostRows} rows: cut it`);
      cells.push(cell);
    }
  } catch (error) {
    if (isEcomapError(error)) throw error;
    throw fail(`cannot be read (${messageOf(error)}): check the path, which may be relative to the user directory`);
  }
  if (layout === null) throw fail('is empty: it needs a header row and at least one row with a value');
  if (cells.every((cell) => cell.value === null)) {
    const first = cells.find((cell) => cell.reason !== null)?.reason;
    throw fail(`has no row with a value in the column "${layout.valueHeader}"${first ? ` (${first})` : ''}`);
  }
  const stepMs = commonStepMs(cells) ?? options.rowStepS * 1000;
  return {
    rows: cells.map((cell, index) => rowOf(cell, cells[index + 1], stepMs)),
    stepMs,
    notes: notesOf(path, cells),
  };
}

interface Layout {
  readonly delimiter: string;
  readonly timeColumn: number | null;
  readonly valueColumn: number;
  readonly valueHeader: string;
}

function layoutOf(header: string, wanted: string | null, fail: (reason: string) => EcomapError): Layout {
  const delimiter = [',', ';', '\t'].find((candidate) => header.includes(candidate)) ?? ',';
  const headers = header.split(delimiter).map(unquote);
  const timeColumn = headers.findIndex((name) => /^(date|time|utc)/i.test(name));
  const valueColumn = wanted === null ? headers.findIndex((_, index) => index !== timeColumn) : headers.indexOf(wanted);
  const valueHeader = headers[valueColumn];
  if (valueHeader === undefined || valueColumn === timeColumn) {
    throw fail(`has no column ${wanted === null ? 'of values' : `"${wanted}"`}; its columns are ${headers.join(', ')}`);
  }
  return { delimiter, timeColumn: timeColumn < 0 ? null : timeColumn, valueColumn, valueHeader };
}

function cellOf(
  text: string,
  line: number,
  layout: Layout,
  index: number,
  rowStepMs: number,
  fail: (reason: string) => EcomapError,
): Cell {
  const columns = text.split(layout.delimiter).map(unquote);
  let timeMs = timelessStartMs + index * rowStepMs;
  if (layout.timeColumn !== null) {
    const time = columns[layout.timeColumn] ?? '';
    const parsed = parseTime(time);
    if (parsed === null) throw fail(`has no time in line ${line}: ${JSON.stringify(time.slice(0, 40))}`);
    timeMs = parsed;
  }
  return { line, timeMs, ...valueOf(columns[layout.valueColumn] ?? '', line) };
}

function valueOf(text: string, line: number): { value: number | null; reason: string | null } {
  if (text === '') return { value: null, reason: `line ${line} is blank` };
  // Number() would also take "0x10" and "Infinity".
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    return { value: null, reason: `line ${line} holds ${JSON.stringify(text.slice(0, 40))}, which is no number` };
  }
  const impossible = impossibility(Number(text));
  if (impossible !== null) return { value: null, reason: `line ${line}: ${impossible}` };
  return { value: Number(text), reason: null };
}

function parseTime(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/.exec(text);
  if (match === null) return null;
  const [, date, time = '00:00', zone = 'Z'] = match;
  const milliseconds = Date.parse(`${date}T${time}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`);
  return Number.isNaN(milliseconds) ? null : milliseconds;
}

const unquote = (text: string): string =>
  text
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim();

/** The most frequent distance between rows: gaps are rarer than steps. */
function commonStepMs(cells: readonly Cell[]): number | null {
  const counts = new Map<number, number>();
  let best: number | null = null;
  cells.forEach((cell, index) => {
    const before = cells[index - 1];
    if (before === undefined) return;
    const step = cell.timeMs - before.timeMs;
    const count = (counts.get(step) ?? 0) + 1;
    counts.set(step, count);
    if (best === null || count > (counts.get(best) ?? 0)) best = step;
  });
  return best;
}

function rowOf(cell: Cell, next: Cell | undefined, stepMs: number): TraceRow {
  // A missing row leaves a hole: its time is not covered by the row before.
  const ends = Math.min(next?.timeMs ?? Infinity, cell.timeMs + stepMs);
  return { validFromMs: cell.timeMs, validToMs: ends, intensityGPerKwh: cell.value, reason: cell.reason };
}

function notesOf(path: string, cells: readonly Cell[]): string[] {
  const missing = cells.filter((cell) => cell.reason !== null);
  if (missing.length === 0) return [];
  const blank = missing.filter((cell) => cell.reason?.endsWith('is blank'));
  const wrong = missing.find((cell) => !cell.reason?.endsWith('is blank'));
  const counts = [
    ...(blank.length > 0 ? [`${blank.length} blank (first: line ${blank[0]?.line})`] : []),
    ...(wrong === undefined ? [] : [`${missing.length - blank.length} unusable (first: ${wrong.reason})`]),
  ];
  return [`The trace ${path} has rows without a value, which count as missing: ${counts.join(', ')}`];
}
