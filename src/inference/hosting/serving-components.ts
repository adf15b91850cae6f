import type { Component, InferenceDevice } from '../../signals/device';
import { EcomapError } from '../../signals/errors';
import type { Clock } from '../clock';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { HostEntry } from './host-entry';
import type { HostLog } from './host-log';
import { defaultRecycleRules, type RecycleRules } from './memory-guard';
import { bytesOfMb, defaultHostLimitBytes } from './memory-limit';
import { mayRaisePriority } from './process-priority';
import { ProviderProbe } from './provider-probe';
import { Quarantine } from './quarantine';
import { ServingComponent } from './serving-component';
import type { ServingProcess } from './serving-process';

export interface ServingComponentsOptions {
  readonly device: Pick<InferenceDevice, 'register' | 'components'>;
  /** What each inference host may have; default: 70 % of the memory that there is, divided by the components. */
  readonly hostMemoryLimitMb: number | undefined;
  readonly recycle: Partial<RecycleRules> | undefined;
  /** Where it is kept which execution providers run here; absent keeps it in memory only. */
  readonly stateDirectory: string | undefined;
  readonly entry: HostEntry | undefined;
  readonly clock: Clock;
  readonly log: HostLog;
}

/** A component of the device that is not used, and why. */
export interface UnusedComponent {
  readonly component: string;
  readonly why: string;
}

/** The components of a device that compute here, and those that do not. */
export class ServingComponents {
  readonly #opened = new Map<string, ServingComponent>();
  readonly #unused: UnusedComponent[] = [];
  #probe: ProviderProbe | null = null;
  /** An input that ends a host does so on every component. */
  readonly #quarantines = new Map<string, Quarantine>();

  /** @throws EcomapError INVALID_CONFIG when there is nothing on the device that computes */
  constructor(private readonly options: ServingComponentsOptions) {
    if (options.device.components.some(isComputedHere)) return;
    throw new EcomapError(
      'INVALID_CONFIG',
      'The device has no component that computes here: neither CPU cores nor an execution provider.',
    );
  }

  /** In the order of the device; none before `open`. */
  get all(): ServingComponent[] {
    return [...this.#opened.values()];
  }

  get unused(): readonly UnusedComponent[] {
    return this.#unused;
  }

  /** The processes that serve whoever needs no process of its own, one per component. */
  get ordinary(): ServingProcess[] {
    return this.all.map(({ ordinary }) => ordinary);
  }

  get(name: string): ServingComponent | undefined {
    return this.#opened.get(name);
  }

  /**
   * Finds out which components can be used. Their processes are not started yet.
   * @throws EcomapError RUNTIME_UNAVAILABLE when none can
   */
  async open(slots: SlotDirectory): Promise<void> {
    const { device, entry, clock, log, hostMemoryLimitMb, recycle } = this.options;
    const usable = await this.#usable();
    if (usable.length === 0) {
      const reasons = this.#unused.map(({ component, why }) => `${component}: ${why}`).join('; ');
      throw new EcomapError('RUNTIME_UNAVAILABLE', `No component of the device can be used: ${reasons}.`);
    }
    const memoryLimitBytes =
      hostMemoryLimitMb === undefined ? await defaultHostLimitBytes(usable.length) : bytesOfMb(hostMemoryLimitMb);
    const mayRaise = await mayRaisePriority();
    for (const component of usable) {
      const opened = new ServingComponent({
        component,
        slots,
        device,
        entry,
        clock,
        log,
        memoryLimitBytes,
        recycle: { ...defaultRecycleRules, ...recycle },
        mayRaisePriority: mayRaise,
        quarantineOf: (tenant) => this.quarantineOf(tenant),
      });
      this.#opened.set(component.name, opened);
    }
  }

  /** The inputs of a tenant that have ended a host. */
  quarantineOf(tenant: string): Quarantine {
    const quarantine = this.#quarantines.get(tenant) ?? new Quarantine(tenant);
    this.#quarantines.set(tenant, quarantine);
    return quarantine;
  }

  async close(): Promise<void> {
    await this.#probe?.close();
    await Promise.all(this.all.map((component) => component.close()));
  }

  /** In the order of the device, whichever probe was done first. */
  async #usable(): Promise<Component[]> {
    const { device, entry, stateDirectory, log } = this.options;
    const probe = new ProviderProbe({ stateDirectory, hostEntry: entry, warn: (text) => log.warn(text) });
    this.#probe = probe;
    const problems = new Map<Component, string>();
    await Promise.all(
      device.components.map(async (component) => {
        const why = isComputedHere(component)
          ? await probe.problemOf(component)
          : `a component of the kind ${component.kind} needs an execution provider`;
        if (why === null) return;
        problems.set(component, why);
        this.#unused.push({ component: component.name, why });
      }),
    );
    return device.components.filter((component) => !problems.has(component));
  }
}

/** CPU cores, or what an execution provider drives; whether that runs is for the probe to find out. */
function isComputedHere({ kind, provider }: Component): boolean {
  return kind === 'cpu' || (kind !== 'remote' && provider !== undefined);
}
