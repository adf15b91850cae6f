interface RunUnderWay {
  readonly requests: number;
  readonly leastMs: number;
}

/** The runs of one tenant that its component has been given: it computes them one after the other. */
export class RunsUnderWay {
  /** Those that the component has not done with yet. */
  readonly #runs = new Set<RunUnderWay>();
  #requests = 0;
  #freeAtMs = -Infinity;

  /** Requests that are being computed, here or, in later stages, elsewhere. */
  get requests(): number {
    return this.#requests;
  }

  /** The next run cannot begin before this, however fast these are. */
  get freeAtMs(): number {
    return this.#freeAtMs;
  }

  /** @param leastMs the least that the component is kept busy for */
  begin(requests: number, nowMs: number, leastMs: number): RunUnderWay {
    const run = { requests, leastMs };
    this.#runs.add(run);
    this.#requests += requests;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + leastMs;
    return run;
  }

  /** The component has done with it, wherever it goes on. Saying so twice does no harm. */
  leave(run: RunUnderWay, nowMs: number): void {
    if (!this.#runs.delete(run)) return;
    this.#freeAtMs = -Infinity;
    for (const { leastMs } of this.#runs) this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + leastMs;
  }

  end(run: RunUnderWay, nowMs: number): void {
    this.leave(run, nowMs);
    this.#requests -= run.requests;
  }
}
