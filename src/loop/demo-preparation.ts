import { ModelInspectorProcess } from '../inference/model-inspector';
import { ProfileRunnerProcess } from '../inference/profile-runner';
import { ensureOperations } from '../mapping/profiles/counting';
import { ensureProfiles } from '../mapping/profiles/profiling';
import type { ProfileStore } from '../mapping/profiles/store';
import type { ProfileTable } from '../mapping/profiles/table';
import type { Device } from '../power/device';
import type { Tenant } from '../signals/tenant';

export interface Preparation {
  readonly device: Device;
  readonly tenants: readonly Tenant[];
  /** Where profiles are kept. */
  readonly store: ProfileStore;
  readonly stateDirectory: string;
  readonly say: (line: string) => void;
}

/** Measures what the tenants' variants cost on the device, as far as the store does not know it. */
export async function profiledTenants({
  device,
  tenants,
  store,
  stateDirectory,
  say,
}: Preparation): Promise<ProfileTable> {
  const runner = new ProfileRunnerProcess();
  try {
    const profiles = await ensureProfiles({
      device,
      tenants,
      runner,
      store,
      warn: say,
      onProgress: ({ done, total, what }) => {
        say(`profiling ${done}/${total}: ${what}`);
      },
    });
    await runner.close();
    const inspector = new ModelInspectorProcess({ stateDirectory, warn: say });
    await ensureOperations({ tenants, table: profiles, describe: (request) => inspector.describe(request), warn: say });
    return profiles;
  } finally {
    await runner.close();
  }
}
