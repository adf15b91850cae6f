/** A reading of a plan counts this much less than all that was known before: about so many readings are remembered. */
const rememberedReadings = 48;
/** Measured plans of one operating point that weigh as much as the assumption that predictions are right there. */
const priorPlans = 2;

export interface Spreads {
  /** Standard deviation of one reading over the mean, as a share. */
  readonly reading: number;
  /** The same of what is predicted over what is true. */
  readonly prediction: number;
}

/** What is known of a plan's power. */
export interface KnownPower {
  readonly powerW: number;
  /** Standard deviation, as a share of the power. */
  readonly spread: number;
}

interface MeasuredPlan {
  readonly point: string;
  readonly predictedW: number;
  meanW: number;
  readings: number;
}

/**
 * What plans draw, from what was predicted of them and what they turned out to draw once they ran. Predictions are corrected by how
 * far the measured plans of the same operating point were off (as a geometric mean, drawn towards that of all points while few are
 * known): errors of an estimator are mostly those of an operating point. A reading counts as much more than a prediction as it is
 * more certain, so that one lucky reading does not make a plan the best.
 */
export class MeasuredPlans {
  private readonly plans = new Map<string, MeasuredPlan>();
  private readonly corrections = new Map<string, number>();

  constructor(private readonly spreads: Spreads) {}

  /** How many plans have been measured. */
  get size(): number {
    return this.plans.size;
  }

  has(plan: string): boolean {
    return this.plans.has(plan);
  }

  /**
   * @param plan what tells it from others: variants, mapping and operating point
   * @param predictedW what the estimator said of it
   * @param measuredW mean over a control period during which it was in force and nothing else was
   */
  note(plan: string, point: string, predictedW: number, measuredW: number): void {
    if (!(measuredW > 0) || !(predictedW > 0)) return;
    this.corrections.clear();
    const known = this.plans.get(plan);
    if (known === undefined) {
      this.plans.set(plan, { point, predictedW, meanW: measuredW, readings: 1 });
      return;
    }
    known.readings = Math.min(rememberedReadings, known.readings + 1);
    known.meanW += (measuredW - known.meanW) / known.readings;
  }

  /** What to reckon with: the mean of prediction and readings by their certainty, in logarithms. */
  power(plan: string, point: string, predictedW: number): KnownPower {
    const expectedW = predictedW * this.correctionAt(point);
    const { prediction, reading } = this.spreads;
    const measured = this.plans.get(plan);
    if (measured === undefined) return { powerW: expectedW, spread: prediction };
    const [before, seen] = [1 / prediction ** 2, measured.readings / reading ** 2];
    const log = (before * Math.log(expectedW) + seen * Math.log(measured.meanW)) / (before + seen);
    return { powerW: Math.exp(log), spread: 1 / Math.sqrt(before + seen) };
  }

  /** Factor by which predictions are corrected. */
  correctionAt(point: string): number {
    const known = this.corrections.get(point);
    if (known !== undefined) return known;
    const all = [...this.plans.values()];
    const everywhere = meanLogRatio(all, 0, priorPlans);
    const correction = Math.exp(
      meanLogRatio(
        all.filter((plan) => plan.point === point),
        everywhere,
        priorPlans,
      ),
    );
    this.corrections.set(point, correction);
    return correction;
  }
}

function meanLogRatio(plans: readonly MeasuredPlan[], prior: number, priorWeight: number): number {
  const sum = plans.reduce((total, { meanW, predictedW }) => total + Math.log(meanW / predictedW), 0);
  return (sum + prior * priorWeight) / (plans.length + priorWeight);
}
