import { z } from 'zod';
import { errorCodes } from '../../signals/errors';
import { intervalsSchema } from '../estimator/intervals/interval-schema';

/** What the process that trains is told and tells, over the channel of `fork` with structured cloning. */

const floats = z.custom<Float32Array>((value) => value instanceof Float32Array);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const trainingSetSchema = z.object({
  count: z.number().int().nonnegative(),
  slots: z.number().int().positive(),
  features: floats,
  mask: floats,
  lnLatencyRatio: floats,
  lnTailOverMean: floats,
  lnPowerRatio: floats,
  lnSharedOverAlone: floats,
  sharedS: floats,
  sharedPowerW: floats,
  lnAdditivePower: floats,
  workload: z.custom<Int32Array>((value) => value instanceof Int32Array),
});

export const calibrationJobSchema = z.object({
  kind: z.literal('calibrate'),
  /** The estimator in force, an ONNX file. */
  estimator: bytes,
  samples: trainingSetSchema,
  seed: z.number().int(),
  /** Where to keep what is finished, so that an interrupted calibration goes on; null: nowhere. */
  stateFile: z.string().nullable(),
});
export type CalibrationJob = z.infer<typeof calibrationJobSchema>;

const errorsSchema = z.object({ latencyMapePct: z.number(), powerMapePct: z.number() });

export const calibrationReportSchema = z.object({
  kept: z.boolean(),
  reason: z.string().nullable(),
  samples: z.number(),
  workloads: z.number(),
  epochs: z.number(),
  before: errorsSchema,
  after: errorsSchema,
  intervals: intervalsSchema,
  additiveMapePct: z.number(),
  points: z.array(z.object({ measuredS: z.number(), beforeS: z.number(), predictedS: z.number() })),
});
export type CalibrationReport = z.infer<typeof calibrationReportSchema>;

export const trainingMessageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), done: z.number(), total: z.number(), secondsLeft: z.number() }),
  z.object({
    kind: z.literal('done'),
    report: calibrationReportSchema,
    /** The calibrated estimator, an ONNX file; null where the one in force stays. */
    estimator: bytes.nullable(),
  }),
  z.object({ kind: z.literal('failed'), code: z.enum(errorCodes), message: z.string() }),
]);
export type TrainingMessage = z.infer<typeof trainingMessageSchema>;
