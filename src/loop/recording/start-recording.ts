import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { WantedEstimator } from '../../mapping/planner/protocol';
import type { ProfileLookup } from '../../mapping/profiles/table';
import { ownThreadEffort } from '../../mapping/rounds/solve';
import { packageRoot } from '../../models/package-root';
import type { Device } from '../../power/device';
import { EcomapError } from '../../signals/errors';
import type { Tenant } from '../../signals/tenant';
import type { RecordedEvent } from './events';
import { recordingFormat, recordingVersion, type RecordedEstimator, type RecordingHeader } from './header';
import { knowledgeOf } from './knowledge';
import { Recorder } from './recorder';
import { RecordingWriter } from './recording-writer';
import { repeatable, shippedEstimatorSha256 } from './replay-solver';
import type { StepClock } from './step-clock';

export interface RecordedSetup {
  readonly device: Pick<
    Device,
    'description' | 'capRange' | 'components' | 'operatingPoints' | 'operatingPointInForce' | 'fingerprint'
  >;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  readonly cap: RecordingHeader['cap'];
  readonly selector: RecordingHeader['selector'];
  /** Absent: the one that is shipped. */
  readonly estimator?: WantedEstimator;
  readonly seed: number;
  /** Of the boxes that decide. */
  readonly clock: StepClock;
  readonly onProblem: (problem: string) => void;
}

export interface StartedRecording {
  readonly recorder: Recorder;
  /** For the process that plans: answers that can be repeated, and word of those it did not give. */
  readonly planning: ReturnType<typeof repeatable> & { readonly onFallback: (planId: string, why: string) => void };
  /** Waits until everything is written. */
  close(): Promise<void>;
}

/**
 * Begins a recording in a new file.
 * @throws EcomapError INVALID_CONFIG when the file is there already or cannot be made, or for an estimator that a recording cannot name;
 * MODEL_NOT_FOUND without the shipped estimator
 */
export async function startRecording(path: string, setup: RecordedSetup): Promise<StartedRecording> {
  const header = headerOf(setup, await recordedEstimator(setup.estimator));
  const writer = await RecordingWriter.create<RecordingHeader | RecordedEvent>(path, setup.onProblem);
  writer.append(header);
  const { kind } = setup.cap.policy;
  const keepsForecasts = kind === 'budget' || kind === 'quality';
  const recorder = new Recorder({ sink: writer, clock: setup.clock, keepsForecasts });
  return {
    recorder,
    planning: {
      ...repeatable(header.planning.evaluations),
      onFallback: (planId, why) => recorder.onFallback(planId, why),
    },
    close: async () => {
      recorder.end();
      await writer.close();
    },
  };
}

async function recordedEstimator(wanted: WantedEstimator | undefined): Promise<RecordedEstimator> {
  if (wanted?.kind === 'analytic') return { kind: 'analytic' };
  if (wanted === undefined || (wanted.kind === 'shipped' && wanted.intervals === undefined))
    return { kind: 'shipped', sha256: await shippedEstimatorSha256() };
  throw new EcomapError(
    'INVALID_CONFIG',
    'A day that is planned with a calibrated estimator cannot be recorded: record one with the estimator that is shipped.',
  );
}

function headerOf(setup: RecordedSetup, estimator: RecordedEstimator): RecordingHeader {
  const { device, tenants, profiles, cap, selector, seed, clock } = setup;
  const { name, label, simulated, fingerprint, powerScope, powerMethod, powerAccuracy } = device.description;
  return {
    kind: 'header',
    format: recordingFormat,
    schemaVersion: recordingVersion,
    packageVersion: packageVersion(),
    startedAt: new Date(clock.now.epochMs).toISOString(),
    madeOn: {
      node: process.versions.node,
      platform: process.platform,
      arch: process.arch,
      cpu: cpus()[0]?.model ?? 'unknown',
    },
    device: {
      ...{ name, label, simulated, fingerprint, powerScope, powerMethod, powerAccuracy },
      components: [...device.components],
      operatingPoints: [...device.operatingPoints],
    },
    operatingPoint: device.operatingPointInForce(),
    capRange: device.capRange,
    // Folders tell of the machine, and planning looks at no file.
    tenants: tenants.map((tenant) => ({
      ...tenant,
      variants: tenant.variants.map((variant) => ({ ...variant, path: basename(variant.path) })),
    })),
    knowledge: knowledgeOf(tenants, device, profiles),
    cap,
    selector,
    planning: { estimator, evaluations: ownThreadEffort.evaluations },
    seed,
  };
}

const manifestSchema = z.object({ version: z.string() });

function packageVersion(): string {
  return manifestSchema.parse(JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))).version;
}
