import { z } from 'zod';
import { errorCodes } from '../../signals/errors';

/** What the process that predicts costs is told and tells, over the channel of `fork`. */

export const predictionQuestionSchema = z.object({
  path: z.string(),
  /** Hash that the file must have; null means any. */
  sha256: z.string().nullable(),
  /** Shape of the first input; null takes 1 for what the model leaves open. */
  dims: z.array(z.number().int().positive()).nullable(),
  deviceFingerprint: z.string(),
  /** Node-RED's user directory. */
  stateDirectory: z.string(),
  /** The program that looks into the model. */
  hostEntry: z.object({ script: z.string(), execArgv: z.array(z.string()) }),
});
export type PredictionQuestion = z.infer<typeof predictionQuestionSchema>;

/** What a model should cost on a class of components; see `PredictedCost`. */
export const modelledCostSchema = z.object({
  componentClass: z.string(),
  source: z.literal('modelled'),
  /** Of one run alone, ms. */
  latencyMs: z.number(),
  /** Of the whole device during one run alone, J: its idle share included. */
  energyJ: z.number(),
  /** Share of the predicted time that is of operator types which were measured here, 0..1. */
  coveredShare: z.number(),
  /** Operators of which nothing can be said: not in the totals. */
  unknownOperators: z.number().int(),
});
export type ModelledCost = z.infer<typeof modelledCostSchema>;

export const predictionAnswerSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('costs'),
    /** One per class of components whose operators were measured on this machine; empty where none were. */
    costs: z.array(modelledCostSchema),
    /** Why some of what was measured is not used. */
    warnings: z.array(z.string()),
  }),
  z.object({ kind: z.literal('failed'), code: z.enum(errorCodes), message: z.string() }),
]);
export type PredictionAnswer = z.infer<typeof predictionAnswerSchema>;
