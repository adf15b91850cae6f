import { sha256OfModel } from '../../models/onnx-file';
import type { Component } from '../../signals/device';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import type { Tenant, Variant } from '../../signals/tenant';
import type { ProfileTable } from './table';

export interface ModelSearch {
  readonly tenants: readonly Tenant[];
  /** Told at once about every variant that is left out. */
  readonly onExcluded?: (error: EcomapError, tenant: string, variant: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Hex SHA-256 of a file; for tests. */
  readonly hashFile?: ((path: string) => Promise<string>) | undefined;
}

export interface Use {
  readonly tenant: Tenant;
  readonly variant: Variant;
}

/** One model file and everybody who uses it. */
export interface ProfiledModel {
  readonly path: string;
  readonly sha256: string;
  readonly dims: readonly number[] | null;
  readonly uses: Use[];
}

/** Every tenant's lightest variant, then every tenant's next: so that planning can begin early, and with what does least harm. */
function lightestFirst(tenants: readonly Tenant[]): Use[] {
  return tenants
    .flatMap((tenant) =>
      [...tenant.variants]
        .sort((a, b) => a.accuracy - b.accuracy)
        .map((variant, rank) => ({ rank, use: { tenant, variant } })),
    )
    .sort((a, b) => a.rank - b.rank)
    .map(({ use }) => use);
}

/** Every distinct file, hashed: a file that is missing or was exchanged is found before anything is planned with it. */
export async function findModels(options: ModelSearch, table: ProfileTable): Promise<ProfiledModel[]> {
  const hashFile = options.hashFile ?? sha256OfModel;
  const models = new Map<string, ProfiledModel>();
  for (const { tenant, variant } of lightestFirst(options.tenants)) {
    options.signal?.throwIfAborted();
    try {
      const sha256 = await hashOf(variant, hashFile);
      const dims = tenant.input.dims;
      const key = JSON.stringify([sha256, dims]);
      const model = models.get(key) ?? { path: variant.path, sha256, dims, uses: [] };
      model.uses.push({ tenant, variant });
      models.set(key, model);
    } catch (error) {
      exclude(options, table, [{ tenant, variant }], error);
    }
  }
  return [...models.values()];
}

async function hashOf(variant: Variant, hashFile: (path: string) => Promise<string>): Promise<string> {
  let sha256: string;
  try {
    sha256 = (await hashFile(variant.path)).toLowerCase();
  } catch (error) {
    if (isEcomapError(error)) throw error;
    throw new EcomapError(
      'MODEL_NOT_FOUND',
      `The model file ${variant.path} cannot be read (${messageOf(error)}). Check the path of variant "${variant.name}".`,
      { cause: error },
    );
  }
  if (variant.sha256 !== null && variant.sha256.toLowerCase() !== sha256) {
    throw new EcomapError(
      'MODEL_HASH_MISMATCH',
      `The model file ${variant.path} has SHA-256 ${sha256}, but variant "${variant.name}" pins ${variant.sha256}. ` +
        'Restore the file, or pin the new hash if the change was meant.',
    );
  }
  return sha256;
}

/** Leaves a variant out when the fault is its own; any other error ends the profiling. */
export function exclude(
  options: Pick<ModelSearch, 'onExcluded'>,
  table: ProfileTable,
  uses: readonly Use[],
  error: unknown,
): void {
  const ownFault =
    isEcomapError(error) &&
    (error.code.startsWith('MODEL_') || ['HOST_CRASHED', 'INPUT_MISMATCH'].includes(error.code));
  if (!ownFault) throw error;
  for (const { tenant, variant } of uses) {
    table.exclude({ tenant: tenant.name, variant: variant.name, code: error.code, reason: error.message });
    options.onExcluded?.(error, tenant.name, variant.name);
  }
}

/** One component of each class: components of a class perform alike. */
export function representatives(components: readonly Component[]): Component[] {
  const byClass = new Map<string, Component>();
  for (const component of components) {
    if (!byClass.has(component.componentClass)) byClass.set(component.componentClass, component);
  }
  return [...byClass.values()];
}
