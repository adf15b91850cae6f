import type { Clock } from '../clock';

/** One timer for the earliest of many moments. */
export class Alarm {
  #atMs = Infinity;
  #takeBack: (() => void) | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  get isSet(): boolean {
    return this.#takeBack !== null;
  }

  /** Rings at this moment of the monotonic clock, unless it rings before that anyway; for Infinity it need not ring. */
  setFor(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#takeBack?.();
    this.#atMs = atMs;
    this.#takeBack = this.clock.after(Math.max(1, atMs - this.clock.nowMs()), () => {
      this.#takeBack = null;
      this.#atMs = Infinity;
      this.ring();
    });
  }

  clear(): void {
    this.#takeBack?.();
    this.#takeBack = null;
    this.#atMs = Infinity;
  }
}
