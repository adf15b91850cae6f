/** The log is written at most this often, ms. */
const leastIntervalMs = 5_000;
/** More changes in one line nobody reads; the message of each plan has its own. */
const mostInLine = 5;

/** Writes why plans change into the log: at most one line in a while, in which changes that follow each other stand together. */
export class ChangeLog {
  private waiting: string[] = [];
  private writtenMs = -Infinity;

  constructor(
    private readonly on: {
      log(text: string): void;
      /** Milliseconds on a clock that never jumps. */
      clock(): number;
      after(delayMs: number, action: () => void): void;
    },
  ) {}

  say(text: string): void {
    this.waiting.push(text);
    if (this.waiting.length > 1) return;
    const sinceMs = this.on.clock() - this.writtenMs;
    if (sinceMs >= leastIntervalMs) this.flush();
    else this.on.after(leastIntervalMs - sinceMs, () => this.flush());
  }

  /** Writes what waits. */
  flush(): void {
    if (this.waiting.length === 0) return;
    const shown = this.waiting.slice(-mostInLine);
    const more = this.waiting.length - shown.length;
    this.waiting = [];
    this.writtenMs = this.on.clock();
    this.on.log(`Plan changed: ${[...(more > 0 ? [`${more} times`] : []), ...shown].join('. Then: ')}`);
  }
}
