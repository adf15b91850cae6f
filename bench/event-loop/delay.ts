import { quantile } from '../../src/signals/statistics';

export const periodMs = 2;

/**
 * Measures how late a timer fires: what everything else in the process (flows, editor, dashboard) feels.
 * Sampled on the process's own clock, one sample per timer, 2 ms apart.
 */
export class EventLoopDelay {
  private readonly delaysMs: number[] = [];
  private handle: NodeJS.Timeout | undefined;

  constructor(private readonly onDelay: (delayMs: number) => void = () => undefined) {}

  start(): void {
    const next = () => {
      const dueMs = performance.now() + periodMs;
      this.handle = setTimeout(() => {
        const delayMs = Math.max(0, performance.now() - dueMs);
        this.delaysMs.push(delayMs);
        this.onDelay(delayMs);
        next();
      }, periodMs);
    };
    next();
  }

  stop(): { samples: number; p50Ms: number; p99Ms: number; maximumMs: number } {
    clearTimeout(this.handle);
    const at = (share: number) => quantile(this.delaysMs, share) ?? Number.NaN;
    return {
      samples: this.delaysMs.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maximumMs: at(1),
    };
  }
}
