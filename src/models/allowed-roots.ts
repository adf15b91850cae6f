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
 * Keeps a tenant's models inside certain directories: returns the tenant with the real paths, links resolved. A few look-ups of
 * paths, once, when a flow is deployed.
 * @throws EcomapError MODEL_NOT_FOUND when a file is missing or lies outside
 */
export function confineToRoots(tenant: Tenant, roots: readonly string[]): Tenant {
  const realRoots = roots.flatMap((root) => realOrNull(root) ?? []);
  const variants = tenant.variants.map((variant) => {
    let path: string;
    try {
      path = realpathSync(variant.path);
    } catch (error) {
      throw new EcomapError('MODEL_NOT_FOUND', `The model file ${variant.path} cannot be used: ${messageOf(error)}`);
    }
    if (realRoots.some((root) => isInside(path, root))) return { ...variant, path };
    throw new EcomapError(
      'MODEL_NOT_FOUND',
      `The model file ${variant.path} lies outside the directories that models may come from (${roots.join(', ')}): ` +
        'move it there, or extend ecomap.modelRoots in settings.js.',
    );
  });
  return { ...tenant, variants };
}
