import { z } from 'zod';
import type { CoLocationSample } from '../../signals/co-location';
import { errorCodes } from '../../signals/errors';
import { intervalsSchema } from '../estimator/intervals/interval-schema';
import { planningAnswerSchema } from '../rounds/answer';
import { planningQuestionSchema } from '../rounds/question';

/** What the planner's process is told and tells, over the channel of `fork` with structured cloning. */

/** An estimator to predict with: an ONNX file of `estimatorOnnx`, and the intervals that hold for it. */
export const estimatorSourceSchema = z.object({
  model: z.union([
    z.object({ path: z.string() }),
    z.object({ bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array) }),
  ]),
  intervals: intervalsSchema,
});

/** Which estimator is wanted: what calibration made on this device, the one that is shipped, or the analytic one alone. */
export const wantedEstimatorSchema = z.union([
  z.object({ kind: z.literal('calibrated'), source: estimatorSourceSchema }),
  /** With intervals where a calibration found some for it. */
  z.object({ kind: z.literal('shipped'), intervals: intervalsSchema.optional() }),
  z.object({ kind: z.literal('analytic') }),
]);
export type WantedEstimator = z.infer<typeof wantedEstimatorSchema>;

/** Names of the estimators as plans say them. */
export const estimatorNames = {
  calibrated: 'learned (calibrated)',
  shipped: 'learned (shipped)',
  analytic: 'analytic',
} as const;
export type EstimatorName = (typeof estimatorNames)[keyof typeof estimatorNames];

/** Our own parent made it of its own plans; only its kind is looked at. */
const sampleSchema = z.custom<CoLocationSample>(
  (value) => typeof value === 'object' && value !== null && 'networks' in value && 'mapping' in value,
);

export const coverageSchema = z.object({
  /** Share of the last measurements that were within their interval; null before the first. */
  coverage: z.number().nullable(),
  measured: z.number(),
  holds: z.boolean(),
});
export type Coverage = z.infer<typeof coverageSchema>;

export const plannerCommandSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('estimator'), wanted: wantedEstimatorSchema }),
  /** Without an effort: that of the service. */
  z.object({
    kind: z.literal('solve'),
    id: z.number(),
    question: planningQuestionSchema,
    effort: z.object({ evaluations: z.number(), timeMs: z.number().optional() }).optional(),
  }),
  /** What a plan did: the intervals are held to it. */
  z.object({ kind: z.literal('observe'), sample: sampleSchema, powerCounts: z.boolean() }),
]);
export type PlannerCommand = z.infer<typeof plannerCommandSchema>;

const problemSchema = z.object({ code: z.enum(errorCodes), message: z.string() });
export type PlannerProblem = z.infer<typeof problemSchema>;

export const plannerMessageSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('estimator'),
    inForce: z.enum(estimatorNames),
    /** Why it is not the one that was wanted. */
    problems: z.array(problemSchema),
  }),
  z.object({
    kind: z.literal('coverage'),
    coverage: coverageSchema,
    /** The intervals, where they were made anew. */
    intervals: intervalsSchema.nullable(),
  }),
  z.object({ kind: z.literal('answer'), id: z.number(), answer: planningAnswerSchema }),
  z.object({ kind: z.literal('failed'), id: z.number(), problem: problemSchema }),
]);
export type PlannerMessage = z.infer<typeof plannerMessageSchema>;
