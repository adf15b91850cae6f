/** Tasks that must not overlap: each begins when the one before it has ended, whether well or badly. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Waits for all that has come so far. Never fails. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
