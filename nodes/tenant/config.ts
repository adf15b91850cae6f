import { z } from 'zod';
import { demonstrationFamilies } from '../../src/models/family-card';
import { tensorTypes } from '../../src/signals/tensor';
import { mostDeferralH, overloadAnswerSchema } from '../../src/signals/tenant';
import { numberOr, optionalNumber } from '../shared/optional-number';
import { channelNumbers, dims, fraction, labels, optionalText, text } from './fields';

const ownVariant = z.object({
  name: text,
  path: text,
  accuracy: z.coerce.number().min(0).max(1),
  sha256: optionalText.default(null),
});

/** How the requests are served; the demonstration families too. */
const servingFields = {
  /** Null leaves it to the executor. */
  queueLength: optionalNumber(z.number().int().positive()).default(null),
  weight: numberOr(z.number().positive(), 1),
  whenFull: overloadAnswerSchema.default('reject'),
  whenLate: overloadAnswerSchema.default('reject'),
  drop: z.enum(['newest', 'oldest']).default('newest'),
  largestBatch: numberOr(z.number().int().min(1).max(256), 1),
  batchDelayMs: numberOr(z.number().min(0).max(60_000), 0),
  /** Hours that requests may wait for a cleaner grid; null: they do not wait. */
  deferrableUntilH: optionalNumber(z.number().positive().max(mostDeferralH)).default(null),
};

/** What an image becomes; used where `inputKind` is `image`. */
const imageFields = {
  inputKind: z.enum(['numbers', 'image']).default('numbers'),
  /** Null takes the size from the input shape. */
  imageWidth: optionalNumber(z.number().int().positive()).default(null),
  imageHeight: optionalNumber(z.number().int().positive()).default(null),
  /** `auto` reads them from the input shape where that is known: one channel is grey, a last axis of 1 or 3 is nhwc. */
  imageChannels: z.enum(['auto', 'rgb', 'bgr', 'grey']).default('auto'),
  imageLayout: z.enum(['auto', 'nchw', 'nhwc']).default('auto'),
  imageFit: z.enum(['stretch', 'cover', 'contain']).default('stretch'),
  imageScale: fraction(1 / 255).default(1 / 255),
  imageMean: channelNumbers([0]).default([0]),
  imageDeviation: channelNumbers([1]).default([1]),
};

/** Config of a `tenant` node as it stands in a flow: the fields of all sources side by side, of which the chosen one's count. */
export const tenantConfig = z.object({
  name: text.default(''),
  /** A measured profile of the variants; empty: none. A relative path begins in the user directory. */
  profileFile: text.default(''),
  source: z.enum([...demonstrationFamilies, 'own']).default('inspect'),
  latencyLimitMs: numberOr(z.number().positive(), 100),
  priority: numberOr(z.number().int().min(1), 1),
  leastAccuracy: numberOr(z.number().min(0).max(1), 0),
  arrivalRatePerS: numberOr(z.number().min(0), 5),
  nonFiniteInput: z.enum(['refuse', 'pass']).default('pass'),
  overrideMode: z.enum(['auto', 'pin', 'off']).default('auto'),
  pinnedVariant: text.default(''),
  variants: z.array(ownVariant).default([]),
  inputName: optionalText.default(null),
  inputDims: dims.default(null),
  /** `model` takes the type of the model's input. */
  inputType: z.enum(['model', ...tensorTypes]).default('model'),
  ...imageFields,
  outputKind: z.enum(['tensors', 'label', 'value']).default('tensors'),
  outputName: optionalText.default(null),
  labels: labels.default([]),
  unit: text.default(''),
  tolerance: optionalNumber(z.number().positive()).default(null),
  ...servingFields,
});
export type TenantConfig = z.infer<typeof tenantConfig>;
