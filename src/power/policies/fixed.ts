import { clampW, formatW, type CapDecision, type CapPolicy, type CapRange } from './policy';

/** The same cap whatever the grid does, within the limits. */
export class FixedPolicy implements CapPolicy {
  readonly name = 'fixed';
  readonly needsCarbon = false;

  constructor(private readonly fixedW: number) {}

  decide(_reading: unknown, range: CapRange): CapDecision {
    const capW = clampW(this.fixedW, range);
    if (capW === this.fixedW) return { capW, reason: `fixed at ${formatW(capW)}` };
    const limit = capW < this.fixedW ? 'highest' : 'lowest';
    return { capW, reason: `fixed at ${formatW(this.fixedW)}, held at the ${limit} allowed cap of ${formatW(capW)}` };
  }
}
