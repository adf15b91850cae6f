import type { Random } from '../../src/simulation/random';
import type { Baselines } from './baselines';
import type { BenchPlan, MixPlans } from './plans';

export const periodS = 300;
/** A tail beyond the limit: so many requests late (the 95th percentile), two periods in a row. */
const mostLate = 0.05;
const windowsToAct = 2;
/** Without a word on the way back in the abstract: a step back up when the cap is higher again and all was well for an hour. */
const quietPeriods = 12;
const capHigher = 1.02;

/**
 * Our reading of Ecomap as published (arXiv 2503.04148, abstract): a power threshold that follows the intensity now, the mapping of
 * the highest predicted throughput below it, and a lighter network for a tenant whose latency limit is seen to be broken.
 */
export class PublishedEcomap {
  private readonly variants: number[];
  private readonly swappedAtW: (number | null)[];
  private readonly late: number[];
  private quiet = 0;

  constructor(
    private readonly plans: MixPlans,
    private readonly baselines: Baselines,
    private readonly random: Random,
  ) {
    this.variants = baselines.mostAccurate;
    this.swappedAtW = this.variants.map(() => null);
    this.late = this.variants.map(() => 0);
  }

  /** The plan of the next period. */
  plan(capW: number): BenchPlan {
    return this.baselines.bestUnder(this.variants, capW);
  }

  /** What was seen in the period that ends. */
  observe(plan: BenchPlan, capW: number): void {
    const served = this.plans.served(plan);
    let calm = true;
    this.variants.forEach((variant, at) => {
      const { ratePerS, family } = this.plans.tenant(at);
      const attained = served.attainment[at] ?? 0;
      const spread = Math.sqrt(Math.max(0, attained * (1 - attained)) / Math.max(1, ratePerS * periodS));
      const isLate = 1 - (attained + spread * this.random.normal()) > mostLate;
      if (isLate) calm = false;
      this.late[at] = isLate ? (this.late[at] ?? 0) + 1 : 0;
      if ((this.late[at] ?? 0) >= windowsToAct && variant + 1 < family.variants.length) {
        this.variants[at] = variant + 1;
        this.swappedAtW[at] = capW;
        this.late[at] = 0;
      }
    });
    this.quiet = calm ? this.quiet + 1 : 0;
    if (this.quiet >= quietPeriods) this.stepBack(capW);
  }

  private stepBack(capW: number): void {
    const at = this.variants.findIndex(
      (variant, tenant) => variant > 0 && capW > capHigher * (this.swappedAtW[tenant] ?? 0),
    );
    if (at < 0) return;
    this.variants[at] = (this.variants[at] ?? 1) - 1;
    this.quiet = 0;
  }
}
