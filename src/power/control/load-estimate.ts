import { RollingPeak } from './recent-power';

/**
 * How long the load must have stayed low before the loop reckons with less: at first the "sustained slack" of a few
 * seconds, and longer each time that this turned out to be too bold, so that a noisy load does not swing the clocks.
 */
const patienceLadderMs: readonly number[] = [5_000, 10 * 60_000, 60 * 60_000];
const longestPatienceMs = 60 * 60_000;
const firstFinePatienceMs = 10_000;
/** Less room than this is not worth a change. */
const worthwhile = 0.985;
/** What a falling load is taken for above its measured peak. */
const margin = 1.005;
/** And above that, standard deviations: more of them after each mistake. */
const spreadMargin = 1.5;
const steadyWindowMs = 10_000;
const steadySpread = 0.03;
/** A device that does nothing says nothing of what its next request will draw. */
const leastLoad = 0.5;

/**
 * The load to reckon with, relative to the full load that the operating points were described for: above 1 where the
 * networks draw more than the model says, below where they draw less or have nothing to do. Rises at once when the cap is
 * exceeded, falls only to the peak of a time that grows with every mistake.
 */
export class LoadEstimate {
  private value = 1;
  private known = false;
  private step = 0;
  /** Grows with every small excess, so that the last percent is not sought for ever. */
  private finePatienceMs = 0;
  private lastRiseMs = Number.NEGATIVE_INFINITY;
  private lastFallMs: number | null = null;
  private watchedSinceMs: number | null = null;
  private readonly peaks = new RollingPeak(1_000, longestPatienceMs);

  /** The load to reckon with. */
  get load(): number {
    return this.value;
  }

  /** False as long as nothing was measured: then the load is assumed to be full. */
  get measured(): boolean {
    return this.known;
  }

  /** How long it must stay lower before less is reckoned with, ms. */
  get patienceMs(): number {
    const ladder = patienceLadderMs[Math.min(this.step, patienceLadderMs.length - 1)] ?? longestPatienceMs;
    return Math.max(ladder, this.finePatienceMs);
  }

  /** A settled measurement. */
  observe(load: number, nowMs: number): void {
    this.watchedSinceMs ??= nowMs;
    this.peaks.add(nowMs, load);
  }

  /** The cap is exceeded: at least this is the load. @param isGrave by more than noise */
  raise(load: number, nowMs: number, isGrave: boolean): void {
    this.known = true;
    if (load <= this.value) return;
    // We had reckoned with less and were wrong: be slower to believe it the next time.
    if (this.lastFallMs !== null && !isGrave)
      this.finePatienceMs = Math.min(longestPatienceMs, Math.max(firstFinePatienceMs, 2 * this.finePatienceMs));
    if (this.lastFallMs !== null && isGrave) {
      this.step = Math.min(this.step + 1, patienceLadderMs.length - 1);
      this.lastFallMs = null;
    }
    this.value = load;
    this.lastRiseMs = nowMs;
  }

  /** Takes the load for less when it has been so for long enough. @returns true when it was */
  relax(nowMs: number): boolean {
    const patienceMs = this.patienceMs;
    const watchedMs = this.watchedSinceMs === null ? 0 : nowMs - this.watchedSinceMs;
    const changedMs = Math.max(this.lastRiseMs, this.lastFallMs ?? Number.NEGATIVE_INFINITY);
    if (watchedMs < patienceMs || nowMs - changedMs < patienceMs) return false;
    const seen = this.peaks.over(nowMs, patienceMs);
    if (seen === null) return false;
    this.known = true;
    // A load that varies goes beyond the peak of a few seconds soon; of a steady one the peaks are the sensor's noise.
    const isSteady = seen.spread < steadySpread * seen.mean;
    const expected = isSteady
      ? seen.mean + seen.spread / 2
      : seen.peak * margin + spreadMargin * (1 + this.step) * seen.spread;
    const lower = Math.max(expected, leastLoad);
    if (lower > this.value * worthwhile) return false;
    this.value = lower;
    this.lastFallMs = nowMs;
    return true;
  }

  /** True when the load hardly varied of late. */
  isSteady(nowMs: number): boolean {
    const seen = this.peaks.over(nowMs, steadyWindowMs);
    return seen !== null && seen.spread < steadySpread * seen.peak;
  }

  /** Another cap: what was learned of the load holds, how long to wait does not. */
  expectAnew(): void {
    this.step = 0;
    this.finePatienceMs = 0;
  }

  /** The same watts in terms of a corrected model. */
  rescale(factor: number): void {
    this.value *= factor;
  }

  /** Time was lost (a suspended machine): what was watched says nothing any more. */
  forgetWatching(): void {
    this.watchedSinceMs = null;
    this.peaks.clear();
  }
}
