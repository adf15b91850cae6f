import { open, stat, type FileHandle } from 'node:fs/promises';
import { isEcomapError, messageOf } from '../signals/errors';
import { TraceIndex, type Block, type IndexFacts, type TraceOptions } from './trace-index';
import { cellOf, failOf, linesOf, splitLines, type Cell, type Fail } from './trace-lines';

/** `readTraceFile` refuses more rows than this, because it keeps them all; `openTraceFile` takes any number. */
const mostRowsAtOnce = 2_000_000;
/** Rows of these many blocks are kept: more than the 28 days that are looked back on. */
const keptBlocks = 8;

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
