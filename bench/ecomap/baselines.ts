import type { ServingUnit } from '../../src/simulation/devices/workloads/families';
import { overloadedRatio, type BenchPlan, type Choice, type MixPlans } from './plans';
import type { Predictions } from './predictions';

/** Variants and mappings that others would choose, on what the estimator predicts. */
export class Baselines {
  private readonly mappings = new Map<string, readonly (readonly Choice[])[]>();
  private readonly ranked = new Map<string, readonly Ranked[]>();

  constructor(
    private readonly plans: MixPlans,
    private readonly predictions: Predictions,
  ) {}

  get mostAccurate(): number[] {
    return this.plans.mix.tenants.map(() => 0);
  }

  /** Everything on the GPU at MAXN; what has no version for it on the unit that it has one for. */
  allOnGpu(): BenchPlan {
    return this.plans.get(0, this.preferring(this.mostAccurate, 'gpu'));
  }

  preferring(variants: readonly number[], unit: ServingUnit): Choice[] {
    return variants.map((variant, at) => {
      const choices = this.plans.choicesOf(this.plans.tenant(at), variant);
      const choice = choices.find((candidate) => candidate.unit === unit) ?? choices[0];
      if (choice === undefined) throw new RangeError(`variant ${variant} runs nowhere`);
      return choice;
    });
  }

  /** The mapping with the highest throughput at MAXN: the aim of OmniBoost. */
  throughputOptimal(): BenchPlan {
    return this.bestUnder(this.mostAccurate, Infinity);
  }

  /**
   * The highest throughput whose predicted power is within the cap, over mappings and operating points, for these variants; what
   * needs least where nothing is.
   */
  bestUnder(variants: readonly number[], capW: number): BenchPlan {
    const ranked = this.rankedFor(variants);
    const found = ranked.find(({ predictedW }) => predictedW <= capW);
    if (found !== undefined) return found.plan;
    return ranked.reduce((least, entry) => (entry.predictedW < least.predictedW ? entry : least)).plan;
  }

  /** Throughput first; a mapping that cannot serve the work on offer comes after all that can. */
  private rankedFor(variants: readonly number[]): readonly Ranked[] {
    const key = variants.join();
    const known = this.ranked.get(key);
    if (known !== undefined) return known;
    const ranked = this.plans.points
      .flatMap((_, point) => this.mappingsOf(variants).map((choices) => this.plans.get(point, choices)))
      .map((plan): Ranked => ({
        plan,
        predictedW: this.predictions.powerW(plan),
        capacity: this.predictions.capacity(plan),
        holds: plan.tailRatio < 0.97 * overloadedRatio,
      }))
      .sort((a, b) => Number(b.holds) - Number(a.holds) || b.capacity - a.capacity);
    this.ranked.set(key, ranked);
    return ranked;
  }

  private mappingsOf(variants: readonly number[]): readonly (readonly Choice[])[] {
    const key = variants.join();
    let known = this.mappings.get(key);
    if (known === undefined) {
      known = variants.reduce<readonly (readonly Choice[])[]>(
        (some, variant, at) =>
          some.flatMap((choices) =>
            this.plans.choicesOf(this.plans.tenant(at), variant).map((choice) => [...choices, choice]),
          ),
        [[]],
      );
      this.mappings.set(key, known);
    }
    return known;
  }
}

interface Ranked {
  readonly plan: BenchPlan;
  readonly predictedW: number;
  readonly capacity: number;
  readonly holds: boolean;
}
