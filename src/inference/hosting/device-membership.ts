import type { Component, InferenceDevice, ThrottleTarget } from '../../signals/device';
import type { HostChild } from './host-child';

/** Announces each process of a host to the device, so that the power cap holds for it, and takes it back. */
export class DeviceMembership {
  #unregister: (() => void) | null = null;
  #child: HostChild | null = null;

  /** @param device null for a host that nobody caps */
  constructor(
    private readonly device: Pick<InferenceDevice, 'register'> | null,
    private readonly component: Component,
    private readonly pace: ThrottleTarget['pace'],
  ) {}

  async join(child: HostChild): Promise<void> {
    if (this.device === null || child.pid === undefined) return;
    this.#child = child;
    const unregister = await this.device.register({
      component: this.component.name,
      pid: child.pid,
      // Of this process: one that is dead keeps its last figure.
      cpuSeconds: () => child.cpuSeconds,
      pace: this.pace,
    });
    // It may have died, or been closed, while the device took note.
    if (this.#child === child) this.#unregister = unregister;
    else unregister();
  }

  /** @throws what the device throws */
  leave(): void {
    const unregister = this.#unregister;
    this.#unregister = null;
    this.#child = null;
    unregister?.();
  }
}
