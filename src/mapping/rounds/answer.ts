import { z } from 'zod';
import { planSchema } from '../../signals/plan';
import { violatedSchema } from '../../signals/violated';
import type { PlanningQuestion } from './question';

/** A plan, and the component of each stage of each tenant behind it (stages that stay together are one in the plan). */
export const plannedMappingSchema = z.object({
  plan: planSchema,
  mapping: z.array(z.array(z.number().int().nonnegative())),
});
export type PlannedMapping = z.infer<typeof plannedMappingSchema>;

/** What a round of planning comes to. */
export const planningAnswerSchema = z.object({
  best: plannedMappingSchema,
  violated: violatedSchema,
  /**
   * Other mappings that keep all limits and that the estimator cannot tell from the best one: their predictions are within each
   * other's intervals. Best first; only where the plan moves tenants.
   */
  rivals: z.array(plannedMappingSchema),
});
export type PlanningAnswer = z.infer<typeof planningAnswerSchema>;

/** Works rounds out: here, or in another process. */
export interface RoundSolver {
  solve(question: PlanningQuestion): Promise<PlanningAnswer>;
}
