import { realpathSync } from 'node:fs';
import { sep } from 'node:path';
import { EcomapError, messageOf } from '../signals/errors';
import type { Tenant } from '../signals/tenant';

function realOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function isInside(path: string, root: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * Keeps a model inside certain directories: returns its real path, links resolved.
 * @throws EcomapError MODEL_NOT_FOUND when the file is missing or lies outside
 */
export function confinePath(path: string, roots: readonly string[]): string {
  const realRoots = roots.flatMap((root) => realOrNull(root) ?? []);
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    throw new EcomapError('MODEL_NOT_FOUND', `The model file ${path} cannot be used: ${messageOf(error)}`);
  }
  if (realRoots.some((root) => isInside(real, root))) return real;
  throw new EcomapError(
    'MODEL_NOT_FOUND',
    `The model file ${path} lies outside the directories that models may come from (${roots.join(', ')}): ` +
      'move it there, or extend ecomap.modelRoots in settings.js.',
  );
}

/**
 * The same for all models of a tenant. A few look-ups of paths, once, when a flow is deployed.
 * @throws EcomapError MODEL_NOT_FOUND
 */
export function confineToRoots(tenant: Tenant, roots: readonly string[]): Tenant {
  const variants = tenant.variants.map((variant) => ({ ...variant, path: confinePath(variant.path, roots) }));
  return { ...tenant, variants };
}
