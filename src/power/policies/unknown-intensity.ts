import type { CarbonReading } from '../../signals/carbon';
import { clampW, formatW, safeMiddleW, type CapDecision, type CapRange } from './policy';

/** What is wrong with a reading that no cap can be worked out from, in words; null when nothing is. */
export function whyUnknown(reading: CarbonReading | null): string | null {
  if (reading === null) return 'no carbon reading has arrived';
  if (reading.intensityGPerKwh === null) return `the carbon intensity of ${reading.zone} is unknown`;
  return reading.suspect ? `the reading of ${reading.zone} is suspect (an implausible jump)` : null;
}

/** While the intensity is unknown: the last cap for a while, then the safe middle. */
export class UnknownIntensity {
  private lastKnownW: number | null = null;
  private unknownSinceMs: number | null = null;

  /** @param holdS how long the last cap stands, s */
  constructor(private readonly holdS: number) {}

  /** The intensity is known, and this is its cap. */
  known(capW: number): void {
    this.lastKnownW = capW;
    this.unknownSinceMs = null;
  }

  decide(why: string, range: CapRange, nowMs: number): CapDecision {
    this.unknownSinceMs ??= nowMs;
    const unknownS = (nowMs - this.unknownSinceMs) / 1000;
    if (this.lastKnownW !== null && unknownS < this.holdS) {
      const capW = clampW(this.lastKnownW, range);
      return { capW, reason: `${why}: the last cap of ${formatW(capW)} stands for ${this.holdS} s` };
    }
    const capW = safeMiddleW(range);
    const since = this.lastKnownW === null ? '' : ` for ${unknownS.toFixed(0)} s`;
    return { capW, reason: `${why}${since}: safe middle of ${formatW(capW)}` };
  }
}
