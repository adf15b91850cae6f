import type { Stretch } from './energy-rows';

export interface InForce {
  readonly atMs: number;
  /** Id of an intensity row. */
  readonly intensity: string;
}

export interface TimelinePart extends Stretch {
  /** Share of the whole stretch, 0..1. */
  readonly share: number;
  /** null before the first reading. */
  readonly intensity: string | null;
}

/** Windows of telemetry come a little after the readings that held in them; older readings than this are forgotten. */
const keptMs = 3_600_000;

/** Which intensity was in force when (wall time): a reading holds from when it came until the next one. */
export class IntensityTimeline {
  #entries: InForce[] = [];

  get latest(): InForce | null {
    return this.#entries.at(-1) ?? null;
  }

  get entries(): readonly InForce[] {
    return this.#entries;
  }

  /** The one that is in force already changes nothing. */
  add(entry: InForce): void {
    if (this.latest?.intensity === entry.intensity) return;
    this.#entries.push(entry);
    // The last entry from before the horizon still holds after it.
    const first = this.#entries.findLastIndex((known) => known.atMs <= entry.atMs - keptMs);
    if (first > 0) this.#entries = this.#entries.slice(first);
  }

  /** After a restart: what held before it, unless that is long ago. */
  forget(): void {
    this.#entries = [];
  }

  over(fromMs: number, toMs: number): TimelinePart[] {
    const lengthMs = toMs - fromMs;
    const atStart = this.#entries.findLast((entry) => entry.atMs <= fromMs)?.intensity ?? null;
    if (lengthMs <= 0) return [{ fromMs, toMs, share: 1, intensity: atStart }];
    const changes = this.#entries.filter((entry) => entry.atMs > fromMs && entry.atMs < toMs);
    const bounds = [fromMs, ...changes.map((entry) => entry.atMs), toMs];
    return [atStart, ...changes.map((entry) => entry.intensity)].flatMap((intensity, index) => {
      const part = { fromMs: bounds[index] ?? fromMs, toMs: bounds[index + 1] ?? toMs };
      const share = (part.toMs - part.fromMs) / lengthMs;
      return share > 0 ? [{ ...part, share, intensity }] : [];
    });
  }
}
