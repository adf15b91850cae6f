/**
 * The requests that have not ended, by their id, so that a later message can take one back. Several may share an id: copies
 * of one message do, and are taken back together.
 */
export class OpenRequests {
  readonly #open = new Map<string, Set<AbortController>>();

  /** Runs a request under an id; null for one that nobody can refer to. */
  async run<T>(id: string | null, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    if (id === null) return request(controller.signal);
    const same = this.#open.get(id) ?? new Set();
    this.#open.set(id, same.add(controller));
    try {
      return await request(controller.signal);
    } finally {
      same.delete(controller);
      if (same.size === 0 && this.#open.get(id) === same) this.#open.delete(id);
    }
  }

  /** Returns how many requests were taken back. */
  cancel(id: string): number {
    const controllers = [...(this.#open.get(id) ?? [])];
    for (const controller of controllers) controller.abort();
    return controllers.length;
  }
}
