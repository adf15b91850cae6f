/** Energy of a device doing nothing, whose idle watts change now and then. */
export class IdleEnergy {
  /** Since when which idle watts hold, oldest first, never empty. */
  private changes: { readonly fromMs: number; readonly idleW: number }[];

  constructor(idleW: number) {
    this.changes = [{ fromMs: -Infinity, idleW }];
  }

  get idleW(): number {
    return this.changes.at(-1)?.idleW ?? 0;
  }

  change(idleW: number, atMs: number): void {
    if (idleW === this.idleW) return;
    // A clock that was set back must not leave changes in the future.
    this.changes = this.changes.filter(({ fromMs }) => fromMs < atMs);
    this.changes.push({ fromMs: atMs, idleW });
  }

  /** Joules between two times. What lies before `fromMs` is forgotten. */
  takeJ(fromMs: number, toMs: number): number {
    let energyJ = 0;
    this.changes.forEach(({ fromMs: since, idleW }, index) => {
      const until = this.changes[index + 1]?.fromMs ?? Infinity;
      const spanMs = Math.min(until, toMs) - Math.max(since, fromMs);
      if (spanMs > 0) energyJ += (idleW * spanMs) / 1000;
    });
    this.changes = this.changes.filter((_, index) => (this.changes[index + 1]?.fromMs ?? Infinity) > fromMs);
    return energyJ;
  }
}
