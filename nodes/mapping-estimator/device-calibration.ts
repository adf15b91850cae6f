import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoLocationRunnerProcess } from '../../src/inference/co-location-runner';
import { ModelInspectorProcess } from '../../src/inference/model-inspector';
import { ProfileRunnerProcess } from '../../src/inference/profile-runner';
import { CalibrationRun, type ProfileNetworks } from '../../src/mapping/calibration/calibration-run';
import type { Calibrated } from '../../src/mapping/calibration/calibrated-store';
import { knownNetworks } from '../../src/mapping/calibration/known-networks';
import { ensureSensitivities } from '../../src/mapping/profiles/sensitivities';
import { ensureStageProfiles } from '../../src/mapping/profiles/stage-profiling';
import type { ProfileStore } from '../../src/mapping/profiles/store';
import type { ProfileTable } from '../../src/mapping/profiles/table';
import { packageRoot } from '../../src/models/package-root';
import type { NodeContext } from '../../src/node-red/types';
import type { InferenceDevice } from '../../src/signals/device';
import type { DeviceDescription } from '../../src/signals/device-description';
import type { EnergyReader } from '../../src/signals/profile';
import type { PowerReading } from '../../src/signals/quantities';
import type { Tenant } from '../../src/signals/tenant';
import type { MappingEstimatorConfig } from './config';
import type { ProfilingWatch } from './profiling-watch';

/** A device that can be calibrated: where it has a meter, power is read from it. */
export interface CalibratedDevice extends InferenceDevice {
  readonly description?: DeviceDescription;
  openReader?(): EnergyReader & { readPower(): PowerReading };
}

export interface DeviceCalibrationOptions {
  readonly node: NodeContext<MappingEstimatorConfig>;
  readonly device: CalibratedDevice;
  readonly tenants: readonly Tenant[];
  /** What is known of the variants, once `profiling` has ended. A calibration adds to it. */
  readonly table: ProfileTable;
  readonly store: ProfileStore;
  readonly profiling: ProfilingWatch;
  readonly isServing: () => boolean;
  readonly onCalibrated: (calibrated: Calibrated) => void;
}

const shippedEstimatorPath = (): string => join(packageRoot(__dirname), 'models/estimator/estimator.onnx');

/** Measures thoroughly what each variant costs alone, also in stages, and how it gets on in company, as far as that is not known. */
function profileNetworks(options: DeviceCalibrationOptions, cacheDirectory: string): ProfileNetworks {
  const { node, device, table, store, profiling } = options;
  const warn = (text: string): void => node.warn(text);
  return async ({ signal, onProgress }) => {
    await profiling.wait(signal, onProgress);
    const tenants = withoutImported(options.tenants, table, warn);
    const inspector = new ModelInspectorProcess({ stateDirectory: node.stateDirectory, warn, signal });
    const runner = new ProfileRunnerProcess({ cacheDirectory });
    const meter = device.openReader?.();
    const known = { device, tenants, table, store, runner, warn, signal };
    // Both count as one phase.
    const variants = tenants.reduce((count, tenant) => count + tenant.variants.length, 0);
    const classes = new Set(device.components.map(({ componentClass }) => componentClass)).size;
    let alone = 0;
    try {
      await ensureStageProfiles({
        ...known,
        describe: (request) => inspector.describe(request),
        ...(meter && { meter }),
        onProgress({ done, total, what }) {
          alone = total;
          onProgress({ done, total: total + variants * classes, what });
        },
      });
      await ensureSensitivities({
        ...known,
        onProgress: ({ done, total, what }) => onProgress({ done: alone + done, total: alone + total, what }),
      });
    } finally {
      await runner.close();
    }
    const { networks, leftOut } = knownNetworks(device, tenants, table);
    for (const why of leftOut) warn(`The calibration goes on without ${why}`);
    return networks;
  };
}

/** What a file says of a variant stays as it is: nothing of it is measured here. */
function withoutImported(tenants: readonly Tenant[], table: ProfileTable, warn: (text: string) => void): Tenant[] {
  return tenants.map((tenant) => {
    const measured = tenant.variants.filter(({ name }) => table.importedFrom(tenant.name, name) === null);
    const left = tenant.variants.length - measured.length;
    if (left > 0)
      warn(`The calibration goes on without ${left} variants of ${tenant.name}: a file says what they cost`);
    return { ...tenant, variants: measured };
  });
}

/** The calibration of a device with the networks of a mapping-estimator's tenants. */
export function openCalibration(options: DeviceCalibrationOptions): CalibrationRun {
  const { node, device, isServing, onCalibrated } = options;
  const openReader = device.openReader?.bind(device);
  const cacheDirectory = join(node.stateDirectory, 'ecomap', 'model-insides');
  return new CalibrationRun({
    device,
    stateDirectory: node.stateDirectory,
    samples: node.config.calibrationSamples,
    shippedEstimator: () => readFile(shippedEstimatorPath()),
    profile: profileNetworks(options, cacheDirectory),
    openRunner: () => new CoLocationRunnerProcess({ device, cacheDirectory, ...(openReader && { openReader }) }),
    isServing,
    warn: (text) => node.warn(text),
    onCalibrated,
  });
}
