import { z } from 'zod';
import { unitKinds, type CoLocationSample } from '../../signals/co-location';
import { sourceSchema, timeSchema } from '../../signals/quantities';

/** Version of the records. A file with a newer one is set aside. */
export const recordsVersion = 1;

const count = z.number().int().nonnegative();
const orNothing = <Schema extends z.ZodType>(schema: Schema) => z.array(schema.nullable());
/** JSON has no infinity. */
const period = z
  .number()
  .nonnegative()
  .nullable()
  .transform((seconds) => seconds ?? Number.POSITIVE_INFINITY);

export const coLocationSampleSchema: z.ZodType<CoLocationSample> = z.object({
  device: z.object({
    units: z.array(z.object({ kind: z.enum(unitKinds), queued: z.boolean(), speed: z.number().positive() })),
    idleW: z.number().nonnegative(),
    capW: z.number().positive().nullable(),
  }),
  networks: z.array(
    z.object({
      stages: z.array(
        z.object({
          gigaflop: z.number().nonnegative(),
          gigabytes: z.number().nonnegative(),
          transferS: z.number().nonnegative(),
          alone: orNothing(z.object({ latencyS: z.number().positive(), energyJ: z.number().nonnegative() })),
        }),
      ),
      pauseS: z.number().nonnegative(),
      periodS: period,
      sensitivity: orNothing(z.object({ besideMemory: z.number(), besideItself: z.number(), caused: z.number() })),
    }),
  ),
  mapping: z.array(z.array(count)),
  workload: count,
  latencyS: z.array(z.number().positive()),
  tailS: z.array(z.number().positive()).optional(),
  powerW: z.number().positive(),
});

/** A calibration that was begun: what follows belongs to it, up to the next. */
const begunSchema = z.object({
  kind: z.literal('begun'),
  version: z.literal(recordsVersion),
  at: timeSchema,
  /** Of everything that the plan is made of: where it is the same, the plan is. */
  plan: z.string(),
  samples: count,
});
/** One measurement of the plan. */
const sampleSchema = z.object({
  kind: z.literal('sample'),
  at: timeSchema,
  /** Number in the plan. */
  planned: count,
  /** Null where too few of its networks could run. */
  sample: coLocationSampleSchema.nullable(),
  /** Null where nothing was measured. */
  powerSource: sourceSchema.nullable(),
});
/** The co-location that is measured again and again. */
const anchorSchema = z.object({
  kind: z.literal('anchor'),
  at: timeSchema,
  /** Of the operating point: anchors of different ones are not compared. */
  point: z.string(),
  /** Mean natural logarithm of the latencies, s. */
  lnLatency: z.number(),
});
const endedSchema = z.object({ kind: z.literal('ended'), at: timeSchema, outcome: z.enum(['done', 'cancelled']) });
/** A plan that was tried in service: it belongs to no calibration. */
const triedSchema = z.object({
  kind: z.literal('tried'),
  at: timeSchema,
  sample: coLocationSampleSchema,
  /** Records that do not say it were not told of a sensor. */
  powerSource: sourceSchema.default('modelled'),
});

export const recordSchema = z.discriminatedUnion('kind', [
  begunSchema,
  sampleSchema,
  anchorSchema,
  endedSchema,
  triedSchema,
]);
export type CalibrationRecord = z.infer<typeof recordSchema>;
export type SampleRecord = z.infer<typeof sampleSchema>;
export type AnchorRecord = z.infer<typeof anchorSchema>;
export type TriedRecord = z.infer<typeof triedSchema>;
export type BegunRecord = z.infer<typeof begunSchema>;

/** Only to tell a newer file from a damaged one. */
export const versionedSchema = z.object({ kind: z.literal('begun'), version: z.number() });
