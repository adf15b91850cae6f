import { monotonicMs } from './monotonic';
import type { StressAnswer } from './protocol';

/** Together more than caches hold: what is copied between them comes from the memory and goes there. */
const halfBytes = 64 * 1024 * 1024;
/** Copied in one go, so that a stressor ends in time. */
const pieceBytes = 4 * 1024 * 1024;

/** Keeps the memory busy: copies from one half of a large block to the other, for as long as it is asked to. */
export class MemoryStressor {
  readonly #halves: readonly [Uint8Array, Uint8Array];
  #at = 0;

  constructor() {
    // Written once, because the system gives pages of zeros only when they are touched.
    this.#halves = [new Uint8Array(halfBytes).fill(1), new Uint8Array(halfBytes).fill(2)];
  }

  /** @returns what was read and written, and when (see `monotonicMs`) */
  stress(durationMs: number): StressAnswer {
    const [from, to] = this.#halves;
    const cpuBefore = process.cpuUsage();
    const startedMs = monotonicMs();
    let bytes = 0;
    let endedMs: number;
    do {
      to.set(from.subarray(this.#at, this.#at + pieceBytes), this.#at);
      this.#at = (this.#at + pieceBytes) % halfBytes;
      bytes += 2 * pieceBytes;
      endedMs = monotonicMs();
    } while (endedMs - startedMs < durationMs);
    const { user, system } = process.cpuUsage(cpuBefore);
    return { bytes, cpuMs: (user + system) / 1000, startedMs, endedMs };
  }
}
