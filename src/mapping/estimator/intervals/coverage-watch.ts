import { conformalBins, defaultAlpha, halfWidthAt, type ConformalBins, type Residual } from './conformal';

export interface CoverageStatus {
  /** Share of the last measurements within their interval; null before the first. */
  readonly coverage: number | null;
  readonly measured: number;
  /** False: so few within cannot be chance; the bins were made anew where the recent measurements are enough for it. */
  readonly holds: boolean;
}

const windowSize = 200;
/** Fewer measurements do not tell a bad interval from bad luck. */
const leastMeasured = 20;
/** Coverage that would come by chance this rarely counts as lost: it is looked at after every measurement. */
const chance = 1e-4;
/** What a measurement counts relative to one made a window later. */
const fading = 0.3;

/**
 * Holds intervals to what is measured while they are used. Pure: no clock, no timers. A workload that has drifted makes
 * the intervals too narrow; then they are made anew from recent measurements, the latest counting most.
 */
export class CoverageWatch {
  private readonly recent: (Residual & { readonly within: boolean })[] = [];
  private outcome: boolean | null = null;

  constructor(private current: ConformalBins) {}

  /** The intervals in force. */
  get bins(): ConformalBins {
    return this.current;
  }

  /** @returns the intervals when they were made anew, else null */
  observe({ lnError, lnSlowdown }: Residual): ConformalBins | null {
    const within = Math.abs(lnError) <= halfWidthAt(this.current, lnSlowdown);
    this.recent.push({ lnError, lnSlowdown, within });
    if (this.recent.length > windowSize) this.recent.shift();
    this.outcome = null;
    return this.status().holds ? null : this.refresh();
  }

  status(): CoverageStatus {
    const measured = this.recent.length;
    const inside = this.recent.filter(({ within }) => within).length;
    this.outcome ??= measured < leastMeasured || binomialAtMost(inside, measured, 1 - this.current.alpha) >= chance;
    return { coverage: measured === 0 ? null : inside / measured, measured, holds: this.outcome };
  }

  private refresh(): ConformalBins | null {
    const weighted = this.recent.map(({ lnError, lnSlowdown }, index) => ({
      lnError,
      lnSlowdown,
      weight: fading ** ((this.recent.length - 1 - index) / windowSize),
    }));
    const bins = conformalBins(weighted, this.current.alpha || defaultAlpha);
    if (bins === null) return null;
    this.current = bins;
    // What was measured is now what the bins were made of: the count starts anew.
    this.recent.length = 0;
    return bins;
  }
}

/** Probability of at most k successes in n trials. */
function binomialAtMost(k: number, n: number, p: number): number {
  let term = (1 - p) ** n;
  let sum = term;
  for (let i = 1; i <= k; i += 1) {
    term *= ((n - i + 1) / i) * (p / (1 - p));
    sum += term;
  }
  return sum;
}
