import { quantile } from '../report';

const periodMs = 2;

/**
 * Measures how late a timer fires: what everything else in the process (flows, editor, dashboard) feels.
 * Sampled on the process's own clock, one sample per timer, 2 ms apart.
 */
export class EventLoopDelay {
  private readonly delaysMs: number[] = [];
  private handle: NodeJS.Timeout | undefined;

  start(): void {
    const next = () => {
      const dueMs = performance.now() + periodMs;
      this.handle = setTimeout(() => {
        this.delaysMs.push(Math.max(0, performance.now() - dueMs));
        next();
      }, periodMs);
    };
    next();
  }

  stop(): { samples: number; p50Ms: number; p99Ms: number; maximumMs: number } {
    clearTimeout(this.handle);
    return {
      samples: this.delaysMs.length,
      p50Ms: quantile(this.delaysMs, 0.5),
      p99Ms: quantile(this.delaysMs, 0.99),
      maximumMs: quantile(this.delaysMs, 1),
    };
  }
}
