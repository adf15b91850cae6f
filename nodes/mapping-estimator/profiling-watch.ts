import { setTimeout } from 'node:timers/promises';
import type { ProfilingProgress } from '../../src/mapping/profiles/profiling';

const lookEveryMs = 200;

/** How the measuring of variants alone gets on, which begins with the node, for a calibration that has to wait for it. */
export class ProfilingWatch {
  #progress: ProfilingProgress | null = null;
  #isDone = false;

  tell(progress: ProfilingProgress): void {
    this.#progress = progress;
  }

  end(): void {
    this.#isDone = true;
  }

  /** Resolves when it has ended, whatever came of it; rejects with the signal's reason when aborted. */
  async wait(signal: AbortSignal, onProgress: (progress: ProfilingProgress) => void): Promise<void> {
    let told: ProfilingProgress | null = null;
    for (;;) {
      signal.throwIfAborted();
      const progress = this.#progress;
      if (progress !== null && progress !== told) onProgress((told = progress));
      if (this.#isDone) return;
      await setTimeout(lookEveryMs);
    }
  }
}
