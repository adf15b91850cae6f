/** A mean power over a short time, as a meter gives it. */
export interface PowerSampleAt {
  readonly atMs: number;
  readonly powerW: number;
}

/** The last seconds of measured power, newest last. */
export class RecentPower {
  private samples: PowerSampleAt[] = [];

  constructor(private readonly keepMs: number) {}

  add(sample: PowerSampleAt): void {
    this.samples.push(sample);
    const from = sample.atMs - this.keepMs;
    while (this.samples.length > 1 && (this.samples[0]?.atMs ?? 0) < from) this.samples.shift();
  }

  clear(): void {
    this.samples = [];
  }

  get latestW(): number | null {
    return this.samples.at(-1)?.powerW ?? null;
  }

  /** Mean of the samples after `sinceMs` within the last `windowMs`; null when there are fewer than `least`. */
  meanW(nowMs: number, windowMs: number, sinceMs: number, least = 1): number | null {
    const from = Math.max(sinceMs, nowMs - windowMs);
    let sum = 0;
    let count = 0;
    for (const { atMs, powerW } of this.samples) {
      if (atMs <= from) continue;
      sum += powerW;
      count += 1;
    }
    return count < least ? null : sum / count;
  }
}

interface Bucket {
  readonly fromMs: number;
  peak: number;
  count: number;
  sum: number;
  squares: number;
}

/** Peak and spread of many values over up to an hour, in buckets, so that it costs little to keep. */
export class RollingPeak {
  private buckets: Bucket[] = [];

  constructor(
    private readonly bucketMs: number,
    private readonly keepMs: number,
  ) {}

  add(atMs: number, value: number): void {
    let last = this.buckets.at(-1);
    if (last === undefined || atMs - last.fromMs >= this.bucketMs) {
      last = { fromMs: atMs, peak: value, count: 0, sum: 0, squares: 0 };
      this.buckets.push(last);
    }
    last.peak = Math.max(last.peak, value);
    last.count += 1;
    last.sum += value;
    last.squares += value * value;
    const outdated = atMs - this.keepMs - this.bucketMs;
    while (this.buckets.length > 1 && (this.buckets[0]?.fromMs ?? 0) < outdated) this.buckets.shift();
  }

  /** Highest value, mean and standard deviation over the last `windowMs`; null when there was none. */
  over(
    nowMs: number,
    windowMs: number,
  ): { readonly peak: number; readonly mean: number; readonly spread: number } | null {
    let peak = Number.NEGATIVE_INFINITY;
    let count = 0;
    let sum = 0;
    let squares = 0;
    for (const bucket of this.buckets) {
      if (bucket.fromMs + this.bucketMs < nowMs - windowMs) continue;
      peak = Math.max(peak, bucket.peak);
      count += bucket.count;
      sum += bucket.sum;
      squares += bucket.squares;
    }
    if (count === 0) return null;
    const mean = sum / count;
    return { peak, mean, spread: Math.sqrt(Math.max(0, squares / count - mean ** 2)) };
  }

  clear(): void {
    this.buckets = [];
  }
}
