import type { CarbonReading } from '../../signals/carbon';
import { dueNow, slotsOf, type Waiting } from './slots';

export interface DeferralOptions {
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number;
  /** Requests that may wait; who comes when there is no room begins at once. */
  readonly mostWaiting?: number;
  /** Requests that begin per look, so that a clean hour does not flood a queue. */
  readonly mostAtOnce?: number;
}

export const deferralDefaults = { mostWaiting: 1000, mostAtOnce: 8 } as const;

/** A plan is kept by so much: looks are seconds apart, and runs may take longer than they did. */
const leastMarginMs = 60_000;
/** A run is reckoned to take this much longer than measured. */
const runFactor = 2;
/** What a run is reckoned to take before one was measured, ms. */
const unknownRunMs = 5_000;

/** Why a request begins when it does. */
export interface Begun {
  readonly waitedMs: number;
  /** In plain words; null where it did not wait. */
  readonly why: string | null;
}

interface Held extends Waiting {
  readonly tenant: string;
  readonly sinceMs: number;
  readonly sinceGPerKwh: number | null;
  readonly begin: (begun: Begun) => void;
}

/**
 * Requests whose deadline is hours away wait in memory for a cleaner grid, at most so many, outside of the executor's queues.
 * Who waits begins in time for its deadline whatever the grid does; without a forecast, or without room, nobody waits.
 */
export class DeferredRequests {
  private readonly clock: () => number;
  private readonly mostWaiting: number;
  private readonly mostAtOnce: number;
  private held: Held[] = [];
  private reading: { readonly value: CarbonReading; readonly atMs: number } | null = null;
  private readonly runMs = new Map<string, number>();

  constructor(options: DeferralOptions) {
    this.clock = options.clock;
    this.mostWaiting = options.mostWaiting ?? deferralDefaults.mostWaiting;
    this.mostAtOnce = options.mostAtOnce ?? deferralDefaults.mostAtOnce;
  }

  get waiting(): number {
    return this.held.length;
  }

  onCarbon(reading: CarbonReading): void {
    // The same reading again is no newer.
    const atMs = this.reading?.value.validFrom === reading.validFrom ? this.reading.atMs : this.clock();
    this.reading = { value: reading, atMs };
    this.look();
  }

  /** Learns how long a request of a tenant takes, ms. */
  measured(tenant: string, runMs: number): void {
    const known = this.runMs.get(tenant);
    // The longest of late counts, and is forgotten slowly.
    this.runMs.set(tenant, known === undefined ? runMs : Math.max(runMs, known * 0.95));
  }

  /**
   * Resolves when the request should begin.
   * @param withinMs how long from now until it must be answered
   * @param signal a request that is taken back begins at once, for the executor to refuse it
   */
  async hold(tenant: string, withinMs: number, signal?: AbortSignal): Promise<Begun> {
    const nowMs = this.clock();
    if (this.held.length >= this.mostWaiting) return { waitedMs: 0, why: null };
    const runMs = (this.runMs.get(tenant) ?? unknownRunMs) * runFactor;
    const sinceGPerKwh = this.reading?.value.intensityGPerKwh ?? null;
    if (signal?.aborted === true) return { waitedMs: 0, why: null };
    return new Promise<Begun>((resolve) => {
      const takeBack = (): void => {
        this.held = this.held.filter((other) => other !== item);
        resolve({ waitedMs: this.clock() - nowMs, why: null });
      };
      const begin = (begun: Begun): void => {
        signal?.removeEventListener('abort', takeBack);
        resolve(begun);
      };
      const item: Held = { tenant, sinceMs: nowMs, sinceGPerKwh, deadlineMs: nowMs + withinMs, runMs, begin };
      signal?.addEventListener('abort', takeBack, { once: true });
      this.held.push(item);
      this.look();
    });
  }

  /** Lets those begin whose time has come; to be called every few seconds. */
  look(): void {
    if (this.held.length === 0) return;
    const nowMs = this.clock();
    const slots = this.reading === null ? [] : slotsOf(this.reading.value, this.reading.atMs, nowMs);
    const due = dueNow(this.held, slots, nowMs, leastMarginMs).flatMap((index) => this.held[index] ?? []);
    const items = due.filter(
      ({ deadlineMs, runMs }, at) => at < this.mostAtOnce || deadlineMs - nowMs < 2 * leastMarginMs + runMs,
    );
    if (items.length === 0) return;
    const beginning = new Set(items);
    this.held = this.held.filter((item) => !beginning.has(item));
    for (const item of items) item.begin({ waitedMs: nowMs - item.sinceMs, why: this.explain(item, nowMs) });
  }

  private explain({ sinceMs, sinceGPerKwh }: Held, nowMs: number): string | null {
    const waitedH = (nowMs - sinceMs) / 3_600_000;
    if (waitedH < 1 / 60) return null;
    const grams = (intensity: number | null | undefined): string =>
      typeof intensity === 'number' ? `${intensity.toFixed(0)} g/kWh` : 'unknown';
    const now = grams(this.reading?.value.intensityGPerKwh);
    return `waited ${waitedH.toFixed(1)} h for a cleaner grid: ${now} instead of ${grams(sinceGPerKwh)}`;
  }
}
