import {
  clampW,
  formatW,
  safeMiddleW,
  type CapDecision,
  type CapPolicy,
  type CapRange,
  type CapSurroundings,
} from './policy';

export interface ExternalOptions {
  /** After so long without a new number the safe middle applies, s. */
  readonly staleAfterS: number;
}

/** Watts that somebody else decides, e.g. an energy manager, as long as they keep coming. */
export class ExternalPolicy implements CapPolicy {
  readonly name = 'external';
  readonly needsCarbon = false;
  private told: { readonly powerW: number; readonly atMs: number } | null = null;

  constructor(private readonly options: ExternalOptions) {}

  /** A new number, W. */
  tell(powerW: number, nowMs: number): void {
    this.told = { powerW, atMs: nowMs };
  }

  decide(_reading: unknown, range: CapRange, nowMs: number, surroundings?: CapSurroundings): CapDecision {
    const { told } = this;
    const { staleAfterS } = this.options;
    if (told !== null && (nowMs - told.atMs) / 1000 <= staleAfterS) {
      const capW = clampW(told.powerW, range);
      const asked = `${formatW(told.powerW)} asked for by message`;
      if (capW === told.powerW) return { capW, reason: asked };
      const limit = capW < told.powerW ? 'highest' : 'lowest';
      return { capW, reason: `${asked}, held at the ${limit} allowed cap of ${formatW(capW)}` };
    }
    const capW = clampW(safeMiddleW(surroundings?.deviceRange ?? range), range);
    const why =
      told === null
        ? 'no number of watts has come by message yet'
        : `the last message, ${formatW(told.powerW)}, came ${((nowMs - told.atMs) / 1000).toFixed(0)} s ago, longer than ${staleAfterS} s`;
    return { capW, reason: `${why}: safe middle of ${formatW(capW)}` };
  }
}
