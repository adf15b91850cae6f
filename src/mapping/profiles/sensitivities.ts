import type { Component, InferenceDevice } from '../../signals/device';
import { isEcomapError, messageOf } from '../../signals/errors';
import type { MeasuredSensitivity, SensitivityRunner } from '../../signals/sensitivity';
import type { Tenant } from '../../signals/tenant';
import { findModels, representatives, type ProfiledModel } from './models';
import type { ProfilingProgress } from './profiling';
import type { ProfileStore } from './store';
import { ProfileTable } from './table';

export interface SensitivityOptions {
  readonly device: Pick<InferenceDevice, 'components' | 'fingerprint'>;
  readonly tenants: readonly Tenant[];
  readonly store: Pick<ProfileStore, 'findSensitivity' | 'saveSensitivity'>;
  /** Null measures nothing: takes what is stored. */
  readonly runner: SensitivityRunner | null;
  /** Where they go; what is excluded there is left out. */
  readonly table: ProfileTable;
  readonly warn: (text: string) => void;
  readonly onProgress?: (progress: ProfilingProgress) => void;
  /** Told before each measurement, which takes about two seconds. */
  readonly onMeasure?: () => void;
  /** Stops at once. */
  readonly signal?: AbortSignal;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
  /** Hex SHA-256 of a file; for tests. */
  readonly hashFile?: (path: string) => Promise<string>;
}

/**
 * Makes sure that it is known how every variant gets on with company on every class of components: beside a process that keeps the
 * memory busy from other cores, and beside a copy of itself. Measured once and kept. Classes that leave no core to the stressor are
 * left out, as is what cannot be measured, with a warning.
 * @throws the signal's reason when aborted; whatever was measured until then is in the store
 */
export async function ensureSensitivities(options: SensitivityOptions): Promise<void> {
  const { device, tenants, table, signal, hashFile } = options;
  // What is wrong with a file was said when it was profiled.
  const models = await findModels({ tenants, signal, hashFile }, new ProfileTable());
  const classes = representatives(device.components);
  const total = models.length * classes.length;
  let done = 0;
  for (const model of models) {
    const uses = model.uses.filter(({ tenant, variant }) => table.exclusionOf(tenant.name, variant.name) === null);
    for (const component of classes) {
      const names = uses.map(({ tenant, variant }) => `${tenant.name} ${variant.name}`).join(', ');
      const what = `${names} in company on ${component.componentClass}`;
      if (uses.length > 0)
        await ensureOne(options, { ...model, uses }, component, () => options.onProgress?.({ done, total, what }));
      done += 1;
      options.onProgress?.({ done, total, what });
    }
  }
}

/** What was measured before, into the table: measures nothing. @throws the signal's reason when aborted */
export function recallSensitivities(options: Omit<SensitivityOptions, 'runner'>): Promise<void> {
  return ensureSensitivities({ ...options, runner: null });
}

async function ensureOne(
  options: SensitivityOptions,
  model: ProfiledModel,
  component: Component,
  announce: () => void,
): Promise<void> {
  const { device, store, signal, table } = options;
  const { componentClass } = component;
  signal?.throwIfAborted();
  const stored = await store.findSensitivity(model.sha256, componentClass, device.fingerprint, model.dims);
  const found = stored ?? (await measure(options, model, component, announce));
  if (found === null) return;
  for (const { tenant, variant } of model.uses) {
    table.setSensitivity(tenant.name, variant.name, componentClass, found.sensitivity);
  }
}

async function measure(
  options: SensitivityOptions,
  { path, sha256, dims, uses }: ProfiledModel,
  component: Component,
  announce: () => void,
): Promise<MeasuredSensitivity | null> {
  const { runner, device, store, signal, warn } = options;
  const beside = stressorFor(component, device.components);
  if (runner === null || beside === null) return null;
  announce();
  options.onMeasure?.();
  let found: MeasuredSensitivity;
  try {
    found = {
      modelSha256: sha256,
      componentClass: component.componentClass,
      deviceFingerprint: device.fingerprint,
      dims: dims && [...dims],
      sensitivity: await runner.measureSensitivity({
        path,
        sha256,
        dims,
        component,
        beside,
        ...(signal && { signal }),
      }),
      measuredAt: new Date((options.now ?? Date.now)()).toISOString(),
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (!isEcomapError(error) || error.code === 'NODE_CLOSED') throw error;
    const [first] = uses;
    warn(
      `How ${first?.tenant.name} ${first?.variant.name} gets on with company on ${component.componentClass} could not be ` +
        `measured: ${error.message}`,
    );
    return null;
  }
  try {
    await store.saveSensitivity(found);
  } catch (error) {
    warn(`A sensitivity could not be saved and will be measured again after a restart: ${messageOf(error)}`);
  }
  return found;
}

/** A CPU component with cores of its own, none of which the other has; null where there is none. */
function stressorFor(component: Component, components: readonly Component[]): Component | null {
  return (
    components.find(
      ({ kind, cores }) => kind === 'cpu' && cores.length > 0 && cores.every((core) => !component.cores.includes(core)),
    ) ?? null
  );
}
