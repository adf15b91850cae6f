import type { CarbonReading } from '../../signals/carbon';

/** A stretch of time ahead with the intensity that is expected in it. */
export interface Slot {
  readonly fromMs: number;
  readonly toMs: number;
  readonly intensityGPerKwh: number;
}

/** Work that may wait: it has to begin so early that it ends by its deadline. */
export interface Waiting {
  readonly deadlineMs: number;
  /** How long it takes, ms. */
  readonly runMs: number;
}

/** Share of a slot that deferred work may fill: other requests come meanwhile. */
const usableShare = 0.5;
/** A later slot must be cleaner by this share to be worth waiting for. */
const leastGain = 0.02;

/**
 * The reading and its forecast as slots from now on; the first one is now. Where nothing covers now, the reading goes on until its
 * forecast begins. A grid that is played fast has short slots.
 * @param offsetMs from the beginning of the reading in its time to that on the clock of `nowMs`
 */
export function slotsOf(reading: CarbonReading, offsetMs: number, nowMs: number): Slot[] {
  const current = reading.intensityGPerKwh;
  if (current === null) return [];
  const beganMs = Date.parse(reading.validFrom);
  const atMs = (time: string): number => beganMs + offsetMs + (Date.parse(time) - beganMs) / speedOf(reading);
  const slots: Slot[] = [];
  for (const { validFrom, validTo, intensityGPerKwh } of [reading, ...reading.forecast]) {
    const fromMs = Math.max(atMs(validFrom), slots.at(-1)?.toMs ?? nowMs);
    const toMs = atMs(validTo);
    if (toMs > fromMs && intensityGPerKwh !== null) slots.push({ fromMs, toMs, intensityGPerKwh });
  }
  const firstMs = slots[0]?.fromMs ?? nowMs + 1;
  return firstMs > nowMs ? [{ fromMs: nowMs, toMs: firstMs, intensityGPerKwh: current }, ...slots] : slots;
}

/** Seconds of the grid in a second here. */
export const speedOf = ({ speed }: CarbonReading): number => speed ?? 1;

/** A live reading is of the time when it was fetched, give or take what providers are late by. */
const mostLiveMs = 24 * 3_600_000;
/** Have a time of their own, wherever it happens to lie. */
const ownTime: ReadonlySet<string> = new Set(['trace', 'simulated']);

/** Whether the times of a reading are real ones, and not those of a recording. */
export function isLive({ provider, validFrom, fetchedAt }: CarbonReading, epochMs: number): boolean {
  const isNear = (time: string, otherMs: number): boolean => Math.abs(Date.parse(time) - otherMs) <= mostLiveMs;
  return !ownTime.has(provider) && isNear(validFrom, epochMs) && isNear(fetchedAt, epochMs);
}

/**
 * Which of the waiting work should begin now. In the order of their deadlines, each takes the cleanest slot that ends before its
 * deadline and has room left; who finds none, or none cleaner than now, begins now. Since a later deadline can use every slot
 * that an earlier one can, whoever comes later never takes a slot away that somebody needs: as long as the work fits at all, all
 * of it is in time.
 * @param marginMs so long before its deadline work must be done by plan
 * @returns indices
 */
export function dueNow(waiting: readonly Waiting[], slots: readonly Slot[], nowMs: number, marginMs: number): number[] {
  const [now, ...later] = slots;
  const order = waiting.map((_, index) => index).sort((a, b) => deadlineOf(waiting, a) - deadlineOf(waiting, b));
  if (now === undefined) return order;
  const room = later.map(({ fromMs, toMs }) => (toMs - fromMs) * usableShare);
  const due: number[] = [];
  for (const index of order) {
    const item = waiting[index];
    if (item === undefined) continue;
    let best = -1;
    later.forEach((slot, at) => {
      const fits = slot.fromMs > nowMs && slot.toMs <= item.deadlineMs - marginMs && (room[at] ?? 0) >= item.runMs;
      const cleanest = best < 0 ? now.intensityGPerKwh * (1 - leastGain) : (later[best]?.intensityGPerKwh ?? 0);
      if (fits && slot.intensityGPerKwh < cleanest) best = at;
    });
    if (best < 0) due.push(index);
    else room[best] = (room[best] ?? 0) - item.runMs;
  }
  return due;
}

const deadlineOf = (waiting: readonly Waiting[], index: number): number => waiting[index]?.deadlineMs ?? Infinity;
