/** Waits before stepping up grow with each step that had to be taken back, up to this factor. */
const mostBackoff = 64;
/** A step up that held for this many waits was no mistake; each such time halves the backoff. */
const proofFactor = 8;
/** A variant that would fit with nothing to spare has to fit for this many waits. */
const tightFactor = 6;
/** A cap that fell by more than this since the step up explains the step down: that was no mistake. */
const capMoved = 0.02;
/**
 * A step up that had to be taken back is held against the next ones for so many waits: an hour, where the wait is 20 s. It may
 * have held for long: what breaks again and again within the hour is flapping all the same.
 */
const memoryFactor = 180;
/** After so many there is no other one to the same: with the steps down they are four swaps. */
const mostMistakes = 2;
/** More are not kept: those of other caps and other room among them. */
const mostKept = 8;
/** Where this share of the limit more is left than before a step up that did not last, it is another matter. */
const clearlyMoreRoom = 0.2;

/** Under what a variant was said to fit, and for how much room there was; null where that is not known. */
interface Terms {
  readonly capW: number | null;
  readonly room: number | null;
}

interface StepUp extends Terms {
  readonly atMs: number;
  readonly waitedMs: number;
  readonly takenBack: boolean;
}

interface Mistake extends Terms {
  readonly atMs: number;
}

/** What the selector remembers of one tenant's swaps. Times are milliseconds of a clock that never jumps. */
export class SwapHistory {
  private readonly upAfterMs: number;
  private readonly dwellMs: number;
  /** Since when each heavier variant has been predicted to fit without interruption, and to fit with slack. */
  private readonly fitsSince = new Map<string, number>();
  private readonly slackSince = new Map<string, number>();
  private lastSwapMs = -Infinity;
  private lastTroubleMs = -Infinity;
  private lastUp: StepUp | null = null;
  /** Steps up that did not last, oldest first. */
  private mistakes: readonly Mistake[] = [];
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

  /** The variant that the tenant runs keeps all limits; the one that it began with is taken for stepped up to. */
  noteHolds(nowMs: number, capW: number | null): void {
    this.lastUp ??= { atMs: nowMs, capW, room: null, waitedMs: 0, takenBack: false };
  }

  /** An observed violation: slack begins anew. */
  noteTrouble(nowMs: number): void {
    this.lastTroubleMs = nowMs;
    this.forgetFits();
  }

  /**
   * Whether the variant has fitted long enough, and nothing else speaks against stepping up.
   * @param room share of the limit that the variant comes nearest to that stays free; null where that is not known
   */
  mayStepUpTo(variant: string, nowMs: number, { capW, room }: Terms): boolean {
    const slackMs = nowMs - (this.slackSince.get(variant) ?? Infinity);
    const fitsMs = nowMs - (this.fitsSince.get(variant) ?? Infinity);
    return (
      (slackMs >= this.waitMs() || fitsMs >= tightFactor * this.waitMs()) &&
      nowMs - this.lastTroubleMs >= this.waitMs() &&
      nowMs - this.lastSwapMs >= this.dwellMs &&
      !this.isHeldBack(nowMs, { capW, room })
    );
  }

  /** Whether steps up on such terms were taken back so often lately that there is no other one for now. */
  isHeldBack(nowMs: number, terms: Terms): boolean {
    return this.mistakesLike(terms, nowMs) >= mostMistakes;
  }

  steppedUp(variant: string, nowMs: number, { capW, room }: Terms): void {
    const hadSlack = nowMs - (this.slackSince.get(variant) ?? Infinity) >= this.waitMs();
    const waitedMs = this.waitMs() * (hadSlack ? 1 : tightFactor);
    this.lastUp = { atMs: nowMs, capW, room, waitedMs, takenBack: false };
    this.swapped(nowMs);
  }

  /**
   * A step down after a step up, under the same cap, means that the step up was a mistake: it is remembered, and where it came soon
   * the next one waits longer.
   */
  steppedDown(nowMs: number, capW: number | null): void {
    const up = this.lastUp;
    const soon = up !== null && nowMs - up.atMs < proofFactor * Math.max(up.waitedMs, this.waitMs());
    const sameCap = up === null || capW === null || (up.capW !== null && capW >= up.capW * (1 - capMoved));
    if (soon && sameCap) this.raiseBackoff();
    if (sameCap && up !== null && !up.takenBack && nowMs - up.atMs < this.memoryMs) this.remember(nowMs, up);
    this.quietSinceMs = nowMs;
    this.swapped(nowMs);
  }

  /** A step down after an observation: the prediction said that the variant fits and was wrong, so it is trusted less. */
  steppedDownAgainstPrediction(nowMs: number, capW: number | null): void {
    const up = this.lastUp;
    this.raiseBackoff();
    this.remember(nowMs, up !== null && nowMs - up.atMs < this.memoryMs ? up : { capW, room: null });
    this.quietSinceMs = nowMs;
    this.swapped(nowMs);
  }

  /** A step down for the sake of grams: nothing was wrong with the heavier variant. */
  steppedDownByChoice(nowMs: number): void {
    this.swapped(nowMs);
  }

  private get memoryMs(): number {
    return memoryFactor * this.upAfterMs;
  }

  private remember(nowMs: number, { capW, room }: Terms): void {
    if (this.lastUp !== null) this.lastUp = { ...this.lastUp, takenBack: true };
    this.mistakes = [...this.mistakes, { atMs: nowMs, capW, room }].slice(-mostKept);
  }

  /** Of the steps up that did not last, those that say something of one on these terms. */
  private mistakesLike({ capW, room }: Terms, nowMs: number): number {
    return this.mistakes.filter(
      (mistake) =>
        nowMs - mistake.atMs < this.memoryMs &&
        (capW === null || mistake.capW === null || capW <= mistake.capW * (1 + capMoved)) &&
        (room === null || mistake.room === null || room <= mistake.room + clearlyMoreRoom),
    ).length;
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
