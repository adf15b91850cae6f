import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { CoLocationRunnerProcess } from '../inference/co-location-runner';
import type { Calibrated } from '../mapping/calibration/calibrated-store';
import { CalibrationRun, type CalibrationRunOptions } from '../mapping/calibration/calibration-run';
import { wantedEstimatorOf } from '../mapping/calibration/wanted-estimator';
import type { WantedEstimator } from '../mapping/planner/protocol';
import type { ProfileStore } from '../mapping/profiles/store';
import type { ProfileTable } from '../mapping/profiles/table';
import { packageRoot } from '../models/package-root';
import type { Device } from '../power/device';
import type { CalibrationStatus, CalibrationSummary } from '../signals/calibration';
import { EcomapError } from '../signals/errors';
import type { Tenant } from '../signals/tenant';
import { profileNetworks } from './profile-networks';

export interface DemoCalibrationOptions {
  readonly device: Device;
  readonly tenants: readonly Tenant[];
  /** What is known of each variant alone: the calibration adds to it. */
  readonly profiles: ProfileTable;
  readonly store: ProfileStore;
  readonly stateDirectory: string;
  /** Co-locations to measure. */
  readonly samples: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface DemoCalibration {
  readonly estimator: WantedEstimator;
  readonly summary: CalibrationSummary;
  /** How late this process, which stands for Node-RED's, was meanwhile: 99th percentile and most, ms. */
  readonly loopDelayMs: { readonly p99: number; readonly most: number };
}

/** The timer whose lateness is measured. */
const delayResolutionMs = 2;

const shipped = join(packageRoot(), 'models', 'estimator', 'estimator.onnx');

/**
 * Learns this machine as the Calibrate button does, while nothing else runs.
 * @throws EcomapError with the code of the calibration that failed
 */
export function calibrateForDemo(options: DemoCalibrationOptions): Promise<DemoCalibration> {
  const { device, tenants, profiles, store, stateDirectory, samples, seed, say } = options;
  const meter = device.openReader();
  return learnDevice(
    {
      ...{ device, stateDirectory, seed },
      profile: profileNetworks({ device, tenants, table: profiles, store, stateDirectory, meter, warn: say }),
      openRunner: () => new CoLocationRunnerProcess({ device, openReader: () => device.openReader() }),
    },
    samples,
    say,
  );
}

/**
 * Calibrates a device whatever it is, and waits for the end.
 * @param samples co-locations to measure
 * @throws EcomapError with the code of the calibration that failed
 */
export async function learnDevice(
  options: Pick<CalibrationRunOptions, 'device' | 'stateDirectory' | 'profile' | 'openRunner' | 'seed'>,
  samples: number,
  say: (line: string) => void,
): Promise<DemoCalibration> {
  let calibrated: Calibrated | null = null;
  const run = new CalibrationRun({
    ...options,
    shippedEstimator: () => readFile(shipped),
    warn: say,
    onCalibrated: (learned) => {
      calibrated = learned;
    },
  });
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  try {
    const status = await ended(run, samples, say);
    delay.disable();
    const learned: Calibrated | null = calibrated;
    if (status.summary === null || learned === null) {
      throw new EcomapError('INTERNAL_ERROR', `The calibration ended without a result (${status.text}).`);
    }
    const late = (ns: number): number => Math.max(0, ns / 1e6 - delayResolutionMs);
    return {
      estimator: wantedEstimatorOf(learned),
      summary: status.summary,
      loopDelayMs: { p99: late(delay.percentile(99)), most: late(delay.max) },
    };
  } finally {
    delay.disable();
    await run.close();
  }
}

/** Every so many co-locations a line tells how it gets on. */
const tellEvery = 20;

function ended(run: CalibrationRun, samples: number, say: (line: string) => void): Promise<CalibrationStatus> {
  return new Promise((resolve, reject) => {
    let told = '';
    run.onChange((status) => {
      const { phase, done, total, secondsLeft, text, code } = status;
      if (phase === 'done') resolve(status);
      else if (phase === 'failed') reject(new EcomapError('INTERNAL_ERROR', `${code ?? 'unknown'}: ${text}`));
      else {
        const line = `${phase} ${Math.floor(done / tellEvery)}`;
        if (line !== told) {
          const left = secondsLeft === null ? '' : `, ${secondsLeft.toFixed(0)} s left`;
          say(`calibration, ${phase} ${done}/${total}${left}`);
        }
        told = line;
      }
    });
    run.start(samples);
  });
}

/** What a calibration found, in a line. */
export function calibrationLine({ summary, loopDelayMs }: DemoCalibration): string {
  const { kept, reason, before, after, additiveMapePct, samples } = summary;
  const error = (pct: number): string => `${pct.toFixed(1)} %`;
  return (
    `calibrated on ${samples} co-locations: held-out error of latency ${error(before.latencyMapePct)} -> ${error(after.latencyMapePct)} ` +
    `(additive model ${error(additiveMapePct)}), of power ${error(before.powerMapePct)} -> ${error(after.powerMapePct)}` +
    (kept ? '' : `; ${reason ?? 'not kept'} Its intervals are measured now.`) +
    `; event loop of this process late by at most ${loopDelayMs.most.toFixed(1)} ms (p99 ${loopDelayMs.p99.toFixed(1)} ms)`
  );
}
