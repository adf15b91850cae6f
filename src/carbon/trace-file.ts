import { open, stat, type FileHandle } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { EcomapError, isEcomapError, messageOf } from '../signals/errors';
import { impossibility } from './plausibility';

/** `readTraceFile` refuses more rows than this, because it keeps them all; `openTraceFile` takes any number. */
const mostRowsAtOnce = 2_000_000;
/** So much is read and parsed at a time: a few thousand rows, a few milliseconds. */
const blockBytes = 65_536;
/** Rows of these many blocks are kept: more than the 28 days that are looked back on. */
const keptBlocks = 8;
const longestLineBytes = 65_536;
/** Distances between rows that are counted to find the usual one. */
const mostDistances = 1000;
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

/** A trace whose rows stay in its file: what is in memory grows by a few numbers per 64 KiB of it. */
export interface TraceFile {
  readonly rowCount: number;
  readonly stepMs: number;
  readonly notes: readonly string[];
  /** Where the first row begins and the last one ends. */
  readonly firstMs: number;
  readonly endMs: number;
  /** @throws EcomapError PROVIDER_UNREACHABLE when the file cannot be read any more or was changed meanwhile */
  row(index: number): Promise<TraceRow | null>;
  /** Index of the last row that begins at or before the time; 0 where none does. */
  indexAt(timeMs: number): Promise<number>;
}

export interface TraceOptions {
  readonly column: string | null;
  readonly rowStepS: number;
}

interface Cell {
  readonly line: number;
  readonly timeMs: number;
  readonly value: number | null;
  readonly reason: string | null;
}

/** A stretch of whole lines of the file. */
interface Block {
  readonly offset: number;
  readonly bytes: number;
  readonly firstLine: number;
  readonly firstRow: number;
  readonly firstMs: number;
}

type Fail = (reason: string) => EcomapError;
const failOf =
  (path: string): Fail =>
  (reason) =>
    new EcomapError('PROVIDER_UNREACHABLE', `The trace ${path} ${reason}`);

/**
 * Reads a CSV file with one header row, once from beginning to end. Times are UTC unless they say otherwise and mark the start of
 * an interval. A blank cell, text or an impossible number is a missing value that knows its line; a row whose time is wrong, or
 * that does not come after the one before, makes the file unusable.
 *
 * @throws EcomapError PROVIDER_UNREACHABLE naming the file, and the line where there is one
 */
export async function openTraceFile(path: string, options: TraceOptions): Promise<TraceFile> {
  const fail = failOf(path);
  const index = new TraceIndex(path, options, fail);
  try {
    const { mtimeMs } = await stat(path);
    for await (const part of linesOf(path, fail)) index.add(part);
    return new IndexedTrace(path, index.finished(), mtimeMs, options);
  } catch (error) {
    if (isEcomapError(error)) throw error;
    throw fail(`cannot be read (${messageOf(error)}): check the path, which may be relative to the user directory`);
  }
}

/**
 * The same with all rows at once.
 * @throws EcomapError PROVIDER_UNREACHABLE as `openTraceFile`, and where there are more than two million rows
 */
export async function readTraceFile(path: string, options: TraceOptions): Promise<Trace> {
  const file = await openTraceFile(path, options);
  if (file.rowCount > mostRowsAtOnce) throw failOf(path)(`has more than ${mostRowsAtOnce} rows: cut it`);
  const rows: TraceRow[] = [];
  for (let index = 0; index < file.rowCount; index += 1) {
    const row = await file.row(index);
    if (row !== null) rows.push(row);
  }
  return { rows, stepMs: file.stepMs, notes: file.notes };
}

interface Lines {
  readonly offset: number;
  readonly bytes: number;
  readonly lines: readonly string[];
}

/** The whole lines of a file, block by block, with where each block lies. */
async function* linesOf(path: string, fail: Fail): AsyncGenerator<Lines> {
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

function splitLines(data: Buffer): string[] {
  const lines = data.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

/** What one pass over the file tells: where its rows lie, the usual distance between them, and what is wrong with them. */
interface IndexFacts {
  readonly blocks: readonly Block[];
  readonly layout: Layout;
  readonly rowCount: number;
  readonly stepMs: number;
  readonly lastMs: number;
  readonly notes: readonly string[];
}

class TraceIndex {
  readonly #blocks: Block[] = [];
  readonly #distances = new Map<number, number>();
  #layout: Layout | null = null;
  #line = 0;
  #rows = 0;
  #values = 0;
  #blanks = 0;
  #firstBlankLine = 0;
  #unusable = 0;
  #firstUnusable: string | null = null;
  #firstMissing: string | null = null;
  #last: Cell | null = null;

  constructor(
    private readonly path: string,
    private readonly options: TraceOptions,
    private readonly fail: Fail,
  ) {}

  add({ offset, bytes, lines }: Lines): void {
    const firstLine = this.#line + 1;
    const firstRow = this.#rows;
    let firstMs: number | null = null;
    for (const text of lines) {
      const cell = this.#next(text);
      if (cell !== null) firstMs ??= cell.timeMs;
    }
    if (firstMs !== null) this.#blocks.push({ offset, bytes, firstLine, firstRow, firstMs });
  }

  #next(raw: string): Cell | null {
    this.#line += 1;
    const text = this.#line === 1 ? raw.replace(/^\uFEFF/, '') : raw;
    if (this.#layout === null) {
      if (text.trim() !== '') this.#layout = layoutOf(text, this.options.column, this.fail);
      return null;
    }
    if (text.trim() === '' && this.#layout.timeColumn !== null) return null;
    const cell = cellOf(text, this.#line, this.#layout, this.#rows, this.options.rowStepS * 1000, this.fail);
    const before = this.#last;
    if (before !== null && cell.timeMs <= before.timeMs) {
      throw this.fail(
        `goes back in time in line ${cell.line} (after line ${before.line}): sort it by time, each time once`,
      );
    }
    if (before !== null) this.#countDistance(cell.timeMs - before.timeMs);
    this.#count(cell);
    this.#rows += 1;
    this.#last = cell;
    return cell;
  }

  #countDistance(distanceMs: number): void {
    const count = this.#distances.get(distanceMs);
    if (count === undefined && this.#distances.size >= mostDistances) return;
    this.#distances.set(distanceMs, (count ?? 0) + 1);
  }

  #count({ value, reason, line }: Cell): void {
    if (value !== null) this.#values += 1;
    if (reason === null) return;
    this.#firstMissing ??= reason;
    if (reason.endsWith('is blank')) {
      this.#blanks += 1;
      if (this.#blanks === 1) this.#firstBlankLine = line;
    } else {
      this.#unusable += 1;
      this.#firstUnusable ??= reason;
    }
  }

  finished(): IndexFacts {
    const layout = this.#layout;
    if (layout === null) throw this.fail('is empty: it needs a header row and at least one row with a value');
    if (this.#values === 0 || this.#last === null) {
      const first = this.#firstMissing;
      throw this.fail(`has no row with a value in the column "${layout.valueHeader}"${first ? ` (${first})` : ''}`);
    }
    return {
      blocks: this.#blocks,
      layout,
      rowCount: this.#rows,
      stepMs: this.#commonDistanceMs() ?? this.options.rowStepS * 1000,
      lastMs: this.#last.timeMs,
      notes: this.#notes(),
    };
  }

  /** The most frequent distance between rows: gaps are rarer than steps. */
  #commonDistanceMs(): number | null {
    let best: number | null = null;
    for (const [distanceMs, count] of this.#distances) {
      if (best === null || count > (this.#distances.get(best) ?? 0)) best = distanceMs;
    }
    return best;
  }

  #notes(): string[] {
    const counts = [
      ...(this.#blanks > 0 ? [`${this.#blanks} blank (first: line ${this.#firstBlankLine})`] : []),
      ...(this.#firstUnusable === null ? [] : [`${this.#unusable} unusable (first: ${this.#firstUnusable})`]),
    ];
    if (counts.length === 0) return [];
    return [`The trace ${this.path} has rows without a value, which count as missing: ${counts.join(', ')}`];
  }
}

class IndexedTrace implements TraceFile {
  readonly rowCount: number;
  readonly stepMs: number;
  readonly notes: readonly string[];
  readonly firstMs: number;
  readonly endMs: number;
  /** Rows of the blocks used last; the oldest first. */
  readonly #kept = new Map<number, readonly Cell[]>();

  constructor(
    private readonly path: string,
    private readonly facts: IndexFacts,
    private readonly modifiedMs: number,
    private readonly options: TraceOptions,
  ) {
    this.rowCount = facts.rowCount;
    this.stepMs = facts.stepMs;
    this.notes = facts.notes;
    this.firstMs = facts.blocks[0]?.firstMs ?? 0;
    this.endMs = facts.lastMs + facts.stepMs;
  }

  async row(index: number): Promise<TraceRow | null> {
    if (index < 0 || index >= this.rowCount) return null;
    const at = this.#blockOf((block) => block.firstRow <= index);
    const block = this.facts.blocks[at];
    const cells = await this.#cells(at);
    const position = index - (block?.firstRow ?? 0);
    const cell = cells[position];
    if (cell === undefined) return null;
    const nextMs = cells[position + 1]?.timeMs ?? this.facts.blocks[at + 1]?.firstMs ?? Infinity;
    // A missing row leaves a hole: its time is not covered by the row before.
    const validToMs = Math.min(nextMs, cell.timeMs + this.stepMs);
    return { validFromMs: cell.timeMs, validToMs, intensityGPerKwh: cell.value, reason: cell.reason };
  }

  async indexAt(timeMs: number): Promise<number> {
    const at = this.#blockOf((block) => block.firstMs <= timeMs);
    const cells = await this.#cells(at);
    const after = cells.findIndex((cell) => cell.timeMs > timeMs);
    const position = after < 0 ? cells.length - 1 : Math.max(0, after - 1);
    return (this.facts.blocks[at]?.firstRow ?? 0) + position;
  }

  /** The last block for which it holds, given that it holds for all before; 0 where it holds for none. */
  #blockOf(holds: (block: Block) => boolean): number {
    let low = 0;
    let high = this.facts.blocks.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const block = this.facts.blocks[middle];
      if (block !== undefined && holds(block)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async #cells(at: number): Promise<readonly Cell[]> {
    const known = this.#kept.get(at);
    if (known !== undefined) {
      this.#kept.delete(at);
      this.#kept.set(at, known);
      return known;
    }
    const block = this.facts.blocks[at];
    if (block === undefined) return [];
    const cells = await this.#read(block);
    this.#kept.set(at, cells);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptBlocks && oldest !== undefined) this.#kept.delete(oldest);
    return cells;
  }

  async #read(block: Block): Promise<readonly Cell[]> {
    const fail = failOf(this.path);
    let file: FileHandle | undefined;
    try {
      file = await open(this.path, 'r');
      const { mtimeMs } = await file.stat();
      if (mtimeMs !== this.modifiedMs) throw fail('was changed while it was played: it is read anew');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(block.bytes), 0, block.bytes, block.offset);
      return this.#parse(splitLines(buffer.subarray(0, bytesRead)), block, fail);
    } catch (error) {
      if (isEcomapError(error)) throw error;
      throw fail(`cannot be read any more (${messageOf(error)})`);
    } finally {
      await file?.close();
    }
  }

  #parse(lines: readonly string[], block: Block, fail: Fail): Cell[] {
    const { layout } = this.facts;
    const cells: Cell[] = [];
    // The header lies in the first block, and perhaps blank lines before it.
    let isHeaderRead = block.offset > 0;
    lines.forEach((text, index) => {
      const isBlank = text.replace(/^\uFEFF/, '').trim() === '';
      if (!isHeaderRead) {
        isHeaderRead = !isBlank;
        return;
      }
      if (isBlank && layout.timeColumn !== null) return;
      const row = block.firstRow + cells.length;
      cells.push(cellOf(text, block.firstLine + index, layout, row, this.options.rowStepS * 1000, fail));
    });
    return cells;
  }
}

interface Layout {
  readonly delimiter: string;
  readonly timeColumn: number | null;
  readonly valueColumn: number;
  readonly valueHeader: string;
}

function layoutOf(header: string, wanted: string | null, fail: Fail): Layout {
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

function cellOf(text: string, line: number, layout: Layout, index: number, rowStepMs: number, fail: Fail): Cell {
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
