import type { Sensitivity } from '../signals/co-location';
import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { Profile, ProfileRequest, ProfileRunner } from '../signals/profile';
import type { SensitivityRequest, SensitivityRunner } from '../signals/sensitivity';
import { systemClock, type Clock } from './clock';
import { energyOfRuns, isContended } from './energy-of-runs';
import type { HostEntry } from './hosting/host-entry';
import type { HostLauncher } from './hosting/launching/host-launcher';
import { openLauncher, type OwnedLauncher } from './hosting/launching/launcher-process';
import type { TaskHost } from './hosting/task-host';
import { MeasuringHosts } from './measuring-hosts';
import { measureSensitivity } from './sensitivity';

export interface ProfileRunnerOptions {
  readonly hostEntry?: HostEntry;
  /** What starts its hosts; absent: one of its own. */
  readonly launcher?: HostLauncher;
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
  /** Null where it belongs to somebody else. */
  readonly #ownLauncher: OwnedLauncher | null;

  constructor(options: ProfileRunnerOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    if (options.launcher === undefined) {
      this.#ownLauncher = openLauncher();
      this.#hosts = new MeasuringHosts(options.hostEntry, this.#ownLauncher);
    } else {
      this.#ownLauncher = null;
      this.#hosts = new MeasuringHosts(options.hostEntry, options.launcher);
    }
  }

  async measure(request: ProfileRequest): Promise<Profile> {
    const { path, sha256, component, deviceFingerprint, dims, inputDims, stage, operatingPoint, meter, signal } =
      request;
    const cacheDirectory = this.#options.cacheDirectory ?? null;
    const { answer, anchor, contended, energy } = await this.#hosts.run([component], signal, async ([first]) => {
      const host = existing(first);
      const effort = request.thorough === true ? 'thorough' : 'quick';
      const range = stage && { ...stage, cacheDirectory };
      const answer = await host.profile({ path, sha256, dims, inputDims, effort, stage: range });
      // A start does not wait for it, and the profile is good without.
      const anchor = request.thorough === true ? await host.anchor().catch(() => null) : null;
      const { threads } = component;
      const contended = isContended(answer.meanMs, answer.cpuMs, threads);
      const energy = meter === undefined ? null : await energyOfRuns(host, meter, threads, contended);
      return { answer, anchor, contended, energy };
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
      contended,
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
  async close(): Promise<void> {
    await this.#hosts.close();
    await this.#ownLauncher?.close();
  }
}

/** There are as many hosts as were asked for. */
function existing(host: TaskHost | undefined): TaskHost {
  if (host === undefined) throw new EcomapError('INTERNAL_ERROR', 'A host is missing that was asked for.');
  return host;
}
