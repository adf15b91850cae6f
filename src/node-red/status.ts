import type { NodeStatus } from './types';

export interface ShownStatus {
  fill?: NodeStatus['fill'];
  shape?: NodeStatus['shape'];
  text?: string;
}

/**
 * Shows at most one status per interval: the first at once, then the last one that came meanwhile. Nothing after `stop`.
 * What comes before `release` waits for it.
 */
export class ThrottledStatus {
  #waiting: ShownStatus | null = null;
  #timer: NodeJS.Timeout | null = null;
  #shown: string | null = null;
  #held = true;
  #stopped = false;

  constructor(
    private readonly show: (status: ShownStatus) => void,
    private readonly intervalMs: number,
  ) {}

  set(status: ShownStatus): void {
    if (this.#stopped) return;
    if (this.#held || this.#timer !== null) {
      this.#waiting = status;
      return;
    }
    this.#showNow(status);
  }

  release(): void {
    this.#held = false;
    this.#showWaiting();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = null;
  }

  #showNow(status: ShownStatus): void {
    const key = JSON.stringify(status);
    if (key === this.#shown) return;
    this.#shown = key;
    this.show(status);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#showWaiting();
    }, this.intervalMs);
  }

  #showWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null && !this.#stopped) this.#showNow(waiting);
  }
}
