/** What a queue needs to know of a request. Times are on the monotonic clock, ms. */
export interface Waiting {
  /** 1 is the highest. */
  readonly priority: number;
  readonly arrivedMs: number;
  /** Latest useful time of the answer; null when it is always welcome. */
  readonly deadlineMs: number | null;
}

/**
 * One level of priority is worth this much waiting: a request is overtaken by requests of the next higher level that arrive
 * up to a second after it, and by no others. So priority orders, and nothing waits for ever.
 */
export const priorityStepMs = 1000;

function rank(item: Waiting): number {
  return item.arrivedMs + item.priority * priorityStepMs;
}

/** The bounded queue of one tenant: by priority, then by arrival. */
export class RequestQueue<Item extends Waiting> {
  /** Sorted by rank; equal ranks in the order they came. */
  #items: Item[] = [];
  #earliestDeadlineMs = Infinity;

  constructor(readonly capacity: number) {}

  get size(): number {
    return this.#items.length;
  }

  /** No deadline in the queue is earlier than this; Infinity when there is none. */
  get earliestDeadlineMs(): number {
    return this.#earliestDeadlineMs;
  }

  /** False when the queue is full. */
  offer(item: Item): boolean {
    if (this.#items.length >= this.capacity) return false;
    const own = rank(item);
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#items[middle];
      if (other !== undefined && rank(other) <= own) low = middle + 1;
      else high = middle;
    }
    this.#items.splice(low, 0, item);
    if (item.deadlineMs !== null) this.#earliestDeadlineMs = Math.min(this.#earliestDeadlineMs, item.deadlineMs);
    return true;
  }

  /** The next one to be served, left in place. */
  head(): Item | undefined {
    return this.#items[0];
  }

  take(): Item | undefined {
    const item = this.#items.shift();
    if (this.#items.length === 0) this.#earliestDeadlineMs = Infinity;
    return item;
  }

  /** Takes out everything whose deadline has passed. */
  takeExpired(nowMs: number): Item[] {
    if (nowMs < this.#earliestDeadlineMs) return [];
    const expired = this.#items.filter((item) => item.deadlineMs !== null && item.deadlineMs <= nowMs);
    this.#items = this.#items.filter((item) => item.deadlineMs === null || item.deadlineMs > nowMs);
    this.#earliestDeadlineMs = this.#items.reduce(
      (least, item) => Math.min(least, item.deadlineMs ?? Infinity),
      Infinity,
    );
    return expired;
  }

  takeAll(): Item[] {
    this.#earliestDeadlineMs = Infinity;
    return this.#items.splice(0);
  }
}
