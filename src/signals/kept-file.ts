import { rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from './errors';
import { readJsonFile, writeJsonFile } from './json-file';
import { describeIssues } from './parse';

export interface KeptFileOptions<State> {
  readonly path: string;
  readonly schema: z.ZodType<State>;
  /** What happens when it is lost, e.g. `the day's budget begins anew`. */
  readonly consequence: string;
  /** Hears once of a file that cannot be used, and once of one that cannot be written. */
  readonly warn: (text: string) => void;
}

/** Written once in so long unless it has to be, ms. */
const leastBetweenMs = 60_000;

/**
 * A small account that lasts over redeploys and restarts. Written as a whole or not at all, one write after the other; what cannot
 * be used (half-written, of another program or version) is set aside. Nothing is thrown.
 */
export class KeptFile<State> {
  private writing: Promise<void> = Promise.resolve();
  private savedAtMs: number | null = null;
  private readonly told = new Set<string>();

  constructor(private readonly options: KeptFileOptions<State>) {}

  get path(): string {
    return this.options.path;
  }

  /** Null where nothing was kept, or it cannot be used. */
  async load(): Promise<State | null> {
    const { path, schema } = this.options;
    let content: unknown;
    try {
      content = await readJsonFile(path);
    } catch (error) {
      return this.setAside(`cannot be read (${messageOf(error)})`);
    }
    if (content === undefined) return null;
    const parsed = schema.safeParse(content);
    return parsed.success ? parsed.data : this.setAside(`cannot be read (${describeIssues(parsed.error)})`);
  }

  /** @param nowMs monotonic time; null writes whenever the last time was */
  async save(state: State, nowMs: number | null): Promise<void> {
    if (nowMs !== null && this.savedAtMs !== null && nowMs - this.savedAtMs < leastBetweenMs) return;
    this.savedAtMs = nowMs;
    const { path, consequence } = this.options;
    await this.inOrder(async () => {
      try {
        await writeJsonFile(path, state);
      } catch (error) {
        this.tell('unwritten', `cannot be written (${messageOf(error)}): after a restart ${consequence}`);
      }
    });
  }

  /** Whose account it is is gone for good. */
  forget(): Promise<void> {
    return this.inOrder(() => rm(this.path, { force: true }).catch(() => undefined));
  }

  private inOrder(step: () => Promise<void>): Promise<void> {
    this.writing = this.writing.then(step);
    return this.writing;
  }

  private async setAside(why: string): Promise<null> {
    const aside = `${this.path}.set-aside`;
    const kept = await rename(this.path, aside).then(
      () => `The file is kept as ${aside}.`,
      (error: unknown) => `The file could not be set aside (${messageOf(error)}).`,
    );
    this.tell('unusable', `${why}: ${this.options.consequence}. ${kept}`);
    return null;
  }

  private tell(kind: string, what: string): void {
    if (!this.told.has(kind)) this.options.warn(`${this.path} ${what}`);
    this.told.add(kind);
  }
}
