import type { CarbonReading } from '../../signals/carbon';
import { dueNow, isLive, slotsOf, speedOf, type Slot } from './slots';

export interface DeferralOptions {
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number;
  /** Milliseconds since the epoch, for the times of live readings. */
  readonly epochMs?: () => number;
  /** How many more requests of a tenant would not find its queue full; default: any number. */
  readonly roomOf?: (tenant: string) => number;
  /** Requests that may wait; who comes when there is no room begins at once. */
  readonly mostWaiting?: number;
  /** Requests of a tenant that waited and are under way at once, so that a clean hour does not flood its queue. */
  readonly mostAtOnce?: number;
}

const deferralDefaults = { mostWaiting: 1000, mostAtOnce: 8 } as const;

/** A plan is kept by so much time of the grid, because runs may take longer than they did ... */
const gridMarginMs = 60_000;
/** ... and by so much here, because looks are seconds apart. */
const leastMarginMs = 5_000;
/** A run is reckoned to take this much longer than measured. */
const runFactor = 2;
/** What a run is reckoned to take before one was measured, ms. */
const unknownRunMs = 5_000;
/** So long before nothing can be in time any more a request begins, even where its queue is full: that is said then. */
const lastMomentMs = 5_000;

/** Why a request begins when it does. */
export interface Begun {
  readonly waitedMs: number;
  /** In plain words; null where it did not wait. */
  readonly why: string | null;
  /** Requests of the tenant that began and have not ended, this one included. */
  readonly open: number;
}

interface Held {
  readonly tenant: string;
  readonly deadlineMs: number;
  readonly sinceMs: number;
  readonly sinceGPerKwh: number | null;
  readonly begin: (begun: Begun) => void;
}

/** What may begin of a tenant's requests at one look. */
interface Room {
  /** Places that its queue has left. */
  room: number;
  /** How many of them are given away while there is time. */
  usual: number;
  /** What those looked at take one after the other, ms. */
  aheadMs: number;
}

/**
 * Requests whose deadline is hours away wait in memory for a cleaner grid, at most so many, outside of the executor's queues.
 * Who waits begins so early that all that wait can be done by their deadlines one after the other, whatever the grid does, and
 * as far as the queue of its tenant has room; without a forecast, or without room to wait, nobody waits for the grid.
 */
export class DeferredRequests {
  private readonly clock: () => number;
  private readonly mostWaiting: number;
  private readonly mostAtOnce: number;
  private held: Held[] = [];
  private reading: { readonly value: CarbonReading; readonly atMs: number; readonly isLive: boolean } | null = null;
  private readonly runMs = new Map<string, number>();
  /** Requests that began and have not ended, per tenant. */
  private readonly open = new Map<string, number>();
  private readonly epochMs: () => number;
  private readonly roomOf: (tenant: string) => number;

  constructor(options: DeferralOptions) {
    this.clock = options.clock;
    this.epochMs = options.epochMs ?? Date.now;
    this.roomOf = options.roomOf ?? (() => Infinity);
    this.mostWaiting = options.mostWaiting ?? deferralDefaults.mostWaiting;
    this.mostAtOnce = options.mostAtOnce ?? deferralDefaults.mostAtOnce;
  }

  get waiting(): number {
    return this.held.length;
  }

  onCarbon(reading: CarbonReading): void {
    // The same reading again is no newer.
    const atMs = this.reading?.value.validFrom === reading.validFrom ? this.reading.atMs : this.clock();
    this.reading = { value: reading, atMs, isLive: isLive(reading, this.epochMs()) };
    this.look();
  }

  /** What a time of the grid takes here, ms: less where its days are played fast. */
  here(gridMs: number): number {
    return gridMs / this.speed;
  }

  /** Learns how long a request of a tenant takes, ms. */
  measured(tenant: string, runMs: number): void {
    const known = this.runMs.get(tenant);
    // The longest of late counts, and is forgotten slowly.
    this.runMs.set(tenant, known === undefined ? runMs : Math.max(runMs, known * 0.95));
  }

  /**
   * A request that began has ended: to be called for each, whatever came of it.
   * @param latencyMs null where it was not answered
   */
  ended(tenant: string, { open }: Begun, latencyMs: number | null): void {
    this.open.set(tenant, Math.max(0, this.openOf(tenant) - 1));
    // Those before it were answered in this time, too.
    if (latencyMs !== null) this.measured(tenant, latencyMs / open);
    this.look();
  }

  /**
   * Resolves when the request should begin; tell {@link ended} then.
   * @param withinMs how long from now until it must be answered
   * @param signal a request that is taken back begins at once, for the executor to refuse it
   */
  async hold(tenant: string, withinMs: number, signal?: AbortSignal): Promise<Begun> {
    const nowMs = this.clock();
    if (this.held.length >= this.mostWaiting) return this.begun(tenant, 0);
    const sinceGPerKwh = this.reading?.value.intensityGPerKwh ?? null;
    if (signal?.aborted === true) return this.begun(tenant, 0);
    return new Promise<Begun>((resolve) => {
      const takeBack = (): void => {
        this.held = this.held.filter((other) => other !== item);
        resolve(this.begun(tenant, this.clock() - nowMs));
      };
      const begin = (begun: Begun): void => {
        signal?.removeEventListener('abort', takeBack);
        resolve(begun);
      };
      const item: Held = { tenant, sinceMs: nowMs, sinceGPerKwh, deadlineMs: nowMs + withinMs, begin };
      signal?.addEventListener('abort', takeBack, { once: true });
      this.held.push(item);
      this.look();
    });
  }

  /** Lets those begin whose time has come; to be called every few seconds. */
  look(): void {
    if (this.held.length === 0) return;
    const nowMs = this.clock();
    const waiting = this.held.map(({ tenant, deadlineMs }) => ({ deadlineMs, runMs: this.reckonedMs(tenant) }));
    const due = dueNow(waiting, this.slots(nowMs), nowMs, this.marginMs).flatMap((index) => this.held[index] ?? []);
    const items = this.withRoom(due, nowMs);
    if (items.length === 0) return;
    const beginning = new Set(items);
    this.held = this.held.filter((item) => !beginning.has(item));
    for (const item of items) {
      item.begin(this.begun(item.tenant, nowMs - item.sinceMs, this.explain(item, nowMs)));
    }
  }

  private get speed(): number {
    return this.reading === null ? 1 : speedOf(this.reading.value);
  }

  private get marginMs(): number {
    return Math.max(leastMarginMs, this.here(gridMarginMs));
  }

  private slots(nowMs: number): Slot[] {
    if (this.reading === null) return [];
    const { value, atMs, isLive } = this.reading;
    // A recording's time goes on with the clock from when it came.
    const offsetMs = isLive ? nowMs - this.epochMs() : atMs - Date.parse(value.validFrom);
    return slotsOf(value, offsetMs, nowMs);
  }

  /**
   * Those of the due ones, in the order of their deadlines, that may begin: a few at a time into at most half of the room that a
   * queue has, into all of it when time gets short for them and those before them.
   */
  private withRoom(due: readonly Held[], nowMs: number): Held[] {
    const tenants = new Map<string, Room>();
    return due.filter(({ tenant, deadlineMs }) => {
      const state = tenants.get(tenant) ?? this.roomNow(tenant);
      tenants.set(tenant, state);
      const runMs = this.reckonedMs(tenant);
      state.aheadMs += runMs;
      const leftMs = deadlineMs - nowMs;
      const isShort = leftMs < 2 * this.marginMs + state.aheadMs;
      const begins = state.usual > 0 || (isShort && state.room > 0) || leftMs < runMs + lastMomentMs;
      if (begins) {
        state.room -= 1;
        state.usual -= 1;
      }
      return begins;
    });
  }

  private roomNow(tenant: string): Room {
    const room = this.roomOf(tenant);
    return { room, usual: Math.min(this.mostAtOnce - this.openOf(tenant), Math.ceil(room / 2)), aheadMs: 0 };
  }

  private reckonedMs(tenant: string): number {
    return (this.runMs.get(tenant) ?? unknownRunMs) * runFactor;
  }

  private openOf(tenant: string): number {
    return this.open.get(tenant) ?? 0;
  }

  private begun(tenant: string, waitedMs: number, why: string | null = null): Begun {
    const open = this.openOf(tenant) + 1;
    this.open.set(tenant, open);
    return { waitedMs, why, open };
  }

  private explain({ sinceMs, sinceGPerKwh }: Held, nowMs: number): string | null {
    const waitedH = ((nowMs - sinceMs) * this.speed) / 3_600_000;
    if (waitedH < 1 / 60) return null;
    const grams = (intensity: number | null | undefined): string =>
      typeof intensity === 'number' ? `${intensity.toFixed(0)} g/kWh` : 'unknown';
    const now = grams(this.reading?.value.intensityGPerKwh);
    const played = this.speed === 1 ? '' : ' (of a day that is played fast)';
    return `waited ${waitedH.toFixed(1)} h${played} for a cleaner grid: ${now} instead of ${grams(sinceGPerKwh)}`;
  }
}
