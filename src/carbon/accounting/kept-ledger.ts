import type { CarbonReading } from '../../signals/carbon';
import { messageOf } from '../../signals/errors';
import type { Receipt } from '../../signals/receipt';
import type { Telemetry } from '../../signals/telemetry';
import { CarbonLedger, type LedgerOptions } from './ledger';
import { LedgerFile } from './ledger-file';

export interface KeptLedgerOptions extends Omit<LedgerOptions, 'onEntry'> {
  /** null keeps the account in memory only. */
  readonly file: LedgerFile | null;
  /** The file cannot be written (once per trouble), or can again (null). */
  readonly onTrouble: (reason: string | null) => void;
  /** Bytes appended before the file is written anew. */
  readonly rewriteAfterBytes?: number;
}

const defaultRewriteAfterBytes = 8 * 1024 * 1024;
const retryAfterMs = 30_000;
/** A disk that does not answer holds a receipt back for so long. */
const longestWaitMs = 2000;

/**
 * A ledger with its file. Every entry is appended before the receipt that follows from it is handed out, so a process that is
 * killed loses at most the one that was under way. Where the file cannot be written the account goes on in memory and is written
 * whole once that is possible again.
 */
export class KeptLedger {
  readonly ledger: CarbonLedger;
  readonly #options: KeptLedgerOptions;
  #opened: Promise<readonly string[]> | null = null;
  #appending: Promise<void> = Promise.resolve();
  #rewriting: Promise<void> | null = null;
  #isInTrouble = false;
  #retryAtMs = -Infinity;

  constructor(options: KeptLedgerOptions) {
    this.#options = options;
    this.ledger = new CarbonLedger({
      ...options,
      onEntry: (entry) => {
        const { file } = options;
        if (file === null || this.#isInTrouble) return;
        this.#appending = file.append(entry).catch((error: unknown) => this.#fail(error));
      },
    });
  }

  /** Reads what an earlier run has left. Resolves with what the user should know. Before it has, nothing may be accounted. */
  open(): Promise<readonly string[]> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async onCarbon(reading: CarbonReading): Promise<void> {
    await this.open();
    this.ledger.onCarbon(reading);
    this.#tend();
  }

  async onTelemetry(telemetry: Telemetry): Promise<Receipt> {
    await this.open();
    const receipt = this.ledger.onTelemetry(telemetry);
    await this.#written();
    this.#tend();
    return receipt;
  }

  async reset(): Promise<Receipt> {
    await this.open();
    this.ledger.reset();
    await this.#written();
    return this.ledger.receipt();
  }

  /** Writes what is still to be written and gives the file back. */
  async close(): Promise<void> {
    const { file } = this.#options;
    if (file === null) return;
    await this.open();
    await this.#appending;
    await this.#rewriting;
    if (this.#isInTrouble) await this.#rewrite(file);
    await file.close();
  }

  async #open(): Promise<readonly string[]> {
    const { file } = this.#options;
    if (file === null) return [];
    const { warnings } = await file.load((entry) => this.ledger.restore(entry));
    this.ledger.resume();
    if (file.needsRewrite) await this.#rewrite(file);
    return warnings;
  }

  async #written(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, longestWaitMs);
    });
    await Promise.race([this.#appending, tooLong]);
    clearTimeout(timer);
  }

  /** Writes the file anew when it has grown, or when the last attempt to write failed a while ago. */
  #tend(): void {
    const { file, now, rewriteAfterBytes = defaultRewriteAfterBytes } = this.#options;
    if (file === null || this.#rewriting !== null) return;
    const isDue = this.#isInTrouble
      ? Math.abs(now() - this.#retryAtMs) >= retryAfterMs
      : file.appendedBytes > rewriteAfterBytes;
    if (!isDue) return;
    this.#rewriting = this.#rewrite(file).finally(() => {
      this.#rewriting = null;
    });
  }

  async #rewrite(file: LedgerFile): Promise<void> {
    // From here on entries are appended again: they come after what is written now.
    const wasInTrouble = this.#isInTrouble;
    this.#isInTrouble = false;
    try {
      await file.rewrite(this.ledger.entries());
      if (wasInTrouble) this.#options.onTrouble(null);
    } catch (error) {
      this.#isInTrouble = wasInTrouble;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#retryAtMs = this.#options.now();
    if (this.#isInTrouble) return;
    this.#isInTrouble = true;
    this.#options.onTrouble(messageOf(error));
  }
}
