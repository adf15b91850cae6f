const firstMs = 250;
const longestMs = 30_000;
/** A process that lived this long has earned an immediate restart again. */
const healthyMs = 60_000;

/** When a process that died is started again: the first time at once, then after growing delays. */
export class RestartDelays {
  private startedMs = 0;
  private inARow = 0;

  started(nowMs: number): void {
    this.startedMs = nowMs;
  }

  /** @returns the delay before the next start, ms */
  died(nowMs: number): number {
    if (nowMs - this.startedMs > healthyMs) this.inARow = 0;
    const delayMs = this.inARow === 0 ? 0 : Math.min(longestMs, firstMs * 2 ** (this.inARow - 1));
    this.inARow += 1;
    return delayMs;
  }
}
