/** A reading of a plan counts this much less than all that was known before: about so many readings are remembered. */
const rememberedReadings = 12;
/** Measured plans of one operating point that weigh as much as the assumption that predictions are right there. */
const priorPlans = 2;

interface MeasuredPlan {
  readonly point: string;
  readonly predictedW: number;
  meanW: number;
  readings: number;
}

/**
 * What plans turned out to draw once they ran, against what was predicted of them. Of a plan that has run the measured mean counts.
 * One that has not is corrected by how far the measured ones of the same operating point were off (as a geometric mean, drawn
 * towards that of all points while few are known): errors of an estimator are mostly those of an operating point.
 */
export class MeasuredPlans {
  private readonly plans = new Map<string, MeasuredPlan>();

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
    const known = this.plans.get(plan);
    if (known === undefined) {
      this.plans.set(plan, { point, predictedW, meanW: measuredW, readings: 1 });
      return;
    }
    known.readings = Math.min(rememberedReadings, known.readings + 1);
    known.meanW += (measuredW - known.meanW) / known.readings;
  }

  /** What to reckon with, W. */
  powerW(plan: string, point: string, predictedW: number): number {
    return this.plans.get(plan)?.meanW ?? predictedW * this.correctionAt(point);
  }

  /** Factor by which predictions of plans that have not run are corrected. */
  correctionAt(point: string): number {
    const all = [...this.plans.values()];
    const everywhere = meanLogRatio(all, 0, priorPlans);
    return Math.exp(
      meanLogRatio(
        all.filter((plan) => plan.point === point),
        everywhere,
        priorPlans,
      ),
    );
  }
}

function meanLogRatio(plans: readonly MeasuredPlan[], prior: number, priorWeight: number): number {
  const sum = plans.reduce((total, { meanW, predictedW }) => total + Math.log(meanW / predictedW), 0);
  return (sum + prior * priorWeight) / (plans.length + priorWeight);
}
