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

/** Who has the lower one goes first. */
export function rankOf(item: Waiting): number {
  return item.arrivedMs + item.priority * priorityStepMs;
}

/** Whether an answer that takes at least so long would come after its deadline. */
export function isTooLate(deadlineMs: number, nowMs: number, leastMs: number): boolean {
  return deadlineMs <= nowMs || deadlineMs - nowMs < leastMs;
}

/** What becomes of a request that somebody looks at: it stays in the queue, or is taken out, or looking ends before it. */
export type Verdict = 'leave' | 'take' | 'stop';

/** Requests that wait, by priority, then by arrival. */
export class RequestQueue<Item extends Waiting> {
  /** Sorted by rank; equal ranks in the order they came. */
  #items: Item[] = [];
  #earliestDeadlineMs = Infinity;
  /** Whether the request with the earliest deadline has left, so that it has to be looked for again. */
  #earliestHasLeft = false;
  /** No priority in the queue is lower, that is, no number larger. */
  #leastPriority = 0;

  get size(): number {
    return this.#items.length;
  }

  /** Infinity when there is none. */
  get earliestDeadlineMs(): number {
    if (this.#earliestHasLeft) {
      this.#earliestHasLeft = false;
      this.#earliestDeadlineMs = Infinity;
      for (const item of this.#items) this.#noteDeadline(item);
    }
    return this.#earliestDeadlineMs;
  }

  put(item: Item): void {
    this.#items.splice(this.ahead(item), 0, item);
    this.#leastPriority = this.#items.length === 1 ? item.priority : Math.max(this.#leastPriority, item.priority);
    this.#noteDeadline(item);
  }

  /** How many go before this request, which need not be in the queue yet. */
  ahead(item: Waiting): number {
    const own = rankOf(item);
    const { length } = this.#items;
    const last = this.#items[length - 1];
    // Most come in order: at the end.
    if (last === undefined || rankOf(last) <= own) return length;
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#items[middle];
      if (other !== undefined && rankOf(other) <= own) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The one at this place in the order; 0 is the next to be served. */
  at(place: number): Item | undefined {
    return this.#items[place];
  }

  /** The next one to be served, left in place. */
  head(): Item | undefined {
    return this.#items[0];
  }

  take(): Item | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#forgetDeadline(item);
    return item;
  }

  /** False when it does not wait here. */
  remove(item: Item): boolean {
    const own = rankOf(item);
    for (let place = this.ahead(item) - 1; place >= 0; place -= 1) {
      const other = this.#items[place];
      if (other === undefined || rankOf(other) < own) return false;
      if (other !== item) continue;
      this.#items.splice(place, 1);
      this.#forgetDeadline(item);
      return true;
    }
    return false;
  }

  /** Looks at requests in their order, at most at so many, and takes some of them out. */
  sift(most: number, verdictOn: (item: Item) => Verdict): void {
    const end = Math.min(most, this.#items.length);
    let place = 0;
    let kept = 0;
    for (; place < end; place += 1) {
      const item = this.#items[place];
      if (item === undefined) break;
      const verdict = verdictOn(item);
      if (verdict === 'stop') break;
      if (verdict === 'take') {
        this.#forgetDeadline(item);
        continue;
      }
      this.#items[kept] = item;
      kept += 1;
    }
    if (kept < place) this.#items.splice(kept, place - kept);
  }

  /** Takes out all that can no longer be answered in time when an answer takes at least `leastMs`. */
  takeLate(nowMs: number, leastMs: number): Item[] {
    if (!isTooLate(this.earliestDeadlineMs, nowMs, leastMs)) return [];
    const late: Item[] = [];
    const rest: Item[] = [];
    for (const item of this.#items) {
      const { deadlineMs } = item;
      (deadlineMs !== null && isTooLate(deadlineMs, nowMs, leastMs) ? late : rest).push(item);
    }
    this.#items = rest;
    this.#earliestHasLeft = true;
    return late;
  }

  /** Of those with this priority or a lower one, the one that came first; of several, the least important. */
  oldest(priority: number): Item | undefined {
    let oldest: Item | undefined;
    for (const item of this.#items) {
      // By the order of the queue, whoever comes from here on came later.
      if (oldest !== undefined && rankOf(item) - this.#leastPriority * priorityStepMs > oldest.arrivedMs) break;
      if (item.priority >= priority && (oldest === undefined || isOlder(item, oldest))) oldest = item;
    }
    return oldest;
  }

  takeAll(): Item[] {
    this.#earliestHasLeft = true;
    return this.#items.splice(0);
  }

  #noteDeadline({ deadlineMs }: Item): void {
    if (deadlineMs !== null && deadlineMs < this.#earliestDeadlineMs) this.#earliestDeadlineMs = deadlineMs;
  }

  #forgetDeadline({ deadlineMs }: Item): void {
    if (deadlineMs !== null && deadlineMs <= this.#earliestDeadlineMs) this.#earliestHasLeft = true;
  }
}

function isOlder(one: Waiting, other: Waiting): boolean {
  return one.arrivedMs < other.arrivedMs || (one.arrivedMs === other.arrivedMs && one.priority > other.priority);
}
