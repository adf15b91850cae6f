import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoLocationRunnerProcess } from '../../src/inference/co-location-runner';
import { profileNetworks } from '../../src/loop/profile-networks';
import { CalibrationRun } from '../../src/mapping/calibration/calibration-run';
import type { ProfileNetworks } from '../../src/mapping/calibration/calibration-steps';
import type { Calibrated } from '../../src/mapping/calibration/calibrated-store';
import type { Intervals } from '../../src/mapping/estimator/intervals/interval-schema';
import type { CappedDevice } from '../../src/mapping/calibration/quotas';
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
export interface CalibratedDevice extends InferenceDevice, CappedDevice {
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
  readonly onRefreshed: (intervals: Intervals) => void;
}

const shippedEstimatorPath = (): string => join(packageRoot(__dirname), 'models/estimator/estimator.onnx');

/** As every calibration, once `profiling` has ended; what a file says of a variant is left to it. */
function profile(options: DeviceCalibrationOptions, cacheDirectory: string): ProfileNetworks {
  const { node, device, table, store, profiling } = options;
  const warn = (text: string): void => node.warn(text);
  return async (progress) => {
    await profiling.wait(progress.signal, progress.onProgress);
    const tenants = withoutImported(options.tenants, table, warn);
    const { stateDirectory } = node;
    const meter = device.openReader?.();
    return profileNetworks({ device, tenants, table, store, stateDirectory, cacheDirectory, meter, warn })(progress);
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
  const { node, device, isServing, onCalibrated, onRefreshed } = options;
  const openReader = device.openReader?.bind(device);
  const cacheDirectory = join(node.stateDirectory, 'ecomap', 'model-insides');
  return new CalibrationRun({
    device,
    stateDirectory: node.stateDirectory,
    samples: node.config.calibrationSamples,
    shippedEstimator: () => readFile(shippedEstimatorPath()),
    profile: profile(options, cacheDirectory),
    openRunner: () => new CoLocationRunnerProcess({ device, cacheDirectory, ...(openReader && { openReader }) }),
    isServing,
    warn: (text) => node.warn(text),
    onCalibrated,
    onRefreshed,
  });
}
