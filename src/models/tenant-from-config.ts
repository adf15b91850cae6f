import { isAbsolute, join, resolve } from 'node:path';
import { EcomapError } from '../signals/errors';
import { parseAtTheDoor } from '../signals/parse';
import type { ImageDeclaration } from '../signals/image';
import { tenantSchema, type Serving, type Tenant } from '../signals/tenant';
import { demonstrationFamily, type DemonstrationFamily, type ModelFamily } from './family-card';

/** What a user says about a tenant, whatever its models are. */
export interface ServiceTerms {
  readonly name: string;
  readonly latencyLimitMs: number;
  readonly priority: number;
  readonly leastAccuracy: number;
  readonly arrivalRatePerS: number;
  readonly override: Tenant['override'];
  /** Default: `pass`. */
  readonly nonFiniteInput?: Tenant['nonFiniteInput'];
  /** Default: a bounded queue that rejects, one by one. */
  readonly serving?: Serving;
  /** Default: requests do not wait for a cleaner grid. */
  readonly deferrableUntilH?: number | null;
}

/**
 * A tenant that runs the models of a family as its card describes them. With `image` it takes images, too.
 * @throws EcomapError INVALID_CONFIG
 */
export function tenantOfFamily(
  { card, directory }: ModelFamily,
  { image = null, ...terms }: ServiceTerms & { readonly image?: ImageDeclaration | null },
): Tenant {
  const { output } = card;
  const input = { ...card.input, image };
  const variants = card.variants.map(({ name, file, accuracy, sha256 }) => ({
    name,
    path: join(directory, file),
    accuracy,
    sha256,
  }));
  return toTenant({ ...terms, family: card.family, variants, input, output });
}

/** @throws EcomapError INVALID_CONFIG, MODEL_NOT_FOUND or MODEL_INVALID when the shipped card is missing or broken */
export function demonstrationTenant(family: DemonstrationFamily, terms: ServiceTerms, root?: string): Tenant {
  return tenantOfFamily(demonstrationFamily(family, root), terms);
}

export interface OwnVariant {
  readonly name: string;
  /** Absolute, or relative to `baseDirectory`. */
  readonly path: string;
  readonly accuracy: number;
  readonly sha256: string | null;
}

/** A tenant that runs the user's own models. @throws EcomapError INVALID_CONFIG */
export function tenantOfOwnModels(
  models: { variants: readonly OwnVariant[]; input: object; output: object },
  terms: ServiceTerms,
  baseDirectory: string,
): Tenant {
  const { input, output } = models;
  const variants = models.variants.map((variant) => ({
    ...variant,
    path: isAbsolute(variant.path) ? variant.path : resolve(baseDirectory, variant.path),
  }));
  return toTenant({ ...terms, family: terms.name, variants, input, output });
}

/** Most accurate first, every name once, and what is pinned exists. */
function toTenant(raw: object): Tenant {
  const tenant = parseAtTheDoor(tenantSchema, raw, 'INVALID_CONFIG', 'The tenant');
  const names = tenant.variants.map((variant) => variant.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new EcomapError('INVALID_CONFIG', `The tenant "${tenant.name}" has two variants "${twice}": rename one.`);
  }
  const { override } = tenant;
  if (override.mode === 'pin' && !names.includes(override.variant)) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `The tenant "${tenant.name}" is pinned to the variant "${override.variant}", but has ${names.join(', ')}.`,
    );
  }
  return { ...tenant, variants: [...tenant.variants].sort((a, b) => b.accuracy - a.accuracy) };
}
