import { clockSpeed, type Component, type InferenceDevice } from '../../signals/device';
import { messageOf, type EcomapError } from '../../signals/errors';
import type { Profile, ProfileRunner } from '../../signals/profile';
import type { Tenant, Variant } from '../../signals/tenant';
import { exclude, findModels, representatives, type ProfiledModel } from './models';
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
  readonly device: Pick<InferenceDevice, 'components' | 'fingerprint' | 'operatingPointInForce'>;
  readonly tenants: readonly Tenant[];
  readonly store: Pick<ProfileStore, 'find' | 'save'>;
  readonly runner: Pick<ProfileRunner, 'measure'>;
  readonly warn: (text: string) => void;
  /** Filled as profiles become known, so that what was found survives an error; default: a new one. */
  readonly table?: ProfileTable;
  /** What a file says of a variant on a component: it is then not measured. */
  readonly imported?: (tenant: Tenant, variant: Variant, component: Component) => Profile | null;
  readonly onProgress?: (progress: ProfilingProgress) => void;
  /** Told before each measurement: the next profile takes about a second, whereas stored ones come at once. */
  readonly onMeasure?: () => void;
  /** Told at once about every variant that is left out. */
  readonly onExcluded?: (error: EcomapError, tenant: string, variant: string) => void;
  /** Stops at once. */
  readonly signal?: AbortSignal;
  /** Hex SHA-256 of a file; for tests. */
  readonly hashFile?: (path: string) => Promise<string>;
}

/**
 * Makes sure that every variant of every tenant has a profile on every class of component: takes what a file says or the store
 * knows, at whatever clock speed, and measures the rest, one at a time (a profile is a cost alone). A model that two tenants share
 * is measured once. A variant that cannot be measured is left out with its reason and the rest goes on.
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
      const uses = model.uses.filter(({ tenant, variant }) => {
        const said = options.imported?.(tenant, variant, component) ?? null;
        if (said !== null) table.set(tenant.name, variant.name, said);
        return said === null;
      });
      if (uses.length === 0) {
        done += 1;
        continue;
      }
      const what = `${uses.map((use) => `${use.tenant.name} ${use.variant.name}`).join(', ')} on ${component.componentClass}`;
      const stored = await options.store.find(
        model.sha256,
        component.componentClass,
        options.device.fingerprint,
        { dims: model.dims },
        clockSpeed(options.device.operatingPointInForce()),
      );
      if (stored === null) {
        progress(what);
        options.onMeasure?.();
      }
      try {
        const profile = stored ?? (await measure(options, model, component));
        for (const use of uses) table.set(use.tenant.name, use.variant.name, profile);
        done += 1;
        progress(what);
      } catch (error) {
        options.signal?.throwIfAborted();
        exclude(options, table, uses, error);
        done += classes.length - position;
        progress(what);
        break;
      }
    }
  }
  return table;
}

async function measure(options: ProfilingOptions, model: ProfiledModel, component: Component): Promise<Profile> {
  const { device, runner, store } = options;
  const { path, sha256, dims } = model;
  const point = device.operatingPointInForce();
  const profile = await runner.measure({
    path,
    sha256,
    component,
    deviceFingerprint: device.fingerprint,
    dims,
    operatingPoint: { name: point.name, clockSpeed: clockSpeed(point) },
    ...(options.signal && { signal: options.signal }),
  });
  try {
    await store.save(profile);
  } catch (error) {
    options.warn(`A profile could not be saved and will be measured again after a restart: ${messageOf(error)}`);
  }
  return profile;
}
