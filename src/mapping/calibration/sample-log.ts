import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../signals/errors';
import { recordSchema, recordsVersion, versionedSchema, type CalibrationRecord } from './sample-records';

/** Lines parsed before others get a turn. */
const linesPerTurn = 8;
/** Of the plans that were tried in service, so many of the latest are kept. */
export const mostTriedKept = 500;
/** The file may hold so many more before it is written anew. */
const triedBeforeCompaction = 250;

/**
 * Records of what was measured, one line of JSON each, appended one by one: a process that is killed at any byte loses at most the
 * line that it was writing. Lines that are damaged are left out; a file of a newer version is set aside.
 */
export class SampleLog {
  private writing: Promise<void> = Promise.resolve();
  private known: CalibrationRecord[] = [];
  /** Known, and about to be in the file. */
  private readonly unwritten = new Set<CalibrationRecord>();
  /** Whether the file ends in the middle of a line. */
  private torn = false;
  private damaged = 0;
  /** How many of the file's records are of plans that were tried. */
  private triedInFile = 0;

  private constructor(
    private readonly path: string,
    private readonly warn: (text: string) => void,
  ) {}

  /** Never rejects: what cannot be read is as good as not there, and `warn` is told why. */
  static async open(path: string, warn: (text: string) => void): Promise<SampleLog> {
    const log = new SampleLog(path, warn);
    await log.reload();
    return log;
  }

  /** Reads what others have written meanwhile. Never rejects, as `open`. */
  reload(): Promise<void> {
    return this.inTurn(() => this.read());
  }

  /** Whether the file holds so many plans that were tried that it should be written anew with fewer. */
  get isOvergrown(): boolean {
    return this.triedInFile >= mostTriedKept + triedBeforeCompaction;
  }

  get records(): readonly CalibrationRecord[] {
    return this.known;
  }

  /** @throws the file system's error; the record is known all the same */
  append(record: CalibrationRecord): Promise<void> {
    this.known.push(record);
    this.unwritten.add(record);
    if (record.kind === 'tried') this.known = withoutOldTried(this.known);
    const written = this.inTurn(async () => {
      await mkdir(dirname(this.path), { recursive: true });
      const start = this.torn ? '\n' : '';
      // Until it is known to be whole, the next one begins a line of its own.
      this.torn = true;
      await appendFile(this.path, `${start}${JSON.stringify(record)}\n`);
      this.torn = false;
      if (record.kind === 'tried') this.triedInFile += 1;
    });
    return written.finally(() => this.unwritten.delete(record));
  }

  /** Puts these records in the place of all, at once or not at all. @throws the file system's error */
  replace(records: readonly CalibrationRecord[]): Promise<void> {
    this.known = [...records];
    return this.inTurn(async () => {
      const temporary = `${this.path}.${randomUUID()}.tmp`;
      await mkdir(dirname(this.path), { recursive: true });
      try {
        const file = await open(temporary, 'w');
        try {
          for (let first = 0; first < records.length; first += linesPerTurn) {
            const some = records.slice(first, first + linesPerTurn);
            await file.appendFile(some.map((record) => `${JSON.stringify(record)}\n`).join(''));
          }
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, this.path);
        this.torn = false;
        this.triedInFile = countTried(records);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
  }

  private async read(): Promise<void> {
    const { path, warn } = this;
    let records: CalibrationRecord[] = [];
    let rest = '';
    let lines = 0;
    let damaged = 0;
    let triedSince = 0;
    this.triedInFile = 0;
    try {
      // In pieces: nobody knows how long the file has become.
      for await (const piece of createReadStream(path, { encoding: 'utf8' })) {
        const ended = (rest + String(piece)).split('\n');
        rest = ended.pop() ?? '';
        for (const line of ended) {
          lines += 1;
          if (lines % linesPerTurn === 0) await setImmediate();
          if (line === '') continue;
          const parsed = parseLine(line);
          if (parsed === 'newer') {
            await setAside(path, warn);
            this.triedInFile = 0;
            this.know([], false);
            return;
          }
          if (parsed === null) damaged += 1;
          else records.push(parsed);
          if (parsed?.kind !== 'tried') continue;
          this.triedInFile += 1;
          triedSince += 1;
          if (triedSince < mostTriedKept) continue;
          records = withoutOldTried(records);
          triedSince = 0;
        }
      }
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!missing) warn(`Measurements in ${path} cannot be read (${messageOf(error)}): they are made afresh.`);
      this.know([], false);
      return;
    }
    if (damaged > this.damaged) warn(`${damaged} lines in ${path} are damaged and left out.`);
    this.damaged = damaged;
    // What a process was writing when it ended.
    this.know(records, rest !== '');
  }

  private know(records: readonly CalibrationRecord[], torn: boolean): void {
    this.known = withoutOldTried([...records, ...this.unwritten]);
    this.torn = torn;
  }

  private inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.writing.then(write);
    this.writing = written.catch(() => undefined);
    return written;
  }
}

const countTried = (records: readonly CalibrationRecord[]): number =>
  records.reduce((count, { kind }) => count + (kind === 'tried' ? 1 : 0), 0);

/** The same records, of the plans that were tried the latest only. */
function withoutOldTried(records: CalibrationRecord[]): CalibrationRecord[] {
  let tooMany = countTried(records) - mostTriedKept;
  if (tooMany <= 0) return records;
  return records.filter(({ kind }) => kind !== 'tried' || tooMany-- <= 0);
}

function parseLine(line: string): CalibrationRecord | 'newer' | null {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch {
    return null;
  }
  const parsed = recordSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const versioned = versionedSchema.safeParse(content);
  return versioned.success && versioned.data.version > recordsVersion ? 'newer' : null;
}

async function setAside(path: string, warn: (text: string) => void): Promise<void> {
  const aside = `${path}.set-aside`;
  try {
    await rename(path, aside);
    warn(`Measurements in ${path} come from a newer version of this package: set aside as ${aside}, and made afresh.`);
  } catch (error) {
    warn(`Measurements in ${path} come from a newer version and could not be set aside (${messageOf(error)}).`);
  }
}
