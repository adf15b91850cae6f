import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../signals/errors';
import { fileNameOf, readJsonFile } from '../../signals/json-file';
import { describeIssues } from '../../signals/parse';
import type { LedgerEntry } from './ledger-entries';
import { formatOf, ledgerFormat, lineOf, readLine } from './ledger-lines';
import { entriesOfV1, ledgerStateV1Schema } from './ledger-state-v1';

export interface LoadedLedger {
  readonly entries: number;
  /** What the user should know: what was dropped, and under which name an unusable file is kept. */
  readonly warnings: readonly string[];
}

/** No line is longer; what is goes uninterpreted and counts as one bad line. */
const longestLineBytes = 8 * 1024 * 1024;
/** What a disk that does not answer may hold up in memory. */
const mostWaitingBytes = 4 * 1024 * 1024;
const syncEveryMs = 10_000;
/** Written at once before others get their turn. */
const linesPerTurn = 64;

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/**
 * The file of one ledger: lines that are only ever appended, and now and then the whole written anew beside it and swapped in by
 * renaming. A process that dies at any moment leaves every line that was written, at most the last one cut off.
 */
export class LedgerFile {
  readonly path: string;
  readonly #legacyPath: string;
  #handle: FileHandle | null = null;
  #working: Promise<void> = Promise.resolve();
  /** Lines that wait for one write together. */
  #batch: { readonly lines: string[]; readonly written: Promise<void> } | null = null;
  #waitingBytes = 0;
  #syncedMs = performance.now();
  #appendedBytes = 0;
  #needsRewrite = false;

  constructor(stateDirectory: string, ledgerId: string) {
    const folder = join(stateDirectory, 'ecomap');
    this.path = join(folder, `ledger-${fileNameOf(ledgerId)}.jsonl`);
    this.#legacyPath = join(folder, `ledger-${fileNameOf(ledgerId)}.json`);
  }

  /** Bytes appended since the file was last written anew. */
  get appendedBytes(): number {
    return this.#appendedBytes;
  }

  /** True when the file on disk is not what appending may go on with: it has to be written anew first. */
  get needsRewrite(): boolean {
    return this.#needsRewrite;
  }

  /**
   * Gives every entry to `apply`, in order. Never rejects: lines that cannot be read are left out and counted in the warnings, and
   * the file they stand in is kept. A file of a newer version is put aside untouched.
   */
  async load(apply: (entry: LedgerEntry) => void): Promise<LoadedLedger> {
    try {
      await rm(this.#temporaryPath, { force: true });
      if (!(await exists(this.path))) return await this.#loadLegacy(apply);
      const newer = await this.#newerFormat();
      if (newer !== null)
        return await this.#startBeside(`it was written by a newer version of this package (format ${newer})`);
      return await this.#loadLines(apply);
    } catch (error) {
      this.#needsRewrite = true;
      const kept = await this.#putAside('unreadable', this.path);
      return { entries: 0, warnings: [`The ledger ${this.path} cannot be read (${messageOf(error)}). ${kept}`] };
    }
  }

  /**
   * Appends an entry; those that wait meanwhile go into one write. Resolves when it is in the file.
   * Rejects when it cannot be written, or when too much waits for a disk that does not answer; then {@link rewrite} has to come
   * before the next append.
   */
  append(entry: LedgerEntry): Promise<void> {
    const line = lineOf(entry);
    if (this.#waitingBytes + line.length > mostWaitingBytes) {
      this.#needsRewrite = true;
      return Promise.reject(new Error('the disk does not answer'));
    }
    this.#waitingBytes += line.length;
    if (this.#batch === null) {
      const lines: string[] = [];
      const written = this.#after(async () => {
        if (this.#batch?.lines === lines) this.#batch = null;
        this.#waitingBytes -= lines.reduce((sum, { length }) => sum + length, 0);
        if (this.#needsRewrite) throw new Error('the file has to be written anew first');
        await this.#write(Buffer.from(lines.join('')));
      });
      this.#batch = { lines, written };
    }
    this.#batch.lines.push(line);
    return this.#batch.written;
  }

  /**
   * Writes the whole account anew and swaps it in. Entries that are appended meanwhile come after it, so `entries` has to hold all
   * that came before this call. Takes its time in small pieces. Rejects when it cannot be written; the old file stays.
   */
  rewrite(entries: Iterable<LedgerEntry>): Promise<void> {
    // What is appended from now on is written after the new file, not together with what waits for the old one.
    this.#batch = null;
    return this.#after(async () => {
      await mkdir(dirname(this.path), { recursive: true });
      const temporary = await open(this.#temporaryPath, 'w');
      try {
        for (const lines of inChunks(entries, linesPerTurn)) {
          await writeAll(temporary, Buffer.from(lines.map(lineOf).join('')));
          await nextTurn();
        }
        await temporary.sync();
      } finally {
        await temporary.close();
      }
      await rename(this.#temporaryPath, this.path);
      await this.#handle?.close();
      this.#handle = null;
      this.#appendedBytes = 0;
      this.#needsRewrite = false;
      // The new file holds what the first format held.
      await rm(this.#legacyPath, { force: true }).catch(() => undefined);
    });
  }

  /** Resolves when no write is under way any more, whether it succeeded or not, and gives the file back. */
  async close(): Promise<void> {
    await this.#after(async () => {
      const handle = this.#handle;
      this.#handle = null;
      await handle?.datasync().catch(() => undefined);
      await handle?.close();
    }).catch(() => undefined);
  }

  get #temporaryPath(): string {
    return `${this.path}.new`;
  }

  #after(step: () => Promise<void>): Promise<void> {
    const done = this.#working.then(step);
    this.#working = done.catch(() => undefined);
    return done;
  }

  async #write(content: Buffer): Promise<void> {
    try {
      if (this.#handle === null) {
        await mkdir(dirname(this.path), { recursive: true });
        this.#handle = await open(this.path, 'a');
      }
      await writeAll(this.#handle, content);
      this.#appendedBytes += content.length;
      // A killed process loses nothing that was written; a power failure what the system had not yet put on the disk.
      if (performance.now() - this.#syncedMs > syncEveryMs) {
        this.#syncedMs = performance.now();
        await this.#handle.datasync();
      }
    } catch (error) {
      // Half a line may stand at the end now.
      this.#needsRewrite = true;
      throw error;
    }
  }

  async #newerFormat(): Promise<number | null> {
    for await (const line of linesOf(this.path)) {
      const format = formatOf(line.content);
      if (format !== null && format > ledgerFormat) return format;
    }
    return null;
  }

  async #loadLines(apply: (entry: LedgerEntry) => void): Promise<LoadedLedger> {
    let entries = 0;
    let bad = 0;
    let torn = false;
    let sinceTurn = 0;
    for await (const { content, complete, bytes } of linesOf(this.path)) {
      this.#appendedBytes += bytes;
      const entry = readLine(content);
      if (!complete) this.#needsRewrite = true;
      if (entry !== null) {
        apply(entry);
        entries += 1;
      } else if (complete) {
        bad += 1;
      } else {
        torn = true;
      }
      sinceTurn += 1;
      if (sinceTurn >= linesPerTurn) {
        sinceTurn = 0;
        await nextTurn();
      }
    }
    const warnings: string[] = [];
    if (torn) {
      warnings.push(
        `The last line of the ledger ${this.path} was cut off, as when power fails while it is written: it is dropped, all before it is kept.`,
      );
    }
    if (bad > 0) {
      this.#needsRewrite = true;
      const kept = await this.#copyAside();
      warnings.push(
        `The ledger ${this.path} has ${bad} line${bad === 1 ? '' : 's'} that cannot be read: what they held is missing from the account, ` +
          `the other ${entries} are kept. ${kept}`,
      );
    }
    return { entries, warnings };
  }

  /** The damaged file stays in its place until the one that replaces it is complete. */
  async #copyAside(): Promise<string> {
    const aside = asideOf(this.path, 'damaged');
    return copyFile(this.path, aside).then(
      () => `The file as it was is kept as ${aside}.`,
      (error: unknown) => `The file as it was could not be kept (${messageOf(error)}).`,
    );
  }

  async #putAside(kind: 'newer' | 'unreadable', path: string): Promise<string> {
    const aside = asideOf(path, kind);
    return rename(path, aside).then(
      () => `The file is kept as ${aside}.`,
      (error: unknown) => `The file could not be put aside (${messageOf(error)}).`,
    );
  }

  async #startBeside(reason: string): Promise<LoadedLedger> {
    const kept = await this.#putAside('newer', this.path);
    this.#needsRewrite = true;
    return {
      entries: 0,
      warnings: [`The ledger ${this.path} cannot be used (${reason}). The account starts afresh. ${kept}`],
    };
  }

  /** The file of the first format, when there is one: its account goes on. */
  async #loadLegacy(apply: (entry: LedgerEntry) => void): Promise<LoadedLedger> {
    let content: unknown;
    let reason: string;
    let kind: 'newer' | 'unreadable' = 'unreadable';
    try {
      content = await readJsonFile(this.#legacyPath);
      if (content === undefined) return { entries: 0, warnings: [] };
      const parsed = ledgerStateV1Schema.safeParse(content);
      if (parsed.success) {
        const entries = entriesOfV1(parsed.data);
        for (const entry of entries) apply(entry);
        this.#needsRewrite = true;
        return { entries: entries.length, warnings: [] };
      }
      const version = typeof content === 'object' && content !== null && 'version' in content ? content.version : null;
      if (typeof version === 'number' && version > 1) {
        kind = 'newer';
        reason = `it was written by a newer version of this package (format ${version})`;
      } else reason = describeIssues(parsed.error);
    } catch (error) {
      reason = messageOf(error);
    }
    const kept = await this.#putAside(kind, this.#legacyPath);
    return {
      entries: 0,
      warnings: [`The ledger ${this.#legacyPath} cannot be used (${reason}). The account starts afresh. ${kept}`],
    };
  }
}

const asideOf = (path: string, kind: string): string =>
  `${path}.${kind}-${new Date().toISOString().replace(/[:.]/g, '-')}`;

function* inChunks<Item>(items: Iterable<Item>, size: number): Generator<Item[]> {
  let chunk: Item[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** `write` may take only a part, e.g. when the disk fills up. */
async function writeAll(handle: FileHandle, content: Buffer): Promise<void> {
  for (let offset = 0; offset < content.length;) {
    const { bytesWritten } = await handle.write(content, offset);
    if (bytesWritten === 0) throw new Error('the disk takes no more');
    offset += bytesWritten;
  }
}

/** The lines of a file as they are read; memory holds one of them. */
async function* linesOf(path: string): AsyncGenerator<{ content: Buffer; complete: boolean; bytes: number }> {
  let rest: Buffer = Buffer.alloc(0);
  let skipping = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(10, start); end >= 0; end = rest.indexOf(10, start)) {
      const content = skipping > 0 ? Buffer.alloc(0) : rest.subarray(start, end);
      yield { content, complete: true, bytes: skipping + end - start + 1 };
      skipping = 0;
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > longestLineBytes) {
      skipping += rest.length;
      rest = Buffer.alloc(0);
    }
  }
  if (rest.length > 0 || skipping > 0) yield { content: rest, complete: false, bytes: skipping + rest.length };
}
