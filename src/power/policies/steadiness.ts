import { formatW } from './policy';

export interface SteadinessOptions {
  /** Smaller changes of the wanted cap are ignored, W. */
  readonly leastChangeW: number | (() => number);
  /** A cap stands at least this long before it may rise, s. A cap that must fall falls at once. */
  readonly leastDwellS: number;
}

export interface SteadyCap {
  readonly capW: number;
  readonly changed: boolean;
  /** In words, when the wanted cap was not taken; null otherwise. */
  readonly heldBecause: string | null;
}

/** A rise that was taken back within so many dwells did not last: the next one waits twice as long ... */
const lastingDwells = 2;
/** ... up to this factor, so that a grid that jumps does not make the cap jump. */
const mostPatience = 16;

/** Keeps a cap from flapping: hysteresis (least change) and least dwell time. */
export class Steadiness {
  private capW: number | null = null;
  private sinceMs = 0;
  /** The cap before the last change, where that was a rise. */
  private roseFromW: number | null = null;
  private patience = 1;

  constructor(private readonly options: SteadinessOptions) {}

  take(wantedW: number, nowMs: number): SteadyCap {
    const current = this.capW;
    if (current === null) return this.change(wantedW, nowMs);
    if (wantedW === current) return { capW: current, changed: false, heldBecause: null };
    const { leastChangeW } = this.options;
    const leastW = typeof leastChangeW === 'number' ? leastChangeW : leastChangeW();
    if (Math.abs(wantedW - current) < leastW) {
      const least = formatW(leastW);
      return {
        capW: current,
        changed: false,
        heldBecause: `held at ${formatW(current)}: the change is under ${least}`,
      };
    }
    const stoodS = (nowMs - this.sinceMs) / 1000;
    const dwellS = this.options.leastDwellS * this.patience;
    if (wantedW > current) {
      if (stoodS < dwellS) {
        const wait = `it may rise in ${Math.ceil(dwellS - stoodS)} s`;
        const again = this.patience > 1 ? ', for its last rise did not last' : '';
        return { capW: current, changed: false, heldBecause: `held at ${formatW(current)}: ${wait}${again}` };
      }
    } else if (this.roseFromW !== null) {
      const lasted = stoodS >= lastingDwells * dwellS;
      if (lasted) this.patience = 1;
      else if (wantedW <= this.roseFromW + leastW) this.patience = Math.min(mostPatience, this.patience * 2);
    }
    return this.change(wantedW, nowMs);
  }

  private change(capW: number, nowMs: number): SteadyCap {
    this.roseFromW = this.capW !== null && capW > this.capW ? this.capW : null;
    this.capW = capW;
    this.sinceMs = nowMs;
    return { capW, changed: true, heldBecause: null };
  }
}
