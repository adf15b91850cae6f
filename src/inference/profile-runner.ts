import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { Profile, ProfileRunner } from '../signals/profile';
import { systemClock, type Clock } from './clock';
import type { HostEntry } from './hosting/host-entry';
import { HostProcess } from './hosting/host-process';
import { defaultHostLimitBytes } from './hosting/memory-limit';
import { watchMemory } from './hosting/memory-watch';
import type { ProfileAnswer } from './host/protocol';
import { openSlotDirectory } from './shared-memory/slot-directory';

/** Wall time this far above CPU time per thread means that something else ran on the cores. */
const contentionRatio = 1.3;

export interface ProfileRunnerOptions {
  readonly hostEntry?: HostEntry;
  readonly clock?: Clock;
}

type Request = Parameters<ProfileRunner['measure']>[0];

/**
 * Measures models one at a time, each in a fresh child process that is pinned like the host it stands for and gone afterwards:
 * nothing of one model is left when the next is measured, and a model that crashes takes only its own process along.
 */
export class ProfileRunnerProcess implements ProfileRunner {
  readonly #options: ProfileRunnerOptions;
  readonly #clock: Clock;
  #tail: Promise<unknown> = Promise.resolve();
  #active: HostProcess | null = null;
  #closed = false;

  constructor(options: ProfileRunnerOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  measure(request: Request): Promise<Profile> {
    const measured = this.#tail.then(() => this.#measure(request));
    this.#tail = measured.catch(() => undefined);
    return measured;
  }

  /** Ends the measurement under way; it and those that wait are rejected with NODE_CLOSED. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#active?.close();
    await this.#tail;
  }

  async #measure({ path, sha256, component, deviceFingerprint, dims }: Request): Promise<Profile> {
    const answer = await this.#inChild(component, (host) => host.profile(path, sha256, dims));
    return {
      modelSha256: answer.sha256,
      componentClass: component.componentClass,
      deviceFingerprint,
      latencyMs: { p50: answer.p50Ms, p95: answer.p95Ms },
      cpuMs: answer.cpuMs,
      loadMs: answer.loadMs,
      memoryBytes: answer.memoryBytes,
      runs: answer.runs,
      contended: isContended(answer, component.threads),
      measuredAt: new Date(this.#clock.epochMs()).toISOString(),
    };
  }

  async #inChild<T>(component: Component, task: (host: HostProcess) => Promise<T>): Promise<T> {
    if (this.#closed) throw new EcomapError('NODE_CLOSED', 'The measurement of models was stopped.');
    const slots = await openSlotDirectory();
    const host = new HostProcess({
      component,
      slots,
      device: null,
      entry: this.#options.hostEntry,
      restart: false,
    });
    this.#active = host;
    const stopWatching = watchMemory(host, await defaultHostLimitBytes(1));
    try {
      await host.start();
      return await task(host);
    } finally {
      stopWatching();
      this.#active = null;
      await host.close();
      await slots.remove();
    }
  }
}

/** Only one thread computes all the time that the run takes; several may wait for each other, which is no contention. */
function isContended({ meanMs, cpuMs }: ProfileAnswer, threads: number): boolean {
  return threads === 1 && cpuMs > 0 && meanMs / cpuMs > contentionRatio;
}
