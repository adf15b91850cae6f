import type { Clock } from '../power/clock';

const dayS = 86_400;

/** The time of a grid day that is played fast. It stands still until the day begins, so that every policy meets the same day. */
export class DayClock implements Clock {
  /** Seconds of the grid in a second here. */
  readonly speed: number;
  private readonly madeMs = Date.now();
  private beganMs: number | null = null;

  /** @param dayLengthS what a day takes here, s */
  constructor(
    dayLengthS: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.speed = dayS / dayLengthS;
  }

  begin(): void {
    this.beganMs ??= this.nowMs();
  }

  /** Since the day began, in time of this machine, ms. */
  get elapsedMs(): number {
    return this.beganMs === null ? 0 : this.nowMs() - this.beganMs;
  }

  /** For a grid, which is told how fast its days are: ms since the epoch, in time of this machine. */
  epochMs(): number {
    return this.madeMs + this.elapsedMs;
  }

  /** For a policy, whose time is the grid's, ms. */
  monotonicMs(): number {
    return this.elapsedMs * this.speed;
  }
}
