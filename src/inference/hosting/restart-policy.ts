const firstBackoffMs = 250;
const longestBackoffMs = 10_000;
/** A host that lived this long has earned an immediate restart again. */
const healthyMs = 30_000;
/** So many starts in a row that ended before the host could serve: nobody waits for the next one any more. */
const mostFailedStarts = 3;

export interface Restart {
  /** Wait this long before the next process is started. */
  readonly delayMs: number;
  /** True when several starts in a row have failed: tries go on, but what waits should be told. */
  readonly hopeless: boolean;
}

/** When the process of a host is started again: the first time at once, then with growing delays. */
export class RestartPolicy {
  #startedMs = 0;
  #served = false;
  #failuresInARow = 0;
  #failedStarts = 0;

  /** A process was started. */
  started(nowMs: number): void {
    this.#startedMs = nowMs;
    this.#served = false;
  }

  /** The process has its models and takes requests. */
  serving(): void {
    this.#served = true;
    this.#failedStarts = 0;
  }

  died(nowMs: number): Restart {
    if (!this.#served) this.#failedStarts += 1;
    if (nowMs - this.#startedMs > healthyMs) this.#failuresInARow = 0;
    const delayMs =
      this.#failuresInARow === 0 ? 0 : Math.min(longestBackoffMs, firstBackoffMs * 2 ** (this.#failuresInARow - 1));
    this.#failuresInARow += 1;
    return { delayMs, hopeless: this.#failedStarts >= mostFailedStarts };
  }
}
