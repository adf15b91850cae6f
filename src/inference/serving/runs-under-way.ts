interface RunUnderWay {
  readonly requests: number;
  readonly leastMs: number;
}

/** The runs of one tenant that its component has been given: it computes them one after the other. */
export class RunsUnderWay {
  readonly #runs = new Set<RunUnderWay>();
  #requests = 0;
  #freeAtMs = -Infinity;

  /** Requests that are being computed. */
  get requests(): number {
    return this.#requests;
  }

  /** The next run cannot begin before this, however fast these are. */
  get freeAtMs(): number {
    return this.#freeAtMs;
  }

  begin(requests: number, nowMs: number, leastMs: number): RunUnderWay {
    const run = { requests, leastMs };
    this.#runs.add(run);
    this.#requests += requests;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + leastMs;
    return run;
  }

  end(run: RunUnderWay, nowMs: number): void {
    this.#runs.delete(run);
    this.#requests -= run.requests;
    this.#freeAtMs = -Infinity;
    for (const { leastMs } of this.#runs) this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + leastMs;
  }
}
