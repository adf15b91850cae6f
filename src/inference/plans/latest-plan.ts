import type { Plan } from '../../signals/plan';

export interface PlanOutcome {
  /** False when a newer plan arrived before this one's turn. */
  readonly applied: boolean;
  /** Changes of variant. */
  readonly swaps: number;
  readonly why: readonly string[];
}

interface WaitingPlan {
  readonly plan: Plan;
  resolve(outcome: PlanOutcome): void;
  reject(error: unknown): void;
}

/** Applies one plan at a time; of those that arrive meanwhile only the latest is kept. */
export class LatestPlan {
  #waiting: WaitingPlan | null = null;
  #busy = false;

  constructor(private readonly apply: (plan: Plan) => Promise<PlanOutcome>) {}

  offer(plan: Plan): Promise<PlanOutcome> {
    return new Promise<PlanOutcome>((resolve, reject) => {
      this.#waiting?.resolve({ applied: false, swaps: 0, why: [`overtaken by plan ${plan.planId}`] });
      this.#waiting = { plan, resolve, reject };
      if (!this.#busy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let next = this.#take(); next !== null; next = this.#take()) {
      try {
        next.resolve(await this.apply(next.plan));
      } catch (error) {
        next.reject(error);
      }
    }
    this.#busy = false;
  }

  #take(): WaitingPlan | null {
    const next = this.#waiting;
    this.#waiting = null;
    return next;
  }
}
