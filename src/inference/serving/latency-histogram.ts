import { createHistogram } from 'node:perf_hooks';
import type { LatencyQuantiles } from '../../signals/telemetry';

const microsecondsPerMs = 1000;
const longestMs = 3_600_000;

/** Latencies of one window: constant memory however many there are, quantiles within 0.1 %. */
export class LatencyHistogram {
  readonly #histogram = createHistogram({ lowest: 1, highest: longestMs * microsecondsPerMs, figures: 3 });
  #count = 0;
  #sumMs = 0;
  #maximumMs = 0;

  record(latencyMs: number): void {
    const bounded = Math.min(longestMs, Math.max(0, latencyMs));
    this.#histogram.record(Math.max(1, Math.round(bounded * microsecondsPerMs)));
    this.#count += 1;
    this.#sumMs += bounded;
    this.#maximumMs = Math.max(this.#maximumMs, bounded);
  }

  /** Null when nothing was recorded. */
  quantiles(): LatencyQuantiles | null {
    if (this.#count === 0) return null;
    // The histogram answers with the upper end of a bucket, which may lie just above the largest value.
    const at = (percent: number) => Math.min(this.#maximumMs, this.#histogram.percentile(percent) / microsecondsPerMs);
    return { mean: this.#sumMs / this.#count, p50: at(50), p95: at(95), p99: at(99), maximum: this.#maximumMs };
  }

  reset(): void {
    this.#histogram.reset();
    this.#count = 0;
    this.#sumMs = 0;
    this.#maximumMs = 0;
  }
}
