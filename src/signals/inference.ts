import { z } from 'zod';
import type { ImageDeclaration } from './tenant';

/** Element types that cross the boundary to a host. */
export const tensorTypes = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'string',
] as const;
export type TensorType = (typeof tensorTypes)[number];

export type NumericData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/**
 * Elements in row order. `bool` is a Uint8Array of 0 and 1; `float16` is a Uint16Array of its bits on the way to a model and
 * back, and a Float32Array of its numbers in answers.
 */
export type TensorData = NumericData | readonly string[];

/** How the host makes the tensor that the model takes out of an image. */
export interface ImageEncoding {
  readonly declaration: ImageDeclaration;
  /** `file` is a JPEG, PNG, ... that has to be decoded; `pixels` are the declared size, by rows, channels together. */
  readonly form: 'file' | 'pixels';
}

export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
  /** Where the data is the bytes of an image, from which the host makes the tensor of this type and these dimensions. */
  readonly image?: ImageEncoding;
}

export interface InferenceRequest {
  readonly tenant: string;
  /** As it came in `msg.payload`; turned into tensors at the executor's door. */
  readonly payload: unknown;
  /** Latest useful time of the answer, ms since the epoch; default: arrival + the tenant's latency limit is the SLO, without refusal. */
  readonly deadlineMs?: number;
  /** Overrides the tenant's priority; 1 is the highest. */
  readonly priority?: number;
  /** Takes the request back: it ends with CANCELLED, and does not run if it has not begun. */
  readonly signal?: AbortSignal;
}

/** `msg.ecomap` of a result: what this one inference was and cost. */
export const inferenceAccountSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  components: z.array(z.string()),
  deadlineMet: z.boolean(),
  queueMs: z.number(),
  runMs: z.number(),
  latencyMs: z.number(),
  /** Energy above idle; null when unknown. */
  energyJ: z.number().nullable(),
  energyMethod: z.string(),
  carbonG: z.number().nullable(),
  /** True when a lighter variant than the most accurate one answered. */
  degraded: z.boolean(),
  why: z.array(z.string()),
  /** True when the input held NaN or infinity. */
  nonFiniteInput: z.boolean(),
  /** Requests that were computed together, this one included. */
  batchSize: z.number().int().positive(),
});
export type InferenceAccount = z.infer<typeof inferenceAccountSchema>;

export interface InferenceResult {
  /** In the form the tenant declares: named tensors, {label, index, score, scores} or {value, unit}. */
  readonly payload: unknown;
  readonly account: InferenceAccount;
}
