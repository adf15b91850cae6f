import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../signals/errors';
import { recordSchema, recordsVersion, versionedSchema, type CalibrationRecord } from './sample-records';

/** Lines parsed before others get a turn. */
const linesPerTurn = 8;

/**
 * Records of what was measured, one line of JSON each, appended one by one: a process that is killed at any byte loses at most the
 * line that it was writing. Lines that are damaged are left out; a file of a newer version is set aside.
 */
export class SampleLog {
  private writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private known: CalibrationRecord[],
    /** Whether the file ends in the middle of a line. */
    private torn: boolean,
  ) {}

  /** Never rejects: what cannot be read is as good as not there, and `warn` is told why. */
  static async open(path: string, warn: (text: string) => void): Promise<SampleLog> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!missing) warn(`Measurements in ${path} cannot be read (${messageOf(error)}): they are made afresh.`);
      return new SampleLog(path, [], false);
    }
    const lines = text.split('\n');
    // What a process was writing when it ended.
    const torn = lines.pop() !== '';
    const records: CalibrationRecord[] = [];
    let damaged = 0;
    for (const [index, line] of lines.entries()) {
      if (index % linesPerTurn === linesPerTurn - 1) await setImmediate();
      if (line === '') continue;
      const parsed = parseLine(line);
      if (parsed === 'newer') {
        await setAside(path, warn);
        return new SampleLog(path, [], false);
      }
      if (parsed === null) damaged += 1;
      else records.push(parsed);
    }
    if (damaged > 0) warn(`${damaged} lines in ${path} are damaged and left out.`);
    return new SampleLog(path, records, torn);
  }

  get records(): readonly CalibrationRecord[] {
    return this.known;
  }

  /** @throws the file system's error; the record is known all the same */
  append(record: CalibrationRecord): Promise<void> {
    this.known.push(record);
    return this.inTurn(async () => {
      await mkdir(dirname(this.path), { recursive: true });
      const start = this.torn ? '\n' : '';
      // Until it is known to be whole, the next one begins a line of its own.
      this.torn = true;
      await appendFile(this.path, `${start}${JSON.stringify(record)}\n`);
      this.torn = false;
    });
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
          await file.writeFile(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, this.path);
        this.torn = false;
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
  }

  private inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.writing.then(write);
    this.writing = written.catch(() => undefined);
    return written;
  }
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
