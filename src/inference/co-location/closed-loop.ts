import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../signals/statistics';
import type { NetworkRun } from '../../signals/co-location-run';

/** What the loop keeps asking. */
export interface Answering {
  answer(): Promise<void>;
}

const goldenRatio = (Math.sqrt(5) - 1) / 2;
/** Beyond so many means a pause is cut off: one of them would else outlast the measurement. */
const longestPause = 3;

/**
 * One network that asks, waits for its answer, pauses and asks again, until it is stopped. Pauses are exponential, from an even
 * sequence instead of random numbers: few of them already have the right mean.
 */
export class ClosedLoop {
  /** Set when the network failed: it asks no more. */
  failure: unknown = null;
  private stopped = false;
  private times: number[] = [];
  private pausedMs = 0;
  private pauses = 0;
  private lateMs = 0;
  private readonly ended: Promise<void>;

  /** @param start its place in the even sequence of pauses, in [0, 1) */
  constructor(
    private readonly network: Answering,
    private readonly pauseS: number,
    private readonly start: number,
  ) {
    this.ended = this.run();
  }

  get answers(): number {
    return this.times.length;
  }

  /** What was answered until now does not count. */
  reset(): void {
    this.times = [];
    this.pausedMs = this.pauses = 0;
  }

  result(): NetworkRun | null {
    const { times } = this;
    const p50Ms = quantile(times, 0.5);
    const p95Ms = quantile(times, 0.95);
    if (p50Ms === null || p95Ms === null || this.failure !== null) return null;
    return {
      meanMs: times.reduce((sum, timeMs) => sum + timeMs, 0) / times.length,
      p50Ms,
      p95Ms,
      pauseS: this.pauses === 0 ? 0 : this.pausedMs / this.pauses / 1000,
      answers: times.length,
    };
  }

  /** Resolves when the answer under way is there. Never rejects. */
  stop(): Promise<void> {
    this.stopped = true;
    return this.ended;
  }

  private async run(): Promise<void> {
    try {
      for (let turn = 1; !this.stopped; turn += 1) {
        if (this.pauseS > 0) await this.pause(turn);
        if (this.stopped) return;
        const askedMs = performance.now();
        await this.network.answer();
        this.times.push(performance.now() - askedMs);
      }
    } catch (error) {
      this.failure = error;
    }
  }

  private async pause(turn: number): Promise<void> {
    const even = (this.start + turn * goldenRatio) % 1;
    const wantedMs = 1000 * this.pauseS * Math.min(longestPause, -Math.log(1 - even)) * meanOfCutOff;
    const beganMs = performance.now();
    // What the timers before were late is taken off, so that the mean holds.
    const leftMs = wantedMs - this.lateMs;
    if (leftMs >= 0.5) await sleep(leftMs);
    const tookMs = performance.now() - beganMs;
    this.lateMs = Math.min(50, Math.max(0, this.lateMs + tookMs - wantedMs));
    this.pausedMs += tookMs;
    this.pauses += 1;
  }
}

/** Makes up for what cutting off takes from the mean: 1 / (1 - e^-3). */
const meanOfCutOff = 1 / (1 - Math.exp(-longestPause));
