import { z } from 'zod';

const count = z.number().int().nonnegative();

/** A number, the name of an open dimension, or null for an open one without a name. */
const dim = z.union([z.number().int(), z.string(), z.null()]);

const valueSchema = z.object({
  name: z.string(),
  /** Element type as onnxruntime names it, e.g. `float32`; null for what is no tensor. */
  type: z.string().nullable(),
  /** Null when not even the number of dimensions is declared. */
  dims: z.array(dim).nullable(),
});
export type DescribedValue = z.infer<typeof valueSchema>;

const crossingSchema = valueSchema.extend({
  /** Of one inference; null when type or shape is not known. */
  bytes: count.nullable(),
});

const cutSchema = z.object({
  /** Number of the computing node with which the later stage begins: `firstNode` of a plan's stage. */
  firstNode: count,
  /** Operator and name of that node. */
  label: z.string(),
  /** What has to be handed over. */
  crossing: z.array(crossingSchema),
  /** Of all of it; null when one part is not known. */
  bytes: count.nullable(),
  /** Share of the multiply-accumulates that come before the cut, 0..1; null when they are not known. */
  macsBefore: z.number().min(0).max(1).nullable(),
  /** Bytes that one inference moves before the cut, as `bytesMoved` counts them; null when they are not known. */
  movedBefore: count.nullable(),
});
export type DescribedCut = z.infer<typeof cutSchema>;

const descriptionWarnings = [
  /** Operators that neither ONNX nor the runtime define. */
  'custom-operators',
  /** The runtime refuses the model: what it says is in the text. */
  'not-loadable',
  /** It could not be run to see the shapes inside it. */
  'not-run',
  /** Operators that multiply, but are not counted in `macs`. */
  'uncounted-operators',
] as const;

/** What a model file is, without running it for anybody: for people who choose among models, and for choosing cuts. */
export const modelDescriptionSchema = z.object({
  /** Version of this layout: what was kept on disk by another one is made anew. */
  layout: z.literal(2),
  /** Hex, of the model with its external data. */
  sha256: z.string(),
  /** With external data. */
  fileBytes: count,
  irVersion: count,
  /** The exporter; empty when it does not say. */
  producer: z.string(),
  /** Domain "" is ONNX itself. */
  opsets: z.array(z.object({ domain: z.string(), version: count })),
  /** Without those that are constants with a default. */
  inputs: z.array(valueSchema),
  outputs: z.array(valueSchema),
  /** Whether several requests can be computed as one batch: the first dimension of all inputs and outputs is open. */
  batchOpen: z.boolean(),
  /** Most frequent first. */
  operators: z.array(z.object({ name: z.string(), domain: z.string(), count })),
  /** Nodes that depend on the inputs: the others are computed once, when the model is loaded. */
  computingNodes: count,
  parameters: count,
  parameterBytes: count,
  /** Multiply-accumulates of one inference; null when the shapes inside the model are not known. */
  macs: count.nullable(),
  /**
   * Bytes that one inference moves between its nodes and the memory: weights and tensors read and written, each once per node. Null
   * when the shapes inside the model are not known.
   */
  bytesMoved: count.nullable(),
  /** Of all inputs of one inference; null as above. */
  inputBytes: count.nullable(),
  /** Shapes of the inputs for which `macs` and the bytes of the cuts hold, by name; null when it was not run. */
  runDims: z.record(z.string(), z.array(count)).nullable(),
  /** The cuts worth choosing from, first node first. */
  cuts: z.array(cutSchema),
  /** Further places where it could be cut, but too much would have to be handed over. */
  cutsNotOffered: count,
  /** Files beside the model that hold weights, as the model names them. */
  externalFiles: z.array(z.string()),
  warnings: z.array(z.object({ kind: z.enum(descriptionWarnings), text: z.string() })),
});
export type ModelDescription = z.infer<typeof modelDescriptionSchema>;
export type DescriptionWarning = ModelDescription['warnings'][number];
