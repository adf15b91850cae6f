import { z } from 'zod';
import { sourceSchema, timeSchema } from './quantities';

const count = z.number().int().nonnegative();

const operatorTensorSchema = z.object({
  /** As onnxruntime names it, e.g. `float32`. */
  elementType: z.string(),
  /** Null where it is not known. */
  dims: z.array(count).nullable(),
  /** Weights and other constants: the same in every run. */
  constant: z.boolean(),
});
export type OperatorTensor = z.infer<typeof operatorTensorSchema>;

/**
 * One operator of a model as the runtime executes it: after it has merged and replaced what the file says, so that a convolution
 * with its activation is one operator, and one in blocked layout is another than the plain one.
 */
export const operatorSchema = z.object({
  name: z.string(),
  /** e.g. `Conv`, `FusedMatMul`. */
  type: z.string(),
  /** Empty for ONNX itself, e.g. `com.microsoft.nchwc` for what the runtime has put into blocked layout. */
  domain: z.string(),
  /** Null stands for an optional one that is left out. */
  inputs: z.array(operatorTensorSchema.nullable()),
  outputs: z.array(operatorTensorSchema),
  /** Numbers, texts and short lists only. */
  attributes: z.record(z.string(), z.union([z.number(), z.string(), z.array(z.number())])),
});
export type Operator = z.infer<typeof operatorSchema>;

/** What a model consists of when it runs on a kind of component; nothing of it is measured. */
export const operatorListSchema = z.object({
  modelSha256: z.string(),
  /** Of ONNX Runtime: another version may merge operators in another way. */
  runtimeVersion: z.string(),
  operators: z.array(operatorSchema),
});
export type OperatorList = z.infer<typeof operatorListSchema>;

/** The times of a model and of each of its operators, measured alone on one component. */
export const operatorTimesSchema = operatorListSchema.extend({
  /** Wall time of one run without the profiler, ms: mean of the faster half of the runs. */
  latencyMs: z.number().positive(),
  /** CPU time of one such run over all threads, ms: mean of the lesser half. */
  cpuMs: z.number().nonnegative(),
  runs: z.number().int().positive(),
  operators: z.array(
    operatorSchema.extend({
      /** Wall time in one run, ms: mean of the faster half of the runs with the profiler. */
      ms: z.number().positive(),
    }),
  ),
});
export type OperatorTimes = z.infer<typeof operatorTimesSchema>;

/** Where a number of joules comes from: a sensor, or a power law applied to measured activity. */
export const energyBasisSchema = z.object({ source: sourceSchema, method: z.string() });

/** Operator times with the energy of a run, as they are kept. */
export const operatorProfileSchema = operatorTimesSchema.extend({
  componentClass: z.string(),
  deviceFingerprint: z.string(),
  /** Of the whole device during one run alone, J: its idle share included. */
  energyJ: z.number().positive(),
  energy: energyBasisSchema,
  measuredAt: timeSchema,
});
export type OperatorProfile = z.infer<typeof operatorProfileSchema>;
