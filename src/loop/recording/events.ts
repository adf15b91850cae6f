import { z } from 'zod';
import { carbonReadingSchema } from '../../signals/carbon';
import { enforcementSchema, operatingPointSchema } from '../../signals/device';
import { errorCodes } from '../../signals/errors';
import { powerReadingSchema, timeSchema } from '../../signals/quantities';
import { telemetrySchema } from '../../signals/telemetry';
import { decisionSchemas } from './decisions';

/** Lines of a recording after its header. Every line tells its time, `atMs`: when its step began, ms since the recording did. */
const atMs = z.number();

/** A step of the loop begins; the lines up to the next one belong to it, inputs and decisions in the order in which they came. */
const stepEventSchema = z.object({
  kind: z.literal('step'),
  atMs,
  step: z.enum(['control', 'window']),
  /** On the clock of the cap's policy: the grid's, where a day is played fast. */
  policyMs: z.number(),
  time: timeSchema,
});

const inputEventSchemas = [
  /** What the grid's source answered. */
  z.object({ kind: z.literal('carbon'), atMs, reading: carbonReadingSchema }),
  /** What the executor did in a window: requests, latencies, energy as it was measured or modelled. */
  z.object({ kind: z.literal('telemetry'), atMs, telemetry: telemetrySchema }),
  /** What a reader of the device's power meter said; readers are numbered in the order in which they were opened. */
  z.object({ kind: z.literal('power'), atMs, reader: z.number().int().nonnegative(), power: powerReadingSchema }),
  /** What the device answered to a cap. */
  z.object({
    kind: z.literal('applied'),
    atMs,
    askedW: z.number(),
    capW: z.number(),
    operatingPoint: operatingPointSchema,
    enforced: enforcementSchema,
    capUnreachable: z.boolean(),
    how: z.string(),
    problem: z.object({ code: z.enum(errorCodes), message: z.string() }).nullable(),
    /** All points of the device, where they have changed. */
    operatingPoints: z.array(operatingPointSchema).min(1).optional(),
  }),
  /** A plan was worked out without the process that plans, and why. */
  z.object({ kind: z.literal('fallback'), atMs, planId: z.string(), why: z.string() }),
  /** The step ended because an input failed. */
  z.object({ kind: z.literal('failed'), atMs, message: z.string() }),
] as const;

export const recordedEventSchema = z.discriminatedUnion('kind', [
  stepEventSchema,
  ...inputEventSchemas,
  ...decisionSchemas,
  /** The recording was closed: nothing is missing. */
  z.object({ kind: z.literal('end'), atMs }),
]);
export type RecordedEvent = z.infer<typeof recordedEventSchema>;
export type EventKind = RecordedEvent['kind'];
export type EventOf<Kind extends EventKind> = Extract<RecordedEvent, { kind: Kind }>;

const decisionKinds = ['cap', 'plan', 'variants'] as const;
export type DecisionEvent = EventOf<(typeof decisionKinds)[number]>;

export function isDecision(event: RecordedEvent): event is DecisionEvent {
  return (decisionKinds as readonly string[]).includes(event.kind);
}
