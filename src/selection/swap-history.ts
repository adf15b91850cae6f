/** Waits before stepping up grow with each step that had to be taken back, up to this factor. */
const mostBackoff = 64;
/** A step up that held for this many waits was no mistake; each such time halves the backoff. */
const proofFactor = 8;
/** A variant that would fit with nothing to spare has to fit for this many waits. */
const tightFactor = 6;
/** A cap that fell by more than this since the step up explains the step down: that was no mistake. */
const capMoved = 0.02;

/** What the selector remembers of one tenant's swaps. Times are milliseconds of a clock that never jumps. */
export class SwapHistory {
  private readonly upAfterMs: number;
  private readonly dwellMs: number;
  /** Since when each heavier variant has been predicted to fit without interruption, and to fit with slack. */
  private readonly fitsSince = new Map<string, number>();
  private readonly slackSince = new Map<string, number>();
  private lastSwapMs = -Infinity;
  private lastTroubleMs = -Infinity;
  private lastUp: { readonly atMs: number; readonly capW: number | null; readonly waitedMs: number } | null = null;
  private backoff = 1;
  private quietSinceMs = -Infinity;

  constructor(settings: { upAfterMs: number; dwellMs: number }) {
    this.upAfterMs = settings.upAfterMs;
    this.dwellMs = settings.dwellMs;
  }

  /** Notes which heavier variants fit now, and which of them with slack; for all others the wait begins anew. */
  noteFits(fitting: ReadonlySet<string>, withSlack: ReadonlySet<string>, nowMs: number): void {
    note(this.fitsSince, fitting, nowMs);
    note(this.slackSince, withSlack, nowMs);
    if (this.backoff > 1 && nowMs - this.quietSinceMs >= proofFactor * this.waitMs()) {
      this.backoff /= 2;
      this.quietSinceMs = nowMs;
    }
  }

  /** An observed violation: slack begins anew. */
  noteTrouble(nowMs: number): void {
    this.lastTroubleMs = nowMs;
    this.forgetFits();
  }

  /** Whether the variant has fitted long enough, and nothing else speaks against stepping up. */
  mayStepUpTo(variant: string, nowMs: number): boolean {
    const slackMs = nowMs - (this.slackSince.get(variant) ?? Infinity);
    const fitsMs = nowMs - (this.fitsSince.get(variant) ?? Infinity);
    return (
      (slackMs >= this.waitMs() || fitsMs >= tightFactor * this.waitMs()) &&
      nowMs - this.lastTroubleMs >= this.waitMs() &&
      nowMs - this.lastSwapMs >= this.dwellMs
    );
  }

  steppedUp(variant: string, nowMs: number, capW: number | null): void {
    const hadSlack = nowMs - (this.slackSince.get(variant) ?? Infinity) >= this.waitMs();
    this.lastUp = { atMs: nowMs, capW, waitedMs: this.waitMs() * (hadSlack ? 1 : tightFactor) };
    this.swapped(nowMs);
  }

  /** A step down soon after a step up, under the same cap, means that the step up was a mistake: the next one waits longer. */
  steppedDown(nowMs: number, capW: number | null): void {
    const up = this.lastUp;
    const soon = up !== null && nowMs - up.atMs < proofFactor * Math.max(up.waitedMs, this.waitMs());
    const sameCap = up === null || capW === null || up.capW === null || capW >= up.capW * (1 - capMoved);
    if (soon && sameCap) this.raiseBackoff();
    this.quietSinceMs = nowMs;
    this.swapped(nowMs);
  }

  /** A step down after an observation: the prediction said that the variant fits and was wrong, so it is trusted less. */
  steppedDownAgainstPrediction(nowMs: number): void {
    this.raiseBackoff();
    this.quietSinceMs = nowMs;
    this.swapped(nowMs);
  }

  /** A step down for the sake of grams: nothing was wrong with the heavier variant. */
  steppedDownByChoice(nowMs: number): void {
    this.swapped(nowMs);
  }

  private raiseBackoff(): void {
    this.backoff = Math.min(mostBackoff, this.backoff * 2);
  }

  private swapped(nowMs: number): void {
    this.lastSwapMs = nowMs;
    this.forgetFits();
  }

  private forgetFits(): void {
    this.fitsSince.clear();
    this.slackSince.clear();
  }

  private waitMs(): number {
    return this.upAfterMs * this.backoff;
  }
}

/** Keeps since when each is so. */
function note(since: Map<string, number>, now: ReadonlySet<string>, nowMs: number): void {
  for (const variant of since.keys()) if (!now.has(variant)) since.delete(variant);
  for (const variant of now) if (!since.has(variant)) since.set(variant, nowMs);
}
