type Action = () => void | Promise<void>;

/** The timers of one node. An action that fails is reported; one that is still running when its turn comes again is not started twice. */
export class NodeTimers {
  readonly #cancels = new Set<() => void>();
  #stopped = false;

  constructor(private readonly onFailure: (thrown: unknown) => void) {}

  every(intervalMs: number, action: Action): () => void {
    if (this.#stopped) return () => undefined;
    let running = false;
    const timer = setInterval(() => {
      if (running) return;
      running = true;
      void this.#run(action).finally(() => {
        running = false;
      });
    }, intervalMs);
    return this.#cancelWith(() => clearInterval(timer));
  }

  after(delayMs: number, action: Action): () => void {
    if (this.#stopped) return () => undefined;
    const timer = setTimeout(() => {
      cancel();
      void this.#run(action);
    }, delayMs);
    const cancel = this.#cancelWith(() => clearTimeout(timer));
    return cancel;
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of [...this.#cancels]) cancel();
  }

  #cancelWith(clear: () => void): () => void {
    const cancel = (): void => {
      clear();
      this.#cancels.delete(cancel);
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  async #run(action: Action): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.onFailure(error);
    }
  }
}
