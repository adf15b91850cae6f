import { createReadStream } from 'node:fs';
import { EcomapError } from '../signals/errors';
import { impossibility } from './plausibility';

/** So much is read and parsed at a time: a few thousand rows, a few milliseconds. */
const blockBytes = 65_536;
const longestLineBytes = 65_536;
/** Where rows carry no time, the trace begins here. */
const timelessStartMs = Date.UTC(2000, 0, 1);

/** One row of the file as it stands there. */
export interface Cell {
  readonly line: number;
  readonly timeMs: number;
  readonly value: number | null;
  readonly reason: string | null;
}

export type Fail = (reason: string) => EcomapError;
export const failOf =
  (path: string): Fail =>
  (reason) =>
    new EcomapError('PROVIDER_UNREACHABLE', `The trace ${path} ${reason}`);

/** Whole lines, and where in the file they lie. */
export interface Lines {
  readonly offset: number;
  readonly bytes: number;
  readonly lines: readonly string[];
}

/** The whole lines of a file, block by block, with where each block lies. */
export async function* linesOf(path: string, fail: Fail): AsyncGenerator<Lines> {
  let offset = 0;
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: blockBytes })) {
    const data = Buffer.concat([rest, chunk as Buffer]);
    const end = data.lastIndexOf(10) + 1;
    if (end > 0) {
      yield { offset, bytes: end, lines: splitLines(data.subarray(0, end)) };
      offset += end;
    }
    rest = Buffer.from(data.subarray(end));
    if (rest.length > longestLineBytes)
      throw fail(`has a line of more than ${longestLineBytes} bytes: it is no CSV file`);
  }
  if (rest.length > 0) yield { offset, bytes: rest.length, lines: splitLines(rest) };
}

export function splitLines(data: Buffer): string[] {
  const lines = data.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

/** What the header tells. */
export interface Layout {
  readonly delimiter: string;
  readonly timeColumn: number | null;
  readonly valueColumn: number;
  readonly valueHeader: string;
}

export function layoutOf(header: string, wanted: string | null, fail: Fail): Layout {
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

export function cellOf(text: string, line: number, layout: Layout, index: number, rowStepMs: number, fail: Fail): Cell {
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
