import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { EcomapError, messageOf } from '../signals/errors';
import { parseAtTheDoor } from '../signals/parse';
import { packageRoot } from './package-root';

/** The families that are shipped with the package. */
export const demonstrationFamilies = ['inspect', 'gauge', 'vibration'] as const;
export type DemonstrationFamily = (typeof demonstrationFamilies)[number];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** `family.json` beside the ONNX files of a model family: what they take, what they give, how good and how big they are. */
const familyCardSchema = z.object({
  schema: z.literal(1),
  family: z.string().min(1),
  title: z.string(),
  input: z.object({
    name: z.string().min(1),
    type: z.literal('float32'),
    /** With the batch dimension. */
    dims: z.array(z.number().int().positive()),
  }),
  output: z.discriminatedUnion('kind', [
    z.object({ name: z.string(), kind: z.literal('label'), labels: z.array(z.string()).min(1) }),
    z.object({ name: z.string(), kind: z.literal('value'), unit: z.string(), tolerance: z.number().positive() }),
  ]),
  accuracyMetric: z.string(),
  variants: z
    .array(
      z.object({
        name: z.string().min(1),
        /** Beside the card. */
        file: z.string().regex(/^[A-Za-z0-9._-]+$/),
        sha256,
        /** Share of right answers on `accuracySamples` held-out samples of `accuracySeed`. */
        accuracy: z.number().min(0).max(1),
        accuracySamples: z.number().int().positive(),
        accuracySeed: z.number(),
        parameters: z.number().nonnegative(),
        macs: z.number().nonnegative(),
        bytes: z.number().int().positive(),
        latencyMs: z.object({ median: z.number().positive(), machine: z.string() }),
      }),
    )
    .min(1),
});
export type FamilyCard = z.infer<typeof familyCardSchema>;

export interface ModelFamily {
  readonly card: FamilyCard;
  /** Absolute path of the directory with the ONNX files. */
  readonly directory: string;
}

/**
 * Reads the card of a family.
 * @throws EcomapError MODEL_NOT_FOUND when there is none, MODEL_INVALID when it is not as it should be
 */
function readFamily(directory: string): ModelFamily {
  const path = join(directory, 'family.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new EcomapError('MODEL_NOT_FOUND', `The model family card ${path} cannot be read: ${messageOf(error)}`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new EcomapError('MODEL_INVALID', `The model family card ${path} is no JSON: ${messageOf(error)}`);
  }
  return {
    card: parseAtTheDoor(familyCardSchema, content, 'MODEL_INVALID', `The model family card ${path}`),
    directory,
  };
}

/** One of the families that are shipped with the package. @throws as {@link readFamily} */
export function demonstrationFamily(name: DemonstrationFamily, root: string = packageRoot()): ModelFamily {
  return readFamily(join(root, 'models', name));
}
