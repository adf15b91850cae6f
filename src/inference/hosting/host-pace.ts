/** How fast a host works: the pace of its component, and what of it this process gets. Holds for the processes that follow, too. */
export class HostPace {
  #pace = 1;
  #portion = 1;

  /** @param order tells the process for which share of the time it works, and answers with the share that it has taken */
  constructor(private readonly order: (share: number) => Promise<{ readonly share: number }>) {}

  /** Share of the time that the process works, 0..1. */
  get share(): number {
    return this.#pace < 1 ? this.#pace * this.#portion : 1;
  }

  /** @returns the pace of the component that is in force, 0..1 */
  async take(pace: number): Promise<number> {
    this.#pace = Math.min(1, pace);
    const answer = await this.order(this.share);
    return this.#pace < 1 ? answer.share / this.#portion : answer.share;
  }

  /** Of a pace below full speed the process gets only this portion. @param isReady whether it can be told now */
  async takePortion(portion: number, isReady: boolean): Promise<void> {
    if (portion === this.#portion) return;
    this.#portion = portion;
    if (isReady) await this.restore();
  }

  /** A new process works at full speed until it is told otherwise. */
  async restore(): Promise<void> {
    if (this.#pace < 1) await this.take(this.#pace);
  }
}
