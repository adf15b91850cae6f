import type { CarbonReading } from '../../signals/carbon';
import { CarbonBoundsLearner, type CarbonBounds, type FoundBounds } from './carbon-bounds';
import { clampW, formatW, safeMiddleW, type CapDecision, type CapPolicy, type CapRange } from './policy';
import { UnknownIntensity, whyUnknown } from './unknown-intensity';

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
  private readonly unknown: UnknownIntensity;

  constructor(private readonly options: LinearOptions) {
    this.unknown = new UnknownIntensity(options.holdUnknownS);
  }

  decide(reading: CarbonReading | null, range: CapRange, nowMs: number): CapDecision {
    const intensity = reading?.intensityGPerKwh ?? null;
    const why = whyUnknown(reading);
    if (reading === null || intensity === null || why !== null)
      return this.unknown.decide(why ?? 'the carbon intensity is unknown', range, nowMs);
    this.learner.learn(reading);
    const bounds = this.boundsFor(reading);
    if (bounds === null) {
      const capW = safeMiddleW(range);
      this.unknown.known(capW);
      const known = `${intensity.toFixed(0)} g/kWh, but what is low and high in ${reading.zone} is not yet known`;
      return { capW, reason: `${known}: safe middle of ${formatW(capW)}` };
    }
    const capW = linearCapW(intensity, bounds, range);
    this.unknown.known(capW);
    return { capW, reason: explain(reading, intensity, bounds, capW, range) };
  }

  private boundsFor(reading: CarbonReading): FoundBounds | null {
    if (this.options.bounds !== null) return { ...this.options.bounds, origin: 'set by hand' };
    return this.learner.boundsFor(reading);
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
