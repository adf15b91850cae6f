import type { CarbonReading } from '../../signals/carbon';

export interface InForce {
  readonly atMs: number;
  readonly intensityGPerKwh: number | null;
  readonly quality: string;
  readonly signal: string;
  readonly basis: string;
  readonly attribution: string;
}

export interface WindowIntensity {
  /** Time-weighted mean over the known part of the window, g/kWh; null when no part is known. */
  readonly meanGPerKwh: number | null;
  /** Share of the window whose intensity is known, 0..1. */
  readonly knownShare: number;
  readonly parts: readonly { readonly share: number; readonly inForce: InForce | null }[];
}

/** Windows of telemetry come a little after the readings that held in them; older readings than this are forgotten. */
const keptMs = 3_600_000;

/** Which intensity was in force when (wall time): a reading holds from when it came until the next one. */
export class IntensityTimeline {
  #entries: InForce[] = [];

  get latest(): InForce | null {
    return this.#entries.at(-1) ?? null;
  }

  add(reading: CarbonReading, atMs: number): void {
    const { intensityGPerKwh, quality, signal, basis, attribution } = reading;
    this.#entries.push({ atMs, intensityGPerKwh, quality, signal, basis, attribution });
    // The last entry from before the horizon still holds after it.
    const first = this.#entries.findLastIndex((entry) => entry.atMs <= atMs - keptMs);
    if (first > 0) this.#entries = this.#entries.slice(first);
  }

  over(fromMs: number, toMs: number): WindowIntensity {
    const parts = this.#parts(fromMs, toMs);
    let knownShare = 0;
    let weighted = 0;
    for (const { share, inForce } of parts) {
      if (inForce?.intensityGPerKwh == null) continue;
      knownShare += share;
      weighted += share * inForce.intensityGPerKwh;
    }
    return { meanGPerKwh: knownShare > 0 ? weighted / knownShare : null, knownShare: Math.min(1, knownShare), parts };
  }

  #parts(fromMs: number, toMs: number): WindowIntensity['parts'] {
    const lengthMs = toMs - fromMs;
    const atStart = this.#entries.findLast((entry) => entry.atMs <= fromMs) ?? null;
    if (lengthMs <= 0) return [{ share: 1, inForce: atStart }];
    const changes = this.#entries.filter((entry) => entry.atMs > fromMs && entry.atMs < toMs);
    const bounds = [fromMs, ...changes.map((entry) => entry.atMs), toMs];
    return [atStart, ...changes].flatMap((inForce, index) => {
      const share = ((bounds[index + 1] ?? toMs) - (bounds[index] ?? fromMs)) / lengthMs;
      return share > 0 ? [{ share, inForce }] : [];
    });
  }
}
