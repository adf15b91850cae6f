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

/** Keeps a cap from flapping: hysteresis (least change) and least dwell time. */
export class Steadiness {
  private capW: number | null = null;
  private sinceMs = 0;

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
    const remainingS = this.options.leastDwellS - (nowMs - this.sinceMs) / 1000;
    if (wantedW > current && remainingS > 0) {
      const wait = `it may rise in ${Math.ceil(remainingS)} s`;
      return { capW: current, changed: false, heldBecause: `held at ${formatW(current)}: ${wait}` };
    }
    return this.change(wantedW, nowMs);
  }

  private change(capW: number, nowMs: number): SteadyCap {
    this.capW = capW;
    this.sinceMs = nowMs;
    return { capW, changed: true, heldBecause: null };
  }
}
