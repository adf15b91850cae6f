import { z } from 'zod';
import { planSchema } from '../../signals/plan';
import { violatedSchema } from '../../signals/violated';
import type { PlanningQuestion } from './question';

/** What a round of planning comes to. */
export const planningAnswerSchema = z.object({
  plan: planSchema,
  violated: violatedSchema,
  /**
   * Other mappings that keep all limits and that the estimator cannot tell from this one: their predictions are within each
   * other's intervals. Best first; only where the plan moves tenants.
   */
  rivals: z.array(planSchema),
});
export type PlanningAnswer = z.infer<typeof planningAnswerSchema>;

/** Works rounds out: here, or in another process. */
export interface RoundSolver {
  solve(question: PlanningQuestion): Promise<PlanningAnswer>;
  /** Changes whenever the same question may get another answer; absent: it never does. */
  readonly revision?: number;
}
