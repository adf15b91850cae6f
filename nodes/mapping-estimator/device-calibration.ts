import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoLocationRunnerProcess } from '../../src/inference/co-location-runner';
import { CalibrationRun } from '../../src/mapping/calibration/calibration-run';
import type { Calibrated } from '../../src/mapping/calibration/calibrated-store';
import { knownNetworks } from '../../src/mapping/calibration/known-networks';
import type { WantedEstimator } from '../../src/mapping/planner/protocol';
import type { ProfileLookup } from '../../src/mapping/profiles/table';
import { packageRoot } from '../../src/models/package-root';
import type { NodeContext } from '../../src/node-red/types';
import type { InferenceDevice } from '../../src/signals/device';
import type { PowerReading } from '../../src/signals/quantities';
import type { Tenant } from '../../src/signals/tenant';
import type { MappingEstimatorConfig } from './config';
import type { ProfilingWatch } from './profiling-watch';

/** A device that can be calibrated: where it has a meter, power is read from it. */
export interface CalibratedDevice extends InferenceDevice {
  openReader?(): { readPower(): PowerReading };
}

export interface DeviceCalibrationOptions {
  readonly node: NodeContext<MappingEstimatorConfig>;
  readonly device: CalibratedDevice;
  readonly tenants: readonly Tenant[];
  /** What is known of the variants, once `profiling` has ended. */
  readonly profiles: ProfileLookup;
  readonly profiling: ProfilingWatch;
  readonly isServing: () => boolean;
  readonly onCalibrated: (calibrated: Calibrated) => void;
}

const shippedEstimatorPath = (): string => join(packageRoot(__dirname), 'models/estimator/estimator.onnx');

/** What a device has learned, as the planner takes it: where the shipped estimator stays, its intervals are those of this device. */
export function estimatorOf({ estimator, intervals }: Calibrated): WantedEstimator {
  const model = estimator === null ? { path: shippedEstimatorPath() } : { bytes: estimator };
  return { kind: 'calibrated', source: { model, intervals: { ...intervals } } };
}

/** The calibration of a device with the networks of a mapping-estimator's tenants. */
export function openCalibration(options: DeviceCalibrationOptions): CalibrationRun {
  const { node, device, tenants, profiles, profiling, isServing, onCalibrated } = options;
  const openReader = device.openReader?.bind(device);
  const warn = (text: string): void => node.warn(text);
  return new CalibrationRun({
    device,
    stateDirectory: node.stateDirectory,
    samples: node.config.calibrationSamples,
    shippedEstimator: () => readFile(shippedEstimatorPath()),
    async profile({ signal, onProgress }) {
      await profiling.wait(signal, onProgress);
      const { networks, leftOut } = knownNetworks(device, tenants, profiles);
      for (const why of leftOut) warn(`The calibration goes on without ${why}`);
      return networks;
    },
    openRunner: () =>
      new CoLocationRunnerProcess({
        device,
        cacheDirectory: join(node.stateDirectory, 'ecomap', 'model-insides'),
        ...(openReader && { openReader }),
      }),
    isServing,
    warn,
    onCalibrated,
  });
}
