import { open, type FileHandle } from 'node:fs/promises';
import { EcomapError, messageOf } from '../../signals/errors';

/** What a disk that does not answer may hold up in memory. */
const mostWaitingBytes = 8 * 1024 * 1024;

/** Takes lines of a recording. */
export interface RecordingSink<Line> {
  append(line: Line): void;
}

/**
 * Appends lines to a new file. Whoever appends never waits: lines go out behind one another, together where several have come. When
 * the disk fails or cannot keep up, the recording ends there; what was written stays a recording of the time until then.
 */
export class RecordingWriter<Line> implements RecordingSink<Line> {
  private waiting: string[] = [];
  private waitingBytes = 0;
  private writing: Promise<void> = Promise.resolve();
  private isWriting = false;
  private hasFailed = false;
  private closed = false;

  private constructor(
    private readonly handle: FileHandle,
    private readonly onProblem: (problem: string) => void,
  ) {}

  /**
   * @param onProblem told once why the recording ended early
   * @throws EcomapError INVALID_CONFIG when there is such a file already, or it cannot be made
   */
  static async create<Line>(path: string, onProblem: (problem: string) => void): Promise<RecordingWriter<Line>> {
    try {
      return new RecordingWriter<Line>(await open(path, 'wx'), onProblem);
    } catch (error) {
      const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      const why = isThere ? 'there is one already: remove it, or choose another name' : messageOf(error);
      throw new EcomapError('INVALID_CONFIG', `The recording ${path} cannot be made: ${why}.`, { cause: error });
    }
  }

  append(line: Line): void {
    if (this.hasFailed || this.closed) return;
    const text = `${JSON.stringify(line)}\n`;
    if (this.waitingBytes + text.length > mostWaitingBytes) {
      this.fail('the disk does not keep up');
      return;
    }
    this.waiting.push(text);
    this.waitingBytes += text.length;
    if (!this.isWriting) this.writing = this.writeAll();
  }

  /** Waits until everything is written. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.writing;
    await this.handle.close();
  }

  private async writeAll(): Promise<void> {
    this.isWriting = true;
    try {
      while (this.waiting.length > 0) {
        const text = this.waiting.join('');
        this.waiting = [];
        await this.handle.appendFile(text, 'utf8');
        this.waitingBytes -= text.length;
      }
    } catch (error) {
      this.fail(messageOf(error));
    } finally {
      this.isWriting = false;
    }
  }

  private fail(why: string): void {
    this.hasFailed = true;
    this.waiting = [];
    this.waitingBytes = 0;
    this.onProblem(`The recording ended early: ${why}.`);
  }
}
