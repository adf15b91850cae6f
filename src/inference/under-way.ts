/** Counts what is under way with something, so that it is given back only when the last of it has ended. */
export class UnderWay {
  #count = 0;
  #onNone: (() => void)[] = [];

  async during<T>(task: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await task();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#onNone.splice(0)) resolve();
    }
  }

  /** Waits until nothing is. Call it once nothing new comes. */
  async drained(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#onNone.push(resolve));
  }
}
