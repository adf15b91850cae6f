import { openLauncher } from '../inference/hosting/launching/launcher-process';
import { ModelInspectorProcess } from '../inference/model-inspector';
import { ProfileRunnerProcess } from '../inference/profile-runner';
import type { ProfileNetworks } from '../mapping/calibration/calibration-steps';
import { knownNetworks } from '../mapping/calibration/known-networks';
import { ensureSensitivities } from '../mapping/profiles/sensitivities';
import { ensureStageProfiles } from '../mapping/profiles/stage-profiling';
import type { ProfileStore } from '../mapping/profiles/store';
import type { ProfileTable } from '../mapping/profiles/table';
import type { InferenceDevice } from '../signals/device';
import type { EnergyReader } from '../signals/profile';
import type { Tenant } from '../signals/tenant';

export interface ProfileNetworksOptions {
  readonly device: InferenceDevice;
  readonly tenants: readonly Tenant[];
  /** What is known of the variants; this adds to it. */
  readonly table: ProfileTable;
  readonly store: ProfileStore;
  readonly stateDirectory: string;
  /** Where what is found out about the insides of models is kept. */
  readonly cacheDirectory?: string;
  /** Absent: energy is the device's own law. */
  readonly meter?: EnergyReader | undefined;
  readonly warn: (text: string) => void;
}

/** For a calibration: measures thoroughly what each variant costs alone, also in stages, and how it gets on in company, as far as unknown. */
export function profileNetworks(options: ProfileNetworksOptions): ProfileNetworks {
  const { device, tenants, table, store, stateDirectory, cacheDirectory, meter, warn } = options;
  return async ({ signal, onProgress }) => {
    const launcher = openLauncher();
    const inspector = new ModelInspectorProcess({ stateDirectory, launcher, warn, signal });
    const runner = new ProfileRunnerProcess({ launcher, ...(cacheDirectory !== undefined && { cacheDirectory }) });
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
      await runner.close().finally(() => launcher.close());
    }
    const { networks, leftOut } = knownNetworks(device, tenants, table);
    for (const why of leftOut) warn(`The calibration goes on without ${why}`);
    return networks;
  };
}
