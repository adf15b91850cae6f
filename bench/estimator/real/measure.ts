import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { CoLocationRunnerProcess } from '../../../src/inference/co-location-runner';
import { ModelInspectorProcess } from '../../../src/inference/model-inspector';
import { ProfileRunnerProcess } from '../../../src/inference/profile-runner';
import { demonstrationTenants } from '../../../src/loop/demo-tenants';
import { planCoLocations, type PlannedCoLocation } from '../../../src/mapping/calibration/co-location-plan';
import { measurePlan } from '../../../src/mapping/calibration/measuring';
import { knownNetworks } from '../../../src/mapping/calibration/known-networks';
import { SampleLog } from '../../../src/mapping/calibration/sample-log';
import type { Judged } from '../../../src/mapping/calibration/steadiness';
import { ensureProfiles, type ProfilingProgress } from '../../../src/mapping/profiles/profiling';
import { ensureSensitivities } from '../../../src/mapping/profiles/sensitivities';
import { ensureStageProfiles } from '../../../src/mapping/profiles/stage-profiling';
import { ProfileStore } from '../../../src/mapping/profiles/store';
import { describeMachine } from '../../../src/power/describe-machine';
import { detectMachine } from '../../../src/power/detect';
import { createDevice } from '../../../src/power/device';
import { thisMachine } from '../../../src/power/machine/machine';
import { generatedTenants } from './generated-networks';

export interface RealMeasurements {
  readonly plan: readonly PlannedCoLocation[];
  readonly judged: Judged;
  readonly networks: number;
  readonly components: readonly string[];
  readonly seconds: number;
  /** Of this process while co-locations were measured, ms; on a machine whose cores are all busy with them. */
  readonly eventLoopDelayMs: { readonly p99: number; readonly maximum: number };
}

export interface RealOptions {
  /** Where models, profiles and measurements are kept; what is there already is not measured again. */
  readonly directory: string;
  readonly samples: number;
  readonly generated: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

/** The demonstration tenants and generated networks on the core sets of this machine: profiled, then measured together. */
export async function measureReal({
  directory,
  samples,
  generated,
  seed,
  say,
}: RealOptions): Promise<RealMeasurements> {
  const models = join(directory, 'models');
  await mkdir(models, { recursive: true });
  const tenants = [...demonstrationTenants(), ...(await generatedTenants(models, generated, seed))];
  const device = createDevice(describeMachine(detectMachine()), { machine: thisMachine });
  const store = new ProfileStore({ directory: join(directory, 'profiles'), warn: say });
  const profileRunner = new ProfileRunnerProcess();
  const inspector = new ModelInspectorProcess({ stateDirectory: directory, warn: say });
  const runner = new CoLocationRunnerProcess({
    device,
    openReader: () => device.openReader(),
    timing: { warmUpMs: 200, leastMs: 600 },
  });
  const beganMs = performance.now();
  try {
    const table = await ensureProfiles({ device, tenants, store, runner: profileRunner, warn: say });
    const alone = {
      device,
      tenants,
      table,
      store,
      warn: say,
      onProgress: ({ done, total, what }: ProfilingProgress) => {
        if (done % 20 === 0) say(`${done}/${total}: ${what}`);
      },
    };
    await ensureStageProfiles({
      ...alone,
      runner: profileRunner,
      describe: (request) => inspector.describe(request),
    });
    await ensureSensitivities({ ...alone, runner: profileRunner });
    const { networks, leftOut } = knownNetworks(device, tenants, table);
    for (const why of leftOut) say(`left out: ${why}`);
    say(`${networks.length} networks profiled in ${((performance.now() - beganMs) / 1000).toFixed(0)} s`);
    const plan = planCoLocations(networks, device.components.length, samples, seed);
    const delay = monitorEventLoopDelay({ resolution: 2 });
    delay.enable();
    const log = await SampleLog.open(join(directory, 'samples.jsonl'), say);
    const judged = await measurePlan({
      plan,
      networks,
      device,
      runner,
      log,
      records: () => log.records,
      clock: Date.now,
      signal: new AbortController().signal,
      onProgress: ({ done, total, text }) => {
        if (done % 20 === 0) say(`${done}/${total}: ${text}`);
      },
      warn: say,
    });
    delay.disable();
    return {
      eventLoopDelayMs: { p99: delay.percentile(99) / 1e6, maximum: delay.max / 1e6 },
      plan,
      judged,
      networks: networks.length,
      components: device.components.map(({ name }) => name),
      seconds: (performance.now() - beganMs) / 1000,
    };
  } finally {
    await Promise.all([runner.close(), profileRunner.close()]);
    await device.close();
  }
}
