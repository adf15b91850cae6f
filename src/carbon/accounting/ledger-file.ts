import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import { fileNameOf, readJsonFile, writeJsonFile } from '../../signals/json-file';
import { ledgerStateSchema, ledgerStateVersion, type LedgerState } from './ledger-state';

export interface LoadedLedger {
  /** null when there is nothing to go on with. */
  readonly state: LedgerState | null;
  /** What the user should know: the file was unusable and is kept under another name. */
  readonly warning: string | null;
}

/** Keeps the account of one ledger in a small file, written whole and swapped in by renaming. */
export class LedgerFile {
  readonly path: string;
  #writing: Promise<void> = Promise.resolve();
  #waiting: LedgerState | null = null;

  constructor(stateDirectory: string, ledgerId: string) {
    this.path = join(stateDirectory, 'ecomap', `ledger-${fileNameOf(ledgerId)}.json`);
  }

  /** Never rejects: an unusable file is put aside and named in the warning. */
  async load(): Promise<LoadedLedger> {
    let content: unknown;
    try {
      content = await readJsonFile(this.path);
    } catch (error) {
      return this.#putAside('unreadable', messageOf(error));
    }
    if (content === undefined) return { state: null, warning: null };
    const version =
      typeof content === 'object' && content !== null && 'version' in content ? content.version : undefined;
    if (typeof version === 'number' && version > ledgerStateVersion) {
      return this.#putAside('newer', `it was written by a newer version of this package (format ${version})`);
    }
    const parsed = ledgerStateSchema.safeParse(content);
    if (parsed.success) return { state: parsed.data, warning: null };
    return this.#putAside('unreadable', describeIssues(parsed.error));
  }

  /**
   * Writes the state, or the latest one when several wait for the same write.
   * Rejects when the file cannot be written; the one that was there before stays.
   */
  save(state: LedgerState): Promise<void> {
    const alreadyWaiting = this.#waiting !== null;
    this.#waiting = state;
    if (!alreadyWaiting) this.#writing = this.#writing.catch(() => undefined).then(() => this.#writeWaiting());
    return this.#writing;
  }

  /** Resolves when no write is under way any more, whether it succeeded or not. */
  settled(): Promise<void> {
    return this.#writing.catch(() => undefined);
  }

  async #writeWaiting(): Promise<void> {
    const state = this.#waiting;
    this.#waiting = null;
    if (state !== null) await writeJsonFile(this.path, state);
  }

  async #putAside(kind: 'unreadable' | 'newer', reason: string): Promise<LoadedLedger> {
    const aside = `${this.path}.${kind}-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    const kept = await rename(this.path, aside).then(
      () => `It is kept as ${aside}.`,
      (error: unknown) => `It could not be put aside (${messageOf(error)}) and will be overwritten.`,
    );
    return {
      state: null,
      warning: `The ledger ${this.path} cannot be used (${reason}). The account starts afresh. ${kept}`,
    };
  }
}
