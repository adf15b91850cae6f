import { z } from 'zod';
import { intensitySchema } from './carbon';
import { timeSchema } from './quantities';

/** What is expected of the grid in one interval of time. */
export const outlookPointSchema = z.object({
  validFrom: timeSchema,
  validTo: timeSchema,
  intensityGPerKwh: intensitySchema,
});
export type OutlookPoint = z.infer<typeof outlookPointSchema>;

/**
 * How much accuracy may be given up over a day, and what is known of the day's grid: what it takes to give it up where it saves
 * most. Goes with a cap of the policy `quality`; the planner passes it on, the selector finds the price.
 */
export const qualitySchema = z.object({
  /**
   * Percentage points by which the accuracy of a day's answers, mean over all requests, may lie below that of the tenants' most
   * accurate variants.
   */
  allowancePt: z.number().min(0).max(100),
  /** Time of the grid: the readings' own time, so that a recorded day played fast is a day. Days begin at midnight UTC. */
  at: timeSchema,
  /** What to reckon with now; null while nothing is known. */
  intensityGPerKwh: intensitySchema.nullable(),
  /** From now on, in order; empty while nothing is known. */
  outlook: z.array(outlookPointSchema),
  /** Where the outlook comes from. */
  outlookFrom: z.enum(['forecast', 'day before', 'readings', 'nothing']),
  /**
   * Present where the power cap follows the plan: the planner may then choose any operating point whose power at full load stays
   * under so many watts.
   */
  outerW: z.number().positive().optional(),
});
export type Quality = z.infer<typeof qualitySchema>;
