import { z } from 'zod';
import { componentSchema, operatingPointSchema } from '../../signals/device';
import { profileSchema, stageSpanSchema } from '../../signals/profile';
import { powerScopeSchema, timeSchema } from '../../signals/quantities';
import { tenantSchema } from '../../signals/tenant';
import type { PolicyConfig } from '../../power/policies/make-policy';

/** What the first line of a recording says of its layout. */
export const recordingFormat = 'ecomap-recording';
/** A file of a later version is refused. */
export const recordingVersion = 1;

const bounds = z.object({ lowGPerKwh: z.number(), highGPerKwh: z.number() }).nullable().optional();

const policySchema: z.ZodType<PolicyConfig> = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['linear', 'two-level']), bounds, holdUnknownS: z.number().optional() }),
  z.object({ kind: z.literal('budget'), gramsPerDay: z.number() }),
  z.object({
    kind: z.literal('quality'),
    allowancePt: z.number().optional(),
    within: z.enum(['highest', 'linear']).optional(),
    holdUnknownS: z.number().optional(),
  }),
  z.object({ kind: z.literal('external'), staleAfterS: z.number().optional() }),
  z.object({ kind: z.literal('fixed'), capW: z.number() }),
]);

const deviceSchema = z.object({
  name: z.string(),
  label: z.string(),
  simulated: z.boolean(),
  components: z.array(componentSchema).min(1),
  operatingPoints: z.array(operatingPointSchema).min(1),
  fingerprint: z.string(),
  powerScope: powerScopeSchema,
  powerMethod: z.string(),
  powerAccuracy: z.number().nullable(),
});

const countsSchema = z.object({
  gigaflop: z.number(),
  gigabytes: z.number(),
  inputBytes: z.number(),
  cuts: z
    .array(
      z.object({
        firstNode: z.number().int().nonnegative(),
        gigaflopBefore: z.number(),
        gigabytesBefore: z.number(),
        crossingBytes: z.number(),
      }),
    )
    .readonly(),
});

const sensitivitySchema = z.object({ besideMemory: z.number(), besideItself: z.number(), caused: z.number() });

/** What is known of the costs of one variant of a tenant. */
const variantKnowledgeSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  exclusion: z.object({ code: z.string(), reason: z.string(), pending: z.boolean().optional() }).nullable(),
  /** Of the whole variant and of its stages, by component class and clock speed. */
  profiles: z.array(profileSchema),
  stages: z.array(stageSpanSchema),
  counts: countsSchema.nullable(),
  sensitivities: z.array(z.object({ componentClass: z.string(), sensitivity: sensitivitySchema })),
});
export type VariantKnowledge = z.infer<typeof variantKnowledgeSchema>;

/** Who predicted: the learned estimator of a file with this hash where it knows enough, or the queueing model alone. */
const estimatorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('shipped'), sha256: z.string() }),
  z.object({ kind: z.literal('analytic') }),
]);
export type RecordedEstimator = z.infer<typeof estimatorSchema>;

/** First line of a recording: everything that decisions depend on and that does not change during the day. */
export const recordingHeaderSchema = z.object({
  kind: z.literal('header'),
  format: z.literal(recordingFormat),
  schemaVersion: z.literal(recordingVersion),
  packageVersion: z.string(),
  /** On the clock that plans take their ids from. */
  startedAt: timeSchema,
  /** What it was recorded with: floating point and onnxruntime may differ elsewhere. */
  madeOn: z.object({ node: z.string(), platform: z.string(), arch: z.string(), cpu: z.string() }),
  device: deviceSchema,
  /** Operating point in force before the first cap. */
  operatingPoint: operatingPointSchema,
  capRange: z.object({ minimumW: z.number(), maximumW: z.number() }),
  /** Variants are named by their files alone, without folders. */
  tenants: z.array(tenantSchema).min(1),
  knowledge: z.array(variantKnowledgeSchema),
  cap: z.object({
    policy: policySchema,
    leastDwellS: z.number().nonnegative().optional(),
    leastChangeW: z.number().nonnegative().nullable().optional(),
  }),
  selector: z.object({ upAfterS: z.number().nonnegative(), dwellS: z.number().nonnegative() }),
  /** A search ends after so many evaluations, never by time. */
  planning: z.object({ estimator: estimatorSchema, evaluations: z.number().int().positive() }),
  /** Of the traffic; the requests themselves stand in the telemetry. */
  seed: z.number(),
});
export type RecordingHeader = z.infer<typeof recordingHeaderSchema>;
