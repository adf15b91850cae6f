import { sha256OfModel } from '../../models/onnx-file';
import type { Component, InferenceDevice } from '../../signals/device';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import type { Profile, ProfileRunner } from '../../signals/profile';
import type { Tenant, Variant } from '../../signals/tenant';
import type { ProfileStore } from './store';
import { ProfileTable } from './table';

export interface ProfilingProgress {
  /** Profiles known or given up so far. */
  readonly done: number;
  readonly total: number;
  /** What comes next or was last dealt with, in words: `inspect small on cpu-1t`. */
  readonly what: string;
}

export interface ProfilingOptions {
  readonly device: Pick<InferenceDevice, 'components' | 'fingerprint'>;
  readonly tenants: readonly Tenant[];
  readonly store: Pick<ProfileStore, 'find' | 'save'>;
  readonly runner: Pick<ProfileRunner, 'measure'>;
  readonly warn: (text: string) => void;
  /** Filled as profiles become known, so that what was found survives an error; default: a new one. */
  readonly table?: ProfileTable;
  readonly onProgress?: (progress: ProfilingProgress) => void;
  /** Told before each measurement: the next profile takes about a second, whereas stored ones come at once. */
  readonly onMeasure?: () => void;
  /** Told at once about every variant that is left out. */
  readonly onExcluded?: (error: EcomapError, tenant: string, variant: string) => void;
  /** Stops before the next measurement. */
  readonly signal?: AbortSignal;
  /** Hex SHA-256 of a file; for tests. */
  readonly hashFile?: (path: string) => Promise<string>;
}

interface Use {
  readonly tenant: Tenant;
  readonly variant: Variant;
}

/** One model file and everybody who uses it. */
interface Model {
  readonly path: string;
  readonly sha256: string;
  readonly dims: readonly number[] | null;
  readonly uses: Use[];
}

/**
 * Makes sure that every variant of every tenant has a profile on every class of component: takes what the store knows and
 * measures the rest, one at a time (a profile is a cost alone). A model that two tenants share is measured once. A variant
 * that cannot be measured is left out with its reason and the rest goes on.
 * @throws EcomapError RUNTIME_UNAVAILABLE when nothing can be measured on this machine, and the signal's reason when aborted;
 * whatever was measured until then is in the store.
 */
export async function ensureProfiles(options: ProfilingOptions): Promise<ProfileTable> {
  const table = options.table ?? new ProfileTable();
  const models = await findModels(options, table);
  const classes = representatives(options.device.components);
  const total = models.length * classes.length;
  let done = 0;
  const progress = (what: string): void => options.onProgress?.({ done, total, what });

  for (const model of models) {
    for (const [position, component] of classes.entries()) {
      options.signal?.throwIfAborted();
      const what = `${model.uses.map((use) => `${use.tenant.name} ${use.variant.name}`).join(', ')} on ${component.componentClass}`;
      const stored = await options.store.find(model.sha256, component.componentClass, options.device.fingerprint);
      if (stored === null) {
        progress(what);
        options.onMeasure?.();
      }
      try {
        const profile = stored ?? (await measure(options, model, component));
        for (const use of model.uses) table.set(use.tenant.name, use.variant.name, profile);
        done += 1;
        progress(what);
      } catch (error) {
        options.signal?.throwIfAborted();
        exclude(options, table, model.uses, error);
        done += classes.length - position;
        progress(what);
        break;
      }
    }
  }
  return table;
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
async function findModels(options: ProfilingOptions, table: ProfileTable): Promise<Model[]> {
  const hashFile = options.hashFile ?? sha256OfModel;
  const models = new Map<string, Model>();
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

async function measure(options: ProfilingOptions, model: Model, component: Component): Promise<Profile> {
  const { device, runner, store } = options;
  const { path, sha256, dims } = model;
  const profile = await runner.measure({ path, sha256, component, deviceFingerprint: device.fingerprint, dims });
  try {
    await store.save(profile);
  } catch (error) {
    options.warn(`A profile could not be saved and will be measured again after a restart: ${messageOf(error)}`);
  }
  return profile;
}

/** Leaves a variant out when the fault is its own; any other error ends the profiling. */
function exclude(options: ProfilingOptions, table: ProfileTable, uses: readonly Use[], error: unknown): void {
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
function representatives(components: readonly Component[]): Component[] {
  const byClass = new Map<string, Component>();
  for (const component of components) {
    if (!byClass.has(component.componentClass)) byClass.set(component.componentClass, component);
  }
  return [...byClass.values()];
}
