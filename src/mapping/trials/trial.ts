import type { Cap } from '../../signals/cap';
import type { Plan } from '../../signals/plan';
import type { Telemetry } from '../../signals/telemetry';
import { explainTrial, explainTrying } from '../explain';
import { bestMeasured, brokenBy, latencyRatioOf, type TriedPlan } from './comparison';
import { workKey } from './essence';
import { PlanMeter } from './measured-plan';
import type { TrialMemory } from './memory';

export interface TrialSettings {
  /** Windows of telemetry for each plan. */
  readonly windows: number;
  /** Most plans, the one predicted best included. */
  readonly most: number;
}

/** What a trial asks for next: a plan to put in force, for a moment or to stay. */
export interface TrialStep {
  readonly plan: Plan;
  readonly over: boolean;
}

/**
 * Puts plans that the estimator cannot tell apart in force one after the other, and lets the one that measures best stay. Pure:
 * it is told telemetry and says what to put in force. What was measured lately is not measured again.
 */
export class Trial {
  /** The plan that is in force for a moment. */
  private current: Plan;
  private meter: PlanMeter;
  private readonly waiting: Plan[];
  private readonly tried: TriedPlan[] = [];
  private readonly plans: readonly Plan[];

  private constructor(
    plans: readonly Plan[],
    [first, ...waiting]: readonly [Plan, ...Plan[]],
    known: readonly TriedPlan[],
    private readonly memory: TrialMemory,
    private readonly settings: TrialSettings,
  ) {
    this.plans = plans;
    this.current = first;
    this.waiting = waiting;
    this.tried.push(...known);
    this.meter = new PlanMeter(first.planId);
  }

  /**
   * @param plan the one that is predicted best
   * @param rivals the others
   * @returns the trial with its first step, or only the plan that stays where nothing is left to measure
   */
  static begin(
    plan: Plan,
    rivals: readonly Plan[],
    memory: TrialMemory,
    settings: TrialSettings,
  ): { trial: Trial | null; step: TrialStep } {
    const plans = [plan, ...rivals].slice(0, settings.most);
    const known: TriedPlan[] = [];
    const open: Plan[] = [];
    for (const one of plans) {
      const measured = memory.recall(one);
      if (measured === null) open.push(one);
      else known.push({ plan: one, measured });
    }
    const [first, ...others] = open;
    if (first === undefined) return { trial: null, step: verdict(plan, plans, known) };
    const trial = new Trial(plans, [first, ...others], known, memory, settings);
    return { trial, step: trial.tryCurrent() };
  }

  /** Whether the plans that are tried keep this cap; if not, the trial is over. */
  allows({ capW, operatingPoint }: Cap): boolean {
    return this.plans.every(
      (plan) =>
        plan.powerW.upper <= capW &&
        plan.operatingPoint.name === operatingPoint.name &&
        plan.operatingPoint.speed === operatingPoint.speed,
    );
  }

  /** Whether a plan made meanwhile is about the same variants at the same operating point. */
  isAbout(plan: Plan): boolean {
    return workKey(plan) === workKey(this.current);
  }

  /** @returns what to do next; null: go on measuring */
  onTelemetry(telemetry: Telemetry): TrialStep | null {
    if (!this.meter.add(telemetry)) return null;
    const measured = this.meter.result();
    if (measured === null) return null;
    const breaks = brokenBy(this.current, measured) > 0;
    if (!breaks && measured.windows < this.settings.windows) return null;
    this.memory.keep(this.current, measured);
    this.tried.push({ plan: this.current, measured });
    return this.next();
  }

  /** Nothing is heard of the plan that is tried: the trial ends with what was measured. */
  giveUp(): TrialStep {
    return verdict(this.plans[0] ?? this.current, this.plans, this.tried);
  }

  private next(): TrialStep {
    const next = this.waiting.shift();
    if (next === undefined) return this.giveUp();
    this.current = next;
    this.meter = new PlanMeter(next.planId);
    return this.tryCurrent();
  }

  private tryCurrent(): TrialStep {
    const others = this.plans.length - 1;
    const why = [...this.current.why, explainTrying(others, this.settings.windows)];
    return { plan: { ...this.current, why }, over: false };
  }
}

/** The plan that stays. */
function verdict(predicted: Plan, plans: readonly Plan[], tried: readonly TriedPlan[]): TrialStep {
  // In the order of the predictions: it breaks ties.
  const inOrder = plans.flatMap((plan) => tried.filter((one) => one.plan === plan));
  const [first, ...others] = inOrder;
  if (first === undefined) return { plan: predicted, over: true };
  const best = bestMeasured([first, ...others]);
  const figures = ({ plan, measured }: TriedPlan) => ({
    powerW: measured.powerW,
    powerSource: measured.powerSource,
    latencyRatio: latencyRatioOf(plan, measured),
    breaks: brokenBy(plan, measured) > 0,
  });
  const runnersUp = inOrder.filter((one) => one !== best).map(figures);
  const why = [...best.plan.why, explainTrial(figures(best), runnersUp, best.plan === predicted)];
  return { plan: { ...best.plan, why }, over: true };
}
