import type { CarbonReading } from '../../signals/carbon';
import type { Quality } from '../../signals/quality';
import { dayMs, GridTime } from './grid-time';
import { LinearPolicy } from './linear';
import { GridOutlook } from './outlook';
import { formatW, type CapDecision, type CapPolicy, type CapRange } from './policy';

export interface QualityOptions {
  /** Percentage points that a day's mean accuracy may lie below the best. */
  readonly allowancePt: number;
  /** What limits the power besides: only the highest cap, or the linear policy. */
  readonly within: 'highest' | 'linear';
  readonly holdUnknownS: number;
}

/**
 * Lets accuracy vary with the grid instead of power: the cap is the outer limit; the day's allowance of accuracy and what is
 * expected of the grid go along, for the selector to spend where it saves most.
 */
export class QualityPolicy implements CapPolicy {
  readonly name = 'quality';
  readonly needsCarbon = true;
  readonly followsPlan = true;
  private readonly time = new GridTime();
  private readonly outlook = new GridOutlook();
  private readonly linear: LinearPolicy | null;

  constructor(private readonly options: QualityOptions) {
    const { within, holdUnknownS } = options;
    this.linear = within === 'linear' ? new LinearPolicy({ bounds: null, holdUnknownS }) : null;
  }

  decide(reading: CarbonReading | null, range: CapRange, nowMs: number): CapDecision {
    const outer = this.linear?.decide(reading, range, nowMs) ?? {
      capW: range.maximumW,
      reason: `highest cap, ${formatW(range.maximumW)}`,
    };
    const quality = this.qualityAt(reading, nowMs);
    const day = `accuracy may give up ${this.options.allowancePt} points in the mean of a day, where that saves most`;
    const expected =
      quality.outlookFrom === 'nothing'
        ? 'what the grid will do is not yet known'
        : `expected of the grid: ${describe(quality)}`;
    return { capW: outer.capW, reason: `${outer.reason}; ${day}; ${expected}`, quality };
  }

  private qualityAt(reading: CarbonReading | null, nowMs: number): Quality {
    const { allowancePt } = this.options;
    if (reading === null) {
      return {
        allowancePt,
        at: new Date(0).toISOString(),
        intensityGPerKwh: null,
        outlook: [],
        outlookFrom: 'nothing',
      };
    }
    const atMs = this.time.at(reading, nowMs);
    this.outlook.learn(reading, atMs);
    const { points, from } = this.outlook.ahead(atMs, dayMs);
    return {
      allowancePt,
      at: new Date(atMs).toISOString(),
      intensityGPerKwh: this.outlook.intensityNow(atMs),
      outlook: [...points],
      outlookFrom: from,
    };
  }
}

const origins = {
  forecast: 'its forecast',
  'day before': 'as the day before',
  readings: 'the readings so far',
  nothing: 'nothing',
} as const;

function describe({ outlook, outlookFrom }: Quality): string {
  const values = outlook.map(({ intensityGPerKwh }) => intensityGPerKwh);
  return `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} g/kWh within 24 h (${origins[outlookFrom]})`;
}
