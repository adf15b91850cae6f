import { z } from 'zod';
import { demonstrationFamilies } from '../../src/models/family-card';
import { numberOr, optionalNumber } from '../shared/optional-number';

const text = z.preprocess((value) => (typeof value === 'string' ? value.trim() : (value ?? '')), z.string());

const optionalText = text.transform((value) => (value === '' ? null : value));

/** "1, 1, 96, 96" as a list of numbers; empty takes the shape from the model. */
const dims = text.transform((value, context): number[] | null => {
  if (value === '') return null;
  const list = value.split(/[\s,x]+/).filter((part) => part !== '');
  const numbers = list.map(Number);
  if (numbers.every((dim) => Number.isInteger(dim) && dim > 0)) return numbers;
  context.addIssue({ code: 'custom', message: 'not a shape: write whole numbers above 0, such as 1, 3, 224, 224' });
  return z.NEVER;
});

/** One label per line, or separated by commas. */
const labels = text.transform((value) =>
  value
    .split(/[\n,]/)
    .map((label) => label.trim())
    .filter((label) => label !== ''),
);

const ownVariant = z.object({
  name: text,
  path: text,
  accuracy: z.coerce.number().min(0).max(1),
  sha256: optionalText.default(null),
});

/** Config of a `tenant` node as it stands in a flow: the fields of all sources side by side, of which the chosen one's count. */
export const tenantConfig = z.object({
  name: text.default(''),
  source: z.enum([...demonstrationFamilies, 'own']).default('inspect'),
  latencyLimitMs: numberOr(z.number().positive(), 100),
  priority: numberOr(z.number().int().min(1), 1),
  leastAccuracy: numberOr(z.number().min(0).max(1), 0),
  arrivalRatePerS: numberOr(z.number().min(0), 5),
  nonFiniteInput: z.enum(['refuse', 'pass']).default('refuse'),
  overrideMode: z.enum(['auto', 'pin', 'off']).default('auto'),
  pinnedVariant: text.default(''),
  variants: z.array(ownVariant).default([]),
  inputName: optionalText.default(null),
  inputDims: dims.default(null),
  outputKind: z.enum(['tensors', 'label', 'value']).default('tensors'),
  outputName: optionalText.default(null),
  labels: labels.default([]),
  unit: text.default(''),
  tolerance: optionalNumber(z.number().positive()).default(null),
});
export type TenantConfig = z.infer<typeof tenantConfig>;

/** `settings.js`: `ecomap: { modelRoots: [...] }` keeps users' models inside these directories. */
export const modelSettings = z.object({ modelRoots: z.array(z.string()).nullable().default(null) });
