import type { CarbonReading } from '../../signals/carbon';
import { CarbonBoundsLearner, type CarbonBounds } from './carbon-bounds';
import { formatW, safeMiddleW, type CapDecision, type CapPolicy, type CapRange } from './policy';
import { UnknownIntensity, whyUnknown } from './unknown-intensity';

export interface TwoLevelOptions {
  /** Below `lowGPerKwh` the grid is clean, above `highGPerKwh` dirty; null takes the thirds of what the grid's range is found to be. */
  readonly thresholds: CarbonBounds | null;
  /** How long the last cap stands when the intensity is unknown, s. */
  readonly holdUnknownS: number;
}

interface Thresholds extends CarbonBounds {
  readonly origin: string;
}

/** The highest cap on a clean grid, the lowest on a dirty one; in between the level stays what it was. */
export class TwoLevelPolicy implements CapPolicy {
  readonly name = 'two-level';
  readonly needsCarbon = true;
  private readonly learner = new CarbonBoundsLearner();
  private readonly unknown: UnknownIntensity;
  private level: 'high' | 'low' | null = null;

  constructor(private readonly options: TwoLevelOptions) {
    this.unknown = new UnknownIntensity(options.holdUnknownS);
  }

  decide(reading: CarbonReading | null, range: CapRange, nowMs: number): CapDecision {
    const intensity = reading?.intensityGPerKwh ?? null;
    const why = whyUnknown(reading);
    if (reading === null || intensity === null || why !== null)
      return this.unknown.decide(why ?? 'the carbon intensity is unknown', range, nowMs);
    this.learner.learn(reading);
    const decision = this.choose(reading, intensity, range);
    this.unknown.known(decision.capW);
    return decision;
  }

  private choose(reading: CarbonReading, intensity: number, range: CapRange): CapDecision {
    const now = `${intensity.toFixed(0)} g/kWh in ${reading.zone} (${reading.quality})`;
    const thresholds = this.thresholdsFor(reading);
    if (thresholds === null) {
      const capW = safeMiddleW(range);
      const unclear = `what is clean and dirty in ${reading.zone} is not yet known`;
      return { capW, reason: `${now}, but ${unclear}: safe middle of ${formatW(capW)}` };
    }
    const { lowGPerKwh, highGPerKwh, origin } = thresholds;
    if (intensity < lowGPerKwh || intensity > highGPerKwh) {
      this.level = intensity < lowGPerKwh ? 'high' : 'low';
      const capW = this.level === 'high' ? range.maximumW : range.minimumW;
      const side =
        this.level === 'high'
          ? `cleaner than ${lowGPerKwh.toFixed(0)} g/kWh (${origin}): highest cap`
          : `dirtier than ${highGPerKwh.toFixed(0)} g/kWh (${origin}): lowest cap`;
      return { capW, reason: `${now} is ${side}, ${formatW(capW)}` };
    }
    const between = `${now} lies between ${lowGPerKwh.toFixed(0)} and ${highGPerKwh.toFixed(0)} g/kWh (${origin})`;
    if (this.level === null) {
      const capW = safeMiddleW(range);
      return { capW, reason: `${between}, and neither was passed yet: safe middle of ${formatW(capW)}` };
    }
    const capW = this.level === 'high' ? range.maximumW : range.minimumW;
    return {
      capW,
      reason: `${between}: the ${this.level === 'high' ? 'highest' : 'lowest'} cap stays, ${formatW(capW)}`,
    };
  }

  private thresholdsFor(reading: CarbonReading): Thresholds | null {
    if (this.options.thresholds !== null) return { ...this.options.thresholds, origin: 'set by hand' };
    const found = this.learner.boundsFor(reading);
    if (found === null) return null;
    const third = (found.highGPerKwh - found.lowGPerKwh) / 3;
    return {
      lowGPerKwh: found.lowGPerKwh + third,
      highGPerKwh: found.highGPerKwh - third,
      origin: `thirds of ${found.origin}`,
    };
  }
}
