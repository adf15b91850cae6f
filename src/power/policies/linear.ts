import type { CarbonReading } from '../../signals/carbon';
import { CarbonBoundsLearner, type CarbonBounds, type FoundBounds } from './carbon-bounds';
import { clampW, formatW, safeMiddleW, type CapDecision, type CapPolicy, type CapRange } from './policy';

export interface LinearOptions {
  /** Intensities that stand for "clean" (full power) and "dirty" (least power); null finds them out. */
  readonly bounds: CarbonBounds | null;
  /** How long the last cap stands when the intensity is unknown, s. */
  readonly holdUnknownS: number;
}

/**
 * `P_max - (CI - CI_min) / (CI_max - CI_min) * (P_max - P_min)`, clamped to the range: our reading of the linear cap of
 * Ecomap (arXiv 2503.04148). At the low bound or below the device may draw `maximumW`, at the high bound or above `minimumW`.
 */
export function linearCapW(intensityGPerKwh: number, bounds: CarbonBounds, range: CapRange): number {
  const position = (intensityGPerKwh - bounds.lowGPerKwh) / (bounds.highGPerKwh - bounds.lowGPerKwh);
  return clampW(range.maximumW - position * (range.maximumW - range.minimumW), range);
}

/** The dirtier the grid, the lower the cap. Unknown intensity holds the last cap for a while, then takes the safe middle. */
export class LinearPolicy implements CapPolicy {
  readonly name = 'linear';
  readonly needsCarbon = true;
  private readonly learner = new CarbonBoundsLearner();
  private lastKnownW: number | null = null;
  private unknownSinceMs: number | null = null;

  constructor(private readonly options: LinearOptions) {}

  decide(reading: CarbonReading | null, range: CapRange, nowMs: number): CapDecision {
    if (reading === null) return this.withoutIntensity('no carbon reading has arrived', range, nowMs);
    if (reading.intensityGPerKwh === null)
      return this.withoutIntensity(`the carbon intensity of ${reading.zone} is unknown`, range, nowMs);
    if (reading.suspect)
      return this.withoutIntensity(`the reading of ${reading.zone} is suspect (an implausible jump)`, range, nowMs);
    this.unknownSinceMs = null;
    this.learner.learn(reading);
    const bounds = this.boundsFor(reading);
    if (bounds === null) {
      const capW = safeMiddleW(range);
      this.lastKnownW = capW;
      const known = `${reading.intensityGPerKwh.toFixed(0)} g/kWh, but what is low and high in ${reading.zone} is not yet known`;
      return { capW, reason: `${known}: safe middle of ${formatW(capW)}` };
    }
    const capW = linearCapW(reading.intensityGPerKwh, bounds, range);
    this.lastKnownW = capW;
    return { capW, reason: explain(reading, reading.intensityGPerKwh, bounds, capW, range) };
  }

  private boundsFor(reading: CarbonReading): FoundBounds | null {
    if (this.options.bounds !== null) return { ...this.options.bounds, origin: 'set by hand' };
    return this.learner.boundsFor(reading);
  }

  private withoutIntensity(why: string, range: CapRange, nowMs: number): CapDecision {
    this.unknownSinceMs ??= nowMs;
    const unknownS = (nowMs - this.unknownSinceMs) / 1000;
    if (this.lastKnownW !== null && unknownS < this.options.holdUnknownS) {
      const capW = clampW(this.lastKnownW, range);
      return { capW, reason: `${why}: the last cap of ${formatW(capW)} stands for ${this.options.holdUnknownS} s` };
    }
    const capW = safeMiddleW(range);
    const since = this.lastKnownW === null ? '' : ` for ${unknownS.toFixed(0)} s`;
    return { capW, reason: `${why}${since}: safe middle of ${formatW(capW)}` };
  }
}

function explain(
  reading: CarbonReading,
  intensityGPerKwh: number,
  bounds: FoundBounds,
  capW: number,
  range: CapRange,
): string {
  const intensity = `${intensityGPerKwh.toFixed(0)} g/kWh in ${reading.zone} (${reading.quality})`;
  const between = `${bounds.lowGPerKwh.toFixed(0)} to ${bounds.highGPerKwh.toFixed(0)} g/kWh (${bounds.origin})`;
  if (intensityGPerKwh <= bounds.lowGPerKwh)
    return `${intensity} is at the clean end of ${between}: highest cap, ${formatW(capW)}`;
  if (intensityGPerKwh >= bounds.highGPerKwh)
    return `${intensity} is at the dirty end of ${between}: lowest cap, ${formatW(capW)}`;
  const share = (intensityGPerKwh - bounds.lowGPerKwh) / (bounds.highGPerKwh - bounds.lowGPerKwh);
  return (
    `${intensity} is ${(share * 100).toFixed(0)} % of the way from clean to dirty, ${between}: ` +
    `${formatW(capW)} of ${formatW(range.minimumW)} to ${formatW(range.maximumW)}`
  );
}
