import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { HostEntry } from './hosting/host-entry';
import { TaskHost } from './hosting/task-host';
import type { HostLauncher } from './hosting/launching/host-launcher';
import { defaultHostLimitBytes } from './hosting/memory-limit';
import { watchMemory } from './hosting/memory-watch';
import { openSlotDirectory } from './shared-memory/slot-directory';

/**
 * Child processes to measure in, one task after the other: each task gets fresh ones, pinned like the hosts that they stand for and
 * gone afterwards. Nothing of one task is left for the next, and what crashes takes only its own process along.
 */
export class MeasuringHosts {
  readonly #active = new Set<TaskHost>();
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly entry: HostEntry | undefined,
    private readonly launcher: HostLauncher,
  ) {}

  /**
   * Runs a task with a host on each of the components.
   * @throws the signal's reason, EcomapError NODE_CLOSED after `close`, HOST_CRASHED; what the task throws
   */
  run<T>(
    components: readonly Component[],
    signal: AbortSignal | undefined,
    task: (hosts: readonly TaskHost[]) => Promise<T>,
  ): Promise<T> {
    const done = this.#tail.then(() => this.#run(components, signal, task));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Ends the task under way; it and those that wait are rejected with NODE_CLOSED. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#active].map((host) => host.close()));
    await this.#tail;
  }

  async #run<T>(
    components: readonly Component[],
    signal: AbortSignal | undefined,
    task: (hosts: readonly TaskHost[]) => Promise<T>,
  ): Promise<T> {
    this.#checkOpen();
    signal?.throwIfAborted();
    const slots = await openSlotDirectory();
    const hosts = components.map(
      (component) => new TaskHost({ component, slots, entry: this.entry, launcher: this.launcher }),
    );
    for (const host of hosts) this.#active.add(host);
    const limitBytes = await defaultHostLimitBytes(hosts.length);
    const watches = hosts.map((host) => watchMemory(host, limitBytes));
    let stopped: Promise<unknown> | null = null;
    const close = () => Promise.all(hosts.map((host) => host.close()));
    const stop = (): void => {
      stopped = close();
    };
    signal?.addEventListener('abort', stop);
    try {
      this.#checkOpen();
      signal?.throwIfAborted();
      await Promise.all(hosts.map((host) => host.start()));
      return await task(hosts);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      for (const stopWatching of watches) stopWatching();
      await (stopped ?? close());
      for (const host of hosts) this.#active.delete(host);
      await slots.remove();
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new EcomapError('NODE_CLOSED', 'The measurement of models was stopped.');
  }
}
