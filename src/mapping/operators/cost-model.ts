import { z } from 'zod';
import { energyBasisSchema } from '../../signals/operator-profile';
import { treesSchema } from './learning/boosted-trees';

/** Milliseconds of an operator: a law of its work, corrected by trees that look at its shape. */
const timeModelSchema = z.object({
  /** Milliseconds per unit of each of `workColumns`, none negative. */
  law: z.array(z.number().nonnegative()),
  /** On the logarithm of measured over law. */
  trees: treesSchema,
});
export type TimeModel = z.infer<typeof timeModelSchema>;

const kindModelSchema = z.object({
  /** Operators that it was learned from. */
  operators: z.number().int().positive(),
  /** Null where there were too few: then the general one with `lnBias`. */
  time: timeModelSchema.nullable(),
  lnBias: z.number(),
  /** Of the whole device while one of these runs, W. */
  powerW: z.number().positive(),
});

/** What operators cost on one kind of component of one device, learned from the profiles of models that were measured there. */
export const operatorCostModelSchema = z.object({
  deviceFingerprint: z.string(),
  componentClass: z.string(),
  runtimeVersion: z.string(),
  models: z.number().int().positive(),
  kinds: z.record(z.string(), kindModelSchema),
  /** For operators that were never seen. */
  general: timeModelSchema,
  /** Latency of a run as a law of `[1, sum of its operators, - their number]`: the profiler makes each a little longer. */
  run: z.array(z.number().nonnegative()).length(3),
  /** Mean power of the whole device while a model runs, W. */
  powerW: z.number().positive(),
  /** Where the energies come from that it was learned from. */
  energy: energyBasisSchema,
});
export type OperatorCostModel = z.infer<typeof operatorCostModelSchema>;
