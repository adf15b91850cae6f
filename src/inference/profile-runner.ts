import type { Sensitivity } from '../signals/co-location';
import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { EnergyReader, Profile, ProfileRequest, ProfileRunner } from '../signals/profile';
import type { SensitivityRequest, SensitivityRunner } from '../signals/sensitivity';
import { systemClock, type Clock } from './clock';
import type { HostEntry } from './hosting/host-entry';
import type { HostProcess } from './hosting/host-process';
import type { ProfileAnswer } from './host/protocol';
import { MeasuringHosts } from './measuring-hosts';
import { measureSensitivity } from './sensitivity';

/** Wall time this far above CPU time per thread means that something else ran on the cores. */
const contentionRatio = 1.3;

/** Runs without a pause for so long before and while energy is read: sensors are read every 10 to 100 ms, and mean over some. */
const energyWarmUpMs = 200;
const energyMs = 1000;

export interface ProfileRunnerOptions {
  readonly hostEntry?: HostEntry;
  readonly clock?: Clock;
  /** Where what is found out about the inside of models is kept, which cutting them needs; absent: found out each time. */
  readonly cacheDirectory?: string;
}

/**
 * Measures models one at a time, each in a fresh child process that is pinned like the host it stands for and gone afterwards:
 * nothing of one model is left when the next is measured, and a model that crashes takes only its own process along.
 */
export class ProfileRunnerProcess implements ProfileRunner, SensitivityRunner {
  readonly #options: ProfileRunnerOptions;
  readonly #clock: Clock;
  readonly #hosts: MeasuringHosts;

  constructor(options: ProfileRunnerOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#hosts = new MeasuringHosts(options.hostEntry);
  }

  async measure(request: ProfileRequest): Promise<Profile> {
    const { path, sha256, component, deviceFingerprint, dims, inputDims, stage, operatingPoint, meter, signal } =
      request;
    const cacheDirectory = this.#options.cacheDirectory ?? null;
    const { answer, anchor, energy } = await this.#hosts.run([component], signal, async ([first]) => {
      const host = existing(first);
      const effort = request.thorough === true ? 'thorough' : 'quick';
      const range = stage && { ...stage, cacheDirectory };
      const answer = await host.profile({ path, sha256, dims, inputDims, effort, stage: range });
      // A start does not wait for it, and the profile is good without.
      const anchor = request.thorough === true ? await host.anchor().catch(() => null) : null;
      return { answer, anchor, energy: meter === undefined ? null : await readEnergy(host, meter) };
    });
    return {
      modelSha256: answer.sha256,
      componentClass: component.componentClass,
      deviceFingerprint,
      ...(stage && { stage }),
      dims: dims && [...dims],
      ...(operatingPoint && { operatingPoint }),
      latencyMs: {
        p50: answer.p50Ms,
        p95: answer.p95Ms,
        ...(answer.p90Ms !== null && { p90: answer.p90Ms }),
        ...(answer.p99Ms !== null && { p99: answer.p99Ms }),
      },
      cpuMs: answer.cpuMs,
      loadMs: answer.loadMs,
      memoryBytes: answer.memoryBytes,
      runs: answer.runs,
      ...(request.thorough === true && { thorough: true }),
      ended: answer.stable ? 'stable' : 'out-of-time',
      contended: isContended(answer, component.threads),
      energy,
      anchorLatencyMs: anchor?.latencyMs ?? null,
      measuredAt: new Date(this.#clock.epochMs()).toISOString(),
    };
  }

  anchorLatencyMs(component: Component, signal?: AbortSignal): Promise<number> {
    return this.#hosts.run([component], signal, async ([host]) => (await existing(host).anchor()).latencyMs);
  }

  measureSensitivity(request: SensitivityRequest): Promise<Sensitivity> {
    return this.#hosts.run([request.component, request.beside], request.signal, ([host, stressor]) =>
      measureSensitivity(existing(host), existing(stressor), request),
    );
  }

  /** Ends the measurement under way; it and those that wait are rejected with NODE_CLOSED. */
  close(): Promise<void> {
    return this.#hosts.close();
  }
}

/** There are as many hosts as were asked for. */
function existing(host: HostProcess | undefined): HostProcess {
  if (host === undefined) throw new EcomapError('INTERNAL_ERROR', 'A host is missing that was asked for.');
  return host;
}

/** Only one thread computes all the time that the run takes; several may wait for each other, which is no contention. */
function isContended({ meanMs, cpuMs }: ProfileAnswer, threads: number): boolean {
  return threads === 1 && cpuMs > 0 && meanMs / cpuMs > contentionRatio;
}

/** Above idle, of one inference; null where the meter models it or does not know, or finds nothing above idle. */
async function readEnergy(host: HostProcess, meter: EnergyReader): Promise<Profile['energy']> {
  if (meter.readEnergy().source === 'modelled') return null;
  await host.rerun(energyWarmUpMs, false);
  meter.readEnergy();
  const { runs } = await host.rerun(energyMs, false);
  const { totalJ, idleJ, source } = meter.readEnergy();
  const aboveIdleJ = totalJ === null || idleJ === null ? 0 : totalJ - idleJ;
  return aboveIdleJ > 0 ? { perInferenceJ: aboveIdleJ / runs, source } : null;
}
