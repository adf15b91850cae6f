import type { BenchPlan, MixPlans } from './plans';

/** What a policy did over a week, in the figures that policies are compared by. */
export interface Score {
  readonly carbonG: number;
  readonly energyJ: number;
  /** Operational carbon-delay product as the ledger has it: all grams times the mean latency over all requests, g*s. */
  readonly opCdpGS: number;
  /** Means over the tenants, each tenant counting alike, and over time. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** 0 to 1. */
  readonly attainment: number;
  /** Accuracy of the answers in time, against those of the most accurate variants, percentage points. */
  readonly accuracyLostPt: number;
  readonly swapsPerTenantHour: number;
  /** Share of control periods whose measured mean lies above the cap by more than 2 %; null without a cap. */
  readonly capViolationShare: number | null;
  readonly meanIntensityGPerKwh: number;
  /** Mean latency over all requests. */
  readonly requestLatencyMs: number;
  readonly hours: number;
}

/** Adds up what was in force when. */
export class Account {
  private readonly inForce = new Map<BenchPlan, { seconds: number; intensityS: number }>();
  private seconds = 0;
  private intensityS = 0;
  private swaps = 0;
  private periods = 0;
  private above = 0;
  private last: BenchPlan | null = null;

  constructor(private readonly plans: MixPlans) {}

  add(plan: BenchPlan, seconds: number, intensityGPerKwh: number): void {
    const known = this.inForce.get(plan) ?? { seconds: 0, intensityS: 0 };
    known.seconds += seconds;
    known.intensityS += seconds * intensityGPerKwh;
    this.inForce.set(plan, known);
    this.seconds += seconds;
    this.intensityS += seconds * intensityGPerKwh;
    if (this.last !== null && this.last !== plan) {
      const { last } = this;
      this.swaps += plan.choices.filter(({ variant }, at) => last.choices[at]?.variant !== variant).length;
    }
    this.last = plan;
  }

  /** A control period under a cap. */
  compare(measuredW: number, capW: number): void {
    this.periods += 1;
    if (measuredW > 1.02 * capW) this.above += 1;
  }

  get score(): Score {
    const { tenants } = this.plans.mix;
    const inTimeS = tenants.map(() => 0);
    const accuracyS = tenants.map(() => 0);
    const sum = { carbonG: 0, energyJ: 0, latency: 0, p50: 0, p99: 0, attained: 0 };
    for (const [plan, { seconds, intensityS }] of this.inForce) {
      const served = this.plans.served(plan);
      const carbonG = (plan.powerW * intensityS) / 3_600_000;
      sum.carbonG += carbonG;
      sum.energyJ += plan.powerW * seconds;
      sum.latency += served.requestLatencyMs * seconds;
      sum.p50 += served.p50Ms * seconds;
      sum.p99 += served.p99Ms * seconds;
      tenants.forEach(({ family: { variants } }, at) => {
        const share = served.attainment[at] ?? 0;
        sum.attained += (share * seconds) / tenants.length;
        inTimeS[at] = (inTimeS[at] ?? 0) + share * seconds;
        const lost = variants[0].accuracy - (variants[plan.choices[at]?.variant ?? 0]?.accuracy ?? 0);
        accuracyS[at] = (accuracyS[at] ?? 0) + share * seconds * lost;
      });
    }
    const lost = tenants.reduce((total, _, at) => total + (accuracyS[at] ?? 0) / Math.max(1e-9, inTimeS[at] ?? 0), 0);
    return {
      carbonG: sum.carbonG,
      energyJ: sum.energyJ,
      opCdpGS: (sum.carbonG * sum.latency) / this.seconds / 1000,
      p50Ms: sum.p50 / this.seconds,
      p99Ms: sum.p99 / this.seconds,
      attainment: sum.attained / this.seconds,
      accuracyLostPt: (100 * lost) / tenants.length,
      swapsPerTenantHour: this.swaps / tenants.length / (this.seconds / 3600),
      capViolationShare: this.periods === 0 ? null : this.above / this.periods,
      meanIntensityGPerKwh: this.intensityS / this.seconds,
      requestLatencyMs: sum.latency / this.seconds,
      hours: this.seconds / 3600,
    };
  }
}
