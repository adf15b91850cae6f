import { cellOf, layoutOf, type Cell, type Fail, type Layout, type Lines } from './trace-lines';

/** Distances between rows that are counted to find the usual one. */
const mostDistances = 1000;

export interface TraceOptions {
  readonly column: string | null;
  readonly rowStepS: number;
}

/** A stretch of whole lines of the file. */
export interface Block {
  readonly offset: number;
  readonly bytes: number;
  readonly firstLine: number;
  readonly firstRow: number;
  readonly firstMs: number;
}

/** What one pass over the file tells: where its rows lie, the usual distance between them, and what is wrong with them. */
export interface IndexFacts {
  readonly blocks: readonly Block[];
  readonly layout: Layout;
  readonly rowCount: number;
  readonly stepMs: number;
  readonly lastMs: number;
  readonly notes: readonly string[];
}

/** Goes over a trace line by line and keeps where its rows lie, not the rows. */
export class TraceIndex {
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
