import type { HostProcess } from './host-process';

/**
 * The processes of one place, one after the other: the one that serves, at times a standby that is loading to take over, and those
 * that only end what they have begun. Counts on over all of them.
 */
export class HostSuccession {
  #current: HostProcess;
  readonly #retiring = new Set<HostProcess>();
  #ended = { cpuSeconds: 0, restarts: 0 };
  /** Loads beside the one that serves. */
  standby: HostProcess | null = null;

  constructor(first: HostProcess) {
    this.#current = first;
  }

  /** The process that serves now. */
  get current(): HostProcess {
    return this.#current;
  }

  get all(): HostProcess[] {
    const hosts = new Set([this.#current, ...this.#retiring]);
    if (this.standby !== null) hosts.add(this.standby);
    return [...hosts];
  }

  /** Processes that had to be started again because they had ended. */
  get restarts(): number {
    return this.all.reduce((sum, host) => sum + host.restarts, this.#ended.restarts);
  }

  get cpuSeconds(): number {
    return this.all.reduce((sum, host) => sum + host.totalCpuSeconds, this.#ended.cpuSeconds);
  }

  /** @returns the process that has served so far, which is not started again any more; it waits for `end` */
  takeOver(host: HostProcess): HostProcess {
    const old = this.#current;
    this.#current = host;
    this.#retiring.add(old);
    old.stopReplacing();
    return old;
  }

  async end(host: HostProcess): Promise<void> {
    this.#retiring.add(host);
    await host.close();
    this.#retiring.delete(host);
    this.#ended.cpuSeconds += host.totalCpuSeconds;
    this.#ended.restarts += host.restarts;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((host) => host.close()));
  }
}
