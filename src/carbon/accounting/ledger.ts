import type { CarbonReading } from '../../signals/carbon';
import type { Receipt } from '../../signals/receipt';
import type { Telemetry } from '../../signals/telemetry';
import { hourMs } from '../provider';
import { chainOf, type IntensityRow } from './intensity-rows';
import type { JoinedRow } from './joined';
import { LedgerBooks } from './ledger-books';
import type { LedgerEntry } from './ledger-entries';
import { receiptOf } from './receipt-of';
import type { Embodied } from './software-carbon-intensity';
import { windowEntryOf } from './window-entry';

export interface LedgerOptions {
  /** Wall time, ms. */
  readonly now: () => number;
  /** Days of hours that are kept for reports. */
  readonly retentionDays?: number;
  /** null: not set, and never guessed. */
  readonly embodied?: Embodied | null;
  /** Told of everything that changes the books, e.g. to keep it in a file. */
  readonly onEntry?: (entry: LedgerEntry) => void;
}

export const defaultRetentionDays = 35;

/**
 * Sums up what served requests cost. Energy comes with telemetry (J, above idle per tenant), intensity with carbon readings; the
 * two are kept apart and joined when somebody asks, so that an intensity that is restated hours later restates the grams. A reading
 * is in force from when it came until the next one; a window in which it changed is weighed by time. Time for which a reading only
 * stood in (stale, forecast, yearly average, or of an earlier interval) is joined anew when the provider states that time itself.
 *
 * - Grams: energy (kWh) times intensity. While the intensity is unknown no grams are counted; those seconds and joules stand in
 *   `coverage`. The same for seconds whose energy is unknown.
 * - opCDP (operational carbon-delay product, g*s): the grams of an account times the mean latency, in seconds, of its served
 *   requests; for the total, all grams (idle included) times the mean latency over all tenants.
 * - Attainment: answers within the limit over all requests offered, so rejected and failed ones count against it.
 * - Joules and grams per inference: sum over sum; in the total, idle is included.
 * - Always-max: the idle energy plus what the same requests would have cost with the most accurate variants at full speed.
 *   Compared only over windows in which that is known for every tenant that served.
 * - Constant cap, energy and timing effect: see `counterfactual.ts`. SCI: see `software-carbon-intensity.ts`.
 */
export class CarbonLedger {
  readonly #options: LedgerOptions;
  readonly #books: LedgerBooks;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#books = new LedgerBooks(options.now(), options.retentionDays ?? defaultRetentionDays);
  }

  /** From now on this intensity holds, unless it tells of a time before the one in force; what is known of that time is restated. */
  onCarbon(reading: CarbonReading): void {
    const books = this.#books;
    const nowMs = this.#options.now();
    for (const { validFrom, validTo, intensityGPerKwh, quality } of reading.revised ?? []) {
      const { row, change } = books.intensities.judge({
        ...reading,
        validFrom,
        validTo,
        intensityGPerKwh,
        quality,
        revised: undefined,
      });
      if (change !== 'none') this.#apply({ kind: 'intensity', row, inForceMs: null });
    }
    const { row, change } = books.intensities.judge(reading);
    const inForce = books.timeline.latest;
    const isLate = inForce !== null && tellsOfThePast(row, books.intensities.get(inForce.intensity), nowMs);
    const inForceMs = isLate || inForce?.intensity === row.id ? null : nowMs;
    if (change !== 'none' || inForceMs !== null) this.#apply({ kind: 'intensity', row, inForceMs });
  }

  /** Accounts one window and answers with the receipt so far. */
  onTelemetry(telemetry: Telemetry): Receipt {
    const { timeline, accounts } = this.#books;
    this.#apply(windowEntryOf(telemetry, timeline, accounts));
    return this.receipt();
  }

  receipt(): Receipt {
    return receiptOf(this.#books, this.#options.embodied ?? null);
  }

  /** Hour by hour as far as the retention reaches, oldest first; every signal, basis and quality by itself. */
  hours(): JoinedRow[] {
    return this.#books.hours();
  }

  /** The whole account, every signal, basis and quality by itself. */
  rows(): JoinedRow[] {
    return [...this.#books.sums().rows()];
  }

  /** Begins a new account; the intensity in force stays. */
  reset(): void {
    this.#apply({ kind: 'reset', atMs: this.#options.now() });
  }

  /** Everything that makes this ledger anew when another one restores it. */
  entries(): Iterable<LedgerEntry> {
    return this.#books.entries();
  }

  /** Goes on with an earlier account: entry by entry, then `resume`. */
  restore(entry: LedgerEntry): void {
    this.#books.apply(entry);
  }

  resume(): void {
    this.#books.resumeAt(this.#options.now());
  }

  #apply(entry: LedgerEntry): void {
    this.#books.apply(entry);
    this.#options.onEntry?.(entry);
  }
}

/** A grid that follows the wall clock may state an hour again; a recording that begins anew means now. */
function tellsOfThePast(row: IntensityRow, inForce: IntensityRow | undefined, nowMs: number): boolean {
  if (inForce === undefined || row.played || inForce.played) return false;
  if (chainOf(row) !== chainOf(inForce) || row.zone !== inForce.zone) return false;
  const followsWallClock = inForce.fromMs <= nowMs && nowMs < inForce.toMs + 6 * hourMs;
  return followsWallClock && row.toMs <= inForce.fromMs;
}
