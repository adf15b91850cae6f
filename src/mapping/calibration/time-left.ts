/** What is reckoned with before anything is known, s. */
const guesses = { sampleS: 1.9, trainingS: 25 } as const;
/** How much the latest measurement counts. */
const freshness = 0.15;

/** Time left of a whole calibration, from how its phases got on so far. */
export class TimeLeft {
  private sampleS: number = guesses.sampleS;

  /** @param clock milliseconds on a clock that never jumps */
  constructor(private readonly clock: () => number = () => performance.now()) {}

  private beganMs = 0;
  private firstDone = 0;
  private lastMs: number | null = null;

  /** Before anything is known, profiling not included. s */
  ofAll(samples: number): number {
    return samples * this.sampleS + guesses.trainingS;
  }

  /** A phase begins, of which so much is done already. */
  begin(done = 0): void {
    this.beganMs = this.clock();
    this.firstDone = done;
    this.lastMs = null;
  }

  /** s; null while nothing of the phase was done yet. */
  ofProfiling(done: number, total: number, samples: number): number | null {
    const measured = done - this.firstDone;
    if (measured <= 0 && done < total) return null;
    const elapsedS = (this.clock() - this.beganMs) / 1000;
    const left = measured <= 0 ? 0 : (elapsedS / measured) * (total - done);
    return left + samples * this.sampleS + guesses.trainingS;
  }

  /** Called once before each measurement. s */
  ofMeasuring(done: number, total: number): number {
    const nowMs = this.clock();
    if (this.lastMs !== null) this.sampleS += freshness * ((nowMs - this.lastMs) / 1000 - this.sampleS);
    this.lastMs = nowMs;
    return Math.max(0, total - done) * this.sampleS + guesses.trainingS;
  }

  /** Before the first news of the training. s */
  get ofTraining(): number {
    return guesses.trainingS;
  }
}
